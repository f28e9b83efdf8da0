#!/usr/bin/env python3
"""Digest a log: how many lines of each level, and the messages that come most often."""

import re
import sys
from collections import Counter
from pathlib import Path

try:
    import jobdeck
except ImportError:
    sys.exit("Run it with jobdeck, or put core/python on PYTHONPATH.")

LEVEL = re.compile(r"\b(CRITICAL|FATAL|ERROR|WARN(?:ING)?|INFO|DEBUG)\b", re.IGNORECASE)
NUMBERS = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)


def main(log: Path, top: int = 5, level: str = "any"):
    """Digest one log file.

    Args:
        log: the file to read; it may be large
        top: how many messages to show
        level: count only lines of this level, such as ERROR
    """
    size = max(log.stat().st_size, 1)
    levels, messages = Counter(), Counter()
    done, shown = 0, -1
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            done += len(line)
            if done * 10 // size > shown:
                shown = done * 10 // size
                jobdeck.progress(100 * done / size, f"Reading {log.name}", status=f"{sum(levels.values())} lines")
            found = LEVEL.search(line)
            name = found[1].upper() if found else "OTHER"
            levels[name] += 1
            if level == "any" or name == level.upper():
                text = line[found.end() :] if found else line
                messages[NUMBERS.sub("#", text).strip(" \t:-[]\r\n")] += 1
    jobdeck.progress(100, f"Reading {log.name}", completed=True)

    for message, count in messages.most_common(top):
        print(f"{count:8}  {message[:100]}")
        jobdeck.emit({"message": message, "count": count})
    if levels["CRITICAL"] + levels["FATAL"]:
        jobdeck.warn(f"{levels['CRITICAL'] + levels['FATAL']} critical lines")
    return {"file": log, "lines": sum(levels.values()), "levels": dict(levels)}


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} LOG")
    jobdeck.emit(main(Path(sys.argv[1])))
