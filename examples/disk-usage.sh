#!/usr/bin/env bash
# Report how full the file systems are: one object for each, a warning for each that is above the threshold.
#
# @param {integer 1..100} [threshold=90] "Warn above" Per cent of use from which a file system is worth a warning
# @param {directory} [path] Only the file system that holds this path
set -euo pipefail
threshold=${1:-90}
path=${2:-}

# By hand, without jobdeck, its messages go to the terminal.
command -v jobdeck-job >/dev/null || jobdeck-job() { local kind=$1; shift; echo "$kind: $*" >&2; }

full=0
printf '%-30s %6s %10s\n' "Mounted on" "Used" "Free MiB"
while read -r _ size _ free used mount; do
    [ "$size" -gt 0 ] || continue
    printf '%-30s %5d%% %10d\n' "$mount" "${used%\%}" $((free / 1024))
    jobdeck-job emit -k "used=${used%\%}" "free_mib=$((free / 1024))" "mount=$mount"
    if [ "${used%\%}" -gt "$threshold" ]; then
        jobdeck-job warn "$mount is ${used} full."
        full=$((full + 1))
    fi
done < <(df -P -k ${path:+"$path"} | awk 'NR > 1 && $1 !~ /^(tmpfs|devtmpfs|overlay-ro|none)$/ && $5 ~ /%/')

echo "$full above $threshold %"
