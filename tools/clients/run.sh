#!/usr/bin/env bash
# Starts a server on a free port with an empty data directory and drives it with unmodified
# vendor clients. Usage: run.sh <hebbd binary> <work directory>. Fails when any check fails.
set -euo pipefail

binary=$1
work=$2
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}

# All that is missing is said at once.
missing=
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    missing=1
    echo "$python is missing or older than 3.10. Install Python 3.10 or later, or set PYTHON:" >&2
    echo '  apt-get install python3 python3-venv   (Debian, Ubuntu)' >&2
fi
if ! node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; then
    missing=1
    echo 'node is missing or older than 18. Install Node.js 18 or later:' >&2
    echo '  apt-get install nodejs npm   (Debian 12, Ubuntu 24.04 or later)' >&2
fi
if ! command -v npm >/dev/null; then
    missing=1
    echo 'npm is missing. It comes with Node.js, or on its own:' >&2
    echo '  apt-get install npm   (Debian, Ubuntu)' >&2
fi
if [ -n "$missing" ]; then exit 1; fi

mkdir -p "$work"
venv=$work/venv
if [ ! -x "$venv/bin/python" ] && ! "$python" -m venv "$venv"; then
    rm -rf "$venv"
    echo 'No virtual environment could be made (Debian, Ubuntu: apt-get install python3-venv).' >&2
    exit 1
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --requirement "$here/requirements.txt"
mkdir -p "$work/npm"
cp "$here/package.json" "$work/npm/package.json"
npm install --prefix "$work/npm" --no-audit --no-fund --loglevel=error

scratch=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill -KILL "$server" 2>/dev/null || true; fi; rm -rf "$scratch"' EXIT
data=$scratch/data
log=$work/server.log

# Prints a file with a key of a new tenant. Tenants can be made while no server runs only.
new_key() {
    local name=$1 plan=$2 tenant
    tenant=$("$binary" tenant create --data-dir "$data" --name "$name" --plan "$plan" --json |
        "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["id"])')
    "$binary" key create --data-dir "$data" --tenant "$tenant" --dialect mnemoverse --json \
        >"$scratch/$name.json"
    echo "$scratch/$name.json"
}
free_1=$(new_key free-1 free)
free_2=$(new_key free-2 free)
mcp_1=$(new_key mcp-1 local)
mcp_2=$(new_key mcp-2 local)

"$binary" serve --dev --data-dir "$data" --listen 127.0.0.1:0 >"$log" 2>&1 &
server=$!

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

# A proxy of the caller's has no way to this address.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
status=0
"$venv/bin/python" -B "$here/mnemoverse_client.py" "$credentials" "$free_1" "$free_2" || status=1
"$venv/bin/python" -B "$here/mnemoverse_mcp.py" "$credentials" "$mcp_1" "$mcp_2" \
    "$work/npm/node_modules/.bin/mcp-memory-server" || status=1
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
