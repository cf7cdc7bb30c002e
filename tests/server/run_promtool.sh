#!/usr/bin/env bash
# What the HTTP listener of a real reboundd shows at /metrics, judged by Prometheus' own tool:
# names, units, types and help. Needs promtool (./dev setup).
#
#   tests/server/run_promtool.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
promtool=$root/build/promtool/usr/bin/promtool
[[ $# == 1 && -x $1/reboundd && -x $1/rebound ]] || {
  echo "usage: $0 BIN_DIR: the folder that holds reboundd and rebound" >&2
  exit 2
}
[[ -x $promtool ]] || { echo "expected promtool at $promtool: run ./dev setup" >&2; exit 1; }
bin=$(cd "$1" && pwd)
. "$root/tests/server/serve.sh"
work=$(mktemp -d)
server=
finish() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
  fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

REBOUND_TOKEN=$("$bin/reboundd" principal add --db "$work/db" --name tester --role admin) || exit 1
export REBOUND_TOKEN
"$bin/reboundd" --db "$work/db" --listen 127.0.0.1:0 --http 127.0.0.1:0 --config "$root/config" \
  >"$work/log" 2>&1 &
server=$!
port=$(await_port "$work/log" "$server") || exit 1
export REBOUND_SERVER=127.0.0.1:$port
http_port=
for ((tries = 300; tries > 0; --tries)); do  # its line comes after that of gRPC
  http_port=$(sed -n 's/.*"http_port":\([0-9]*\).*/\1/p' "$work/log")
  [[ -n $http_port ]] && break
  sleep 0.1
done

failed=0
"$bin/rebound" status >/dev/null || failed=1  # so that there is a call to count
curl -sS --fail "http://127.0.0.1:$http_port/metrics" >"$work/metrics" || exit 1
if "$promtool" check metrics <"$work/metrics"; then
  echo "ok    promtool has no complaint"
else
  echo "WRONG promtool complains about"
  cat "$work/metrics"
  failed=1
fi
# The command line shows the same families.
"$bin/rebound" metrics >"$work/cli" || failed=1
if cmp -s <(grep '^#' "$work/metrics") <(grep '^#' "$work/cli"); then
  echo "ok    rebound metrics shows the same"
else
  echo "WRONG rebound metrics shows something else"
  failed=1
fi
exit $failed
