#!/usr/bin/env bash
# SIGHUP to a real reboundd: a broken folder leaves the revision in force, and `rebound status` says
# so, over a restart too; a mended one is put in force.
#
#   tests/server/run_reload.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[[ $# == 1 && -x $1/reboundd && -x $1/rebound ]] || {
  echo "usage: $0 BIN_DIR: the folder that holds reboundd and rebound" >&2
  exit 2
}
bin=$(cd "$1" && pwd)
. "$root/tests/server/serve.sh"
export LC_ALL=C.UTF-8
work=$(mktemp -d)
server=
stop() {
  [[ -n $server ]] || return
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  server=
}
finish() {
  stop
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

start() {
  : >"$work/log"  # or the port of the server before might be read from it
  "$bin/reboundd" --db "$work/db" --listen 127.0.0.1:0 --config "$work/config" >"$work/log" 2>&1 &
  server=$!
  local port
  port=$(await_port "$work/log" "$server") || exit 1
  export REBOUND_SERVER=127.0.0.1:$port
}

failed=0
# shows WHAT REGEX...: `rebound status` comes to have a match of each, asked again until it has.
shows() {
  local what=$1 regex missing tries
  shift
  for ((tries = 300; tries > 0; --tries)); do
    "$bin/rebound" status >"$work/status" 2>&1
    missing=
    for regex in "$@"; do
      grep -qE "$regex" "$work/status" || missing=$regex
    done
    [[ -z $missing ]] && { echo "ok    $what"; return; }
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "WRONG $what: expected '$missing', but got:"
  cat "$work/status"
  failed=1
}

cp -r "$root/config" "$work/config"
REBOUND_TOKEN=$("$bin/reboundd" principal add --db "$work/db" --name tester --role admin) || exit 1
export REBOUND_TOKEN
start
shows "a start reads the folder" 'configuration +revision 1 ' 'folder read .*, without faults'

lifecycle=$work/config/lifecycle.yaml
sed -i 's/^  max_returns: 3/  max_retruns: 5/' "$lifecycle"
kill -HUP "$server"
shows "a broken folder leaves the revision in force" 'configuration +revision 1 ' \
  'folder read .*BROKEN \(faults: 1\); the last good revision stays in force' 'max_retruns'

for line in 'rebound_config_reloads_total{result="good"} 1' \
  'rebound_config_reloads_total{result="failed"} 1' 'rebound_config_last_reload_good 0'; do
  "$bin/rebound" metrics | grep -qxF "$line" && continue
  echo "WRONG rebound metrics has no line '$line'"
  failed=1
done

stop
start
shows "so it does over a restart, and says so" 'configuration +revision 1 ' \
  'folder read .*BROKEN \(faults: 1\)' 'max_retruns'

sed -i 's/^  max_retruns: 5/  max_returns: 5/' "$lifecycle"
kill -HUP "$server"
shows "a mended one is in force" 'configuration +revision 2 .*from folder' \
  'folder read .*, without faults'
"$bin/rebound" config show 2 2>&1 | grep -q 'max_returns: 5' || {
  echo "WRONG revision 2 does not say max_returns: 5"
  failed=1
}

exit $failed
