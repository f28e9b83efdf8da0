#!/usr/bin/env bash
# Add up the numbers that come on standard input, one a line.
set -euo pipefail
total=0
while read -r number; do
    if ! [[ $number =~ ^-?[0-9]+$ ]]; then
        echo "not a whole number: $number" >&2
        exit 2
    fi
    total=$((total + number))
done
echo "$total"
