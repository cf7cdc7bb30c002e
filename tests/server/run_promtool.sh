#!/usr/bin/env bash
# What the HTTP listener of a real reboundd shows at /metrics, judged by Prometheus' own tool:
# names, units, types and help. Needs promtool (./dev setup).
#
#   tests/server/run_promtool.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
promtool=$root/build/promtool/usr/bin/promtool
[[ -x $promtool ]] || { echo "expected promtool at $promtool: run ./dev setup" >&2; exit 1; }
. "$root/tests/server/serve.sh"
prologue "$0" "$@"
REBOUND_TOKEN=$("$bin/reboundd" principal add --db "$work/db" --name tester --role admin) || exit 1
export REBOUND_TOKEN
serve || exit 1

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
