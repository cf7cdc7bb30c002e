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
# So much that an export of it takes more than one message.
/usr/bin/python3 -c 'import json
print(json.dumps({"requestId": "many", "responses": [
    {"programId": "touchpoint", "score": 9, "reason": f"{i}：" + "很好，\"谢谢\"😀\n" * 600,
     "externalKey": {"sourceSystem": "crm", "externalId": str(i)},
     "customerKey": {"sourceSystem": "crm", "externalId": f"=1+{i}"}} for i in range(40)]}))' |
  curl -sS --fail -H "content-type: application/json" -H "authorization: Bearer $REBOUND_TOKEN" \
    --data-binary @- "$REBOUND_HTTP/rebound.v1.ResponseService/BatchSubmitResponses" \
    >"$work/many" || exit 1
jq -e '[.results[].response.id | strings] | length == 40' "$work/many" >/dev/null ||
  { echo "WRONG expected 40 more answers to be stored, but:"; head -c 2000 "$work/many"; exit 1; }
PYTHONPATH=$work/python "$here/same_answers.py" "$here/calls.json" \
  "$root/build/npm/node_modules/.bin/buf" "$work" || failed=1
stop || failed=1
exit $failed
