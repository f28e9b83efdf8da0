#!/usr/bin/env bash
# Back up a directory into a compressed archive; asks how, and for a pass phrase when it is to be encrypted.
#
# @param {directory} [source] What to back up (a small directory made for the trial when it is not given)
# @param {directory} [destination] Where the archive goes (a new temporary directory when it is not given)
# @param {ask|plain|encrypted} [mode=ask] How to store it
# @param {secret} [passphrase] The pass phrase of an encrypted archive; asked for when it is not given
# @param {switch} [verify=true] Read the archive again when it is written
set -euo pipefail
umask 077
source=${1:-}
destination=${2:-}
mode=${3:-ask}
verify=${5:-true}

# By hand, without jobdeck: questions and messages at the terminal.
command -v jobdeck-job >/dev/null || jobdeck-job() {
    case $1 in
    ask) if [ "$3" = --secret ]; then read -rs -p "$2: " REPLY; else read -r -p "$2 plain, encrypted: " REPLY; fi
        echo "$REPLY" ;;
    parameter) echo "${passphrase:-}" ;;
    *) echo "$*" >&2 ;;
    esac
}

if [ -z "$source" ]; then
    source=$(mktemp -d)
    trap 'rm -rf "$source"' EXIT
    echo "something worth keeping" >"$source/notes.txt"
fi
if [ ! -d "$source" ]; then
    jobdeck-job error "There is no directory $source to back up."
    exit 1
fi
destination=${destination:-$(mktemp -d)}
mkdir -p "$destination"

if [ "$mode" = ask ]; then
    mode=$(jobdeck-job ask "How shall $source be stored?" --choice "&plain" --choice "&encrypted" --default plain)
    mode=${mode:-plain}
fi
archive=$destination/$(basename "$source")-$(date +%Y%m%d-%H%M%S).tar.gz

jobdeck-job progress 10 "Backing up" --status "writing"
if [ "$mode" = encrypted ]; then
    command -v openssl >/dev/null || { jobdeck-job error "openssl, which encrypts, is not installed."; exit 1; }
    passphrase=$(jobdeck-job parameter passphrase 2>/dev/null || true)
    [ -n "$passphrase" ] || passphrase=$(jobdeck-job ask "Pass phrase" --secret)
    [ -n "$passphrase" ] || { jobdeck-job error "An empty pass phrase protects nothing."; exit 1; }
    archive=$archive.enc
    # the pass phrase goes through a descriptor: arguments are public
    tar -C "$source" -czf - . | openssl enc -aes-256-cbc -pbkdf2 -pass fd:3 -out "$archive" 3<<<"$passphrase"
else
    tar -C "$source" -czf "$archive" .
fi

if [ "$verify" = true ]; then
    jobdeck-job progress 70 "Backing up" --status "verifying"
    if [ "$mode" = encrypted ]; then
        openssl enc -d -aes-256-cbc -pbkdf2 -pass fd:3 -in "$archive" 3<<<"$passphrase" | tar -tzf - >/dev/null
    else
        tar -tzf "$archive" >/dev/null
    fi
fi
jobdeck-job progress 100 "Backing up" --status "done"

size=$(wc -c <"$archive")
echo "$archive: $size bytes, $mode"
jobdeck-job emit -k "archive=$archive" "bytes=$size" "mode=$mode"
