#!/usr/bin/env bash
# Starts servers on free ports with empty data directories and drives them with unmodified vendor
# clients. Usage: run.sh <hebbd binary> <work directory>. Fails when any check fails.
set -euo pipefail

binary=$1
work=$2
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
tex_releases='1.1.0 1.2.2 1.5.2'
metorial_releases='2.2.0 2.6.0'

# What the clients of Tex are metered by: a plan as published, and one that is soon used up.
export HEBBD_PLANS__METERED__TOKENS_IN_PER_DAY=1000000
export HEBBD_PLANS__METERED__TOKENS_OUT_PER_DAY=5000000
export HEBBD_PLANS__TINY__TOKENS_IN_PER_DAY=20
export HEBBD_PLANS__TINY__TOKENS_OUT_PER_DAY=20

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
if ! command -v curl >/dev/null; then
    missing=1
    echo 'curl is missing:' >&2
    echo '  apt-get install curl   (Debian, Ubuntu)' >&2
fi
if [ -n "$missing" ]; then exit 1; fi

# The functions below are not for $(...): what fails in one ends the script.

# Makes a virtual environment in the work directory with what a file of requirements names.
make_venv() {
    local venv=$work/$1 requirements=$here/$2
    if [ ! -x "$venv/bin/python" ] && ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        echo 'No virtual environment could be made (Debian, Ubuntu: apt-get install python3-venv).' >&2
        exit 1
    fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --requirement "$requirements"
}

# Writes a key of a new tenant of the ordinary server to $scratch/<name>.json.
new_key() {
    local name=$1 plan=$2 dialect=$3 tenant
    tenant=$("$binary" tenant create --data-dir "$scratch/data" --name "$name" --plan "$plan" --json |
        "$python" -c 'import json, sys; print(json.load(sys.stdin)["id"])')
    "$binary" key create --data-dir "$scratch/data" --tenant "$tenant" --dialect "$dialect" --json \
        >"$scratch/$name.json"
}

# Starts a server on $scratch/<name> and waits until it listens, which is when its credentials
# appear there. Its log is $work/<log>. What follows are flags of the server's.
start_server() {
    local data=$scratch/$1 log=$work/$2 server
    shift 2
    "$binary" serve --dev --data-dir "$data" --listen 127.0.0.1:0 "$@" >"$log" 2>&1 &
    server=$!
    servers="$servers $server"
    logs="$logs $log"
    for _ in $(seq 100); do
        if [ -s "$data/dev-credentials.json" ]; then return; fi
        if ! kill -0 "$server" 2>/dev/null; then break; fi
        sleep 0.1
    done
    echo 'The server did not come up. Its log:' >&2
    cat "$log" >&2
    exit 1
}

# Runs a script of this directory in a virtual environment. What fails does not keep others from
# being run.
run() {
    local venv=$work/$1 script=$here/$2
    shift 2
    "$venv/bin/python" -B "$script" "$@" || status=1
}

mkdir -p "$work"
make_venv venv requirements.txt
for release in $tex_releases; do
    make_venv "tex-$release" "tex-$release.txt"
done
for release in $metorial_releases; do
    make_venv "metorial-$release" "metorial-$release.txt"
done
# A module finds packages from where it is itself.
mkdir -p "$work/npm"
cp "$here/package.json" "$here/metorial_node.mjs" "$work/npm/"
npm install --prefix "$work/npm" --no-audit --no-fund --loglevel=error

scratch=$(mktemp -d)
servers=
logs=
trap 'for server in $servers; do kill -KILL "$server" 2>/dev/null || true; done; rm -rf "$scratch"' EXIT

new_key free-1 free mnemoverse
new_key free-2 free mnemoverse
new_key mcp-1 local mnemoverse
new_key mcp-2 local mnemoverse
for release in $tex_releases; do
    new_key "metered-$release" metered tex
    new_key "tiny-$release" tiny tex
done

start_server data server.log
start_server expiring expiring-server.log --set tex.access_token_lifetime_s=3
start_server documents documents-server.log --set 'metacogna.search_per_minute="unlimited"' \
    --set 'metacogna.chat_per_minute="unlimited"'
start_server impatient impatient-server.log --set metorial.development_requests_max=5 \
    --set metorial.key_window_s=3
credentials=$scratch/data/dev-credentials.json

# A proxy of the caller's has no way to these addresses.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
status=0
run venv mnemoverse_client.py "$credentials" "$scratch/free-1.json" "$scratch/free-2.json"
run venv mnemoverse_mcp.py "$credentials" "$scratch/mcp-1.json" "$scratch/mcp-2.json" \
    "$work/npm/node_modules/.bin/mcp-memory-server"
run venv metacogna_curl.py "$scratch/documents/dev-credentials.json" "$here/../.."
run venv magneteco_client.py "$credentials"
for release in $tex_releases; do
    run "tex-$release" tex_client.py "$credentials" "$scratch/expiring/dev-credentials.json" \
        "$scratch/metered-$release.json" "$scratch/tiny-$release.json"
done
for release in $metorial_releases; do
    run "metorial-$release" metorial_client.py "$credentials" \
        "$scratch/impatient/dev-credentials.json"
done
node "$work/npm/metorial_node.mjs" "$credentials" "$scratch/impatient/dev-credentials.json" ||
    status=1

for server in $servers; do kill -TERM "$server" 2>/dev/null || true; done
for server in $servers; do
    if wait "$server"; then
        echo 'the server stopped cleanly'
    else
        echo "FAILED: a server ended with status $?" >&2
        status=1
    fi
done
if [ "$status" != 0 ]; then
    for log in $logs; do
        echo "A server's log is $log; its last lines:" >&2
        tail -n 20 "$log" >&2
    done
fi
exit "$status"
