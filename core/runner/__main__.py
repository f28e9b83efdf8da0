"""The runner's process: `python -I -S …/__main__.py run ID DIRECTORY LOCK WATCH SECRETS`, or `… zygote FD`."""

from __future__ import annotations

import os
import sys

if not __package__:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from core.runner import process

process.main(sys.argv)
