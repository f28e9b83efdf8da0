"""The path of a request, before anything is looked up by it: behind a proxy, and with slashes inside a name."""

from __future__ import annotations

import re
import urllib.parse

from starlette.types import Scope

#: what stands for a %2F, which is no separator but part of a name, while a request is routed
SLASH = "\ue02f"
_QUOTED = re.compile("%2f", re.IGNORECASE)


def settle(scope: Scope, root: str) -> None:
    """Make `path` what the routes know, and `root_path` what a proxy puts before it, passed on or not."""
    raw = scope.get("raw_path") or b""
    if b"%2f" in raw or b"%2F" in raw:
        scope["path"] = urllib.parse.unquote(_QUOTED.sub(SLASH, raw.decode("ascii", "replace")))
    if root:
        path: str = scope["path"]
        if not (path == root or path.startswith(root + "/")):
            scope["path"] = root + path
        scope["root_path"] = root
