#!/usr/bin/env python3
"""Check that services answer: TCP ports and web pages. What does not answer is an error record."""

import argparse
import socket
import sys
import time
import urllib.request

try:
    import jobdeck
except ImportError:
    sys.exit("Run it with jobdeck, or put core/python on PYTHONPATH.")


def check(target, timeout):
    """Seconds until the target answered. Raises OSError or ValueError when it does not."""
    started = time.monotonic()
    if target.startswith(("http://", "https://")):
        with urllib.request.urlopen(target, timeout=timeout):
            pass
    else:
        host, _, port = target.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError("write it as HOST:PORT or as a URL")
        with socket.create_connection((host.strip("[]"), int(port)), timeout=timeout):
            pass
    return time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="+", help="HOST:PORT or a URL")
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds to wait for each")
    parser.add_argument("--slow", type=float, default=1.0, help="warn when an answer takes longer than so many seconds")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when something does not answer")
    options = parser.parse_args()

    failed = 0
    for number, target in enumerate(options.targets):
        jobdeck.progress(100 * number / len(options.targets), "Checking", status=target)
        try:
            seconds = check(target, options.timeout)
        except (OSError, ValueError) as problem:
            failed += 1
            print(f"FAILED  {target}")
            jobdeck.error(f"{target} does not answer: {problem}", category="ConnectionError", id="NoAnswer")
            jobdeck.emit({"target": target, "up": False})
            continue
        print(f"ok      {target} in {seconds * 1000:.0f} ms")
        jobdeck.emit({"target": target, "up": True, "seconds": round(seconds, 4)})
        if seconds > options.slow:
            jobdeck.warn(f"{target} took {seconds:.1f} s to answer")
    print(f"{len(options.targets) - failed} of {len(options.targets)} answer")
    return 1 if failed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
