#!/usr/bin/env bash
# Starts a server on a free port with an empty data directory and drives it with unmodified
# vendor clients. Usage: run.sh <hebbd binary> <work directory>. Fails when any check fails.
set -euo pipefail

binary=$1
work=$2
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null; then
    echo "$python is missing; install Python 3.10 or later, or set PYTHON." >&2
    exit 1
fi
mkdir -p "$work"
venv=$work/venv
if [ ! -x "$venv/bin/python" ] && ! "$python" -m venv "$venv"; then
    rm -rf "$venv"
    echo 'No virtual environment could be made (Debian, Ubuntu: apt-get install python3-venv).' >&2
    exit 1
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --requirement "$here/requirements.txt"

data=$(mktemp -d)
log=$work/server.log
"$binary" serve --dev --data-dir "$data" --listen 127.0.0.1:0 >"$log" 2>&1 &
server=$!
trap 'kill -KILL "$server" 2>/dev/null || true; rm -rf "$data"' EXIT

# The file appears once the listener is bound.
credentials=$data/dev-credentials.json
for _ in $(seq 100); do
    if [ -s "$credentials" ]; then break; fi
    if ! kill -0 "$server" 2>/dev/null; then break; fi
    sleep 0.1
done
if [ ! -s "$credentials" ]; then
    echo 'The server did not come up. Its log:' >&2
    cat "$log" >&2
    exit 1
fi

status=0
"$venv/bin/python" "$here/mnemoverse_client.py" "$credentials" || status=$?
kill -TERM "$server" 2>/dev/null || true
if wait "$server"; then
    echo 'the server stopped cleanly'
else
    echo "FAILED: the server ended with status $?" >&2
    status=1
fi
if [ "$status" != 0 ]; then
    echo "The server's log is $log; its last lines:" >&2
    tail -n 20 "$log" >&2
fi
exit "$status"
