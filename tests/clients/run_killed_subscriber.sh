#!/usr/bin/env bash
# A subscriber is killed and started again, over and over, while events are written; it ends with
# every event once, in the order of its case. REBOUND_KILLS: how often, 10 if not set; 100 with
# 50,000 events take some minutes.
#
#   tests/clients/run_killed_subscriber.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/server/serve.sh"
prologue "$0" "$@"
"$root/clients/python/generate.sh" "$work/python" || exit 1
for role in agent admin; do
  REBOUND_TOKEN=$("$bin/reboundd" principal add --db "$work/db" --name "$role" --role "$role" \
    2>/dev/null) || exit 1
done
export REBOUND_TOKEN

serve || exit 1
PYTHONPATH=$work/python:$root/clients/python PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 \
  "$root/tests/clients/killed_subscriber.py" drive "$bin" "$work/journal" || failed=1
stop || failed=1
exit $failed
