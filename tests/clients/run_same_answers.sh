#!/usr/bin/env bash
# The same calls by buf curl, connect-node, grpc-js, Python's grpcio and curl, over gRPC and over
# Connect: the same answers, the same errors, the same details.
#
#   tests/clients/run_same_answers.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/server/serve.sh"
prologue "$0" "$@"
here=$root/tests/clients/same_answers
export NODE_PATH=$root/build/npm/node_modules REBOUND_DESCRIPTORS=$work/api.binpb
descriptors "$REBOUND_DESCRIPTORS" || exit 1
"$root/clients/python/generate.sh" "$work/python" || exit 1
REBOUND_TOKEN=$("$bin/reboundd" principal add --db "$work/db" --name tester --role integration \
  2>/dev/null) || exit 1
export REBOUND_TOKEN
serve || exit 1

# Stored beforehand, so that all clients find the same.
RESPONSE_ID=$(jq -c '.[] | select(.name == "a replayed change").request' "$here/calls.json" |
  curl -sS --fail -H "content-type: application/json" -H "authorization: Bearer $REBOUND_TOKEN" \
    --data-binary @- "$REBOUND_HTTP/rebound.v1.ResponseService/SubmitResponse" |
  jq -er .response.id) || exit 1
export RESPONSE_ID
PYTHONPATH=$work/python "$here/same_answers.py" "$here/calls.json" \
  "$root/build/npm/node_modules/.bin/buf" "$work" || failed=1
stop || failed=1
exit $failed
