#!/usr/bin/env bash
# A client that is not ours: buf curl finds the API by reflection, stores an answer, reads the case
# it opened, is refused with details, lists the services and asks for the health. Needs buf
# (./dev setup).
#
#   tests/server/run_buf_curl.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
buf=$root/build/npm/node_modules/.bin/buf
[[ -x $buf ]] || { echo "expected buf at $buf: run ./dev setup" >&2; exit 1; }
. "$root/tests/server/serve.sh"
prologue "$0" "$@"

# expect WHAT JQ_CONDITION FILE: the JSON in the file fulfils the condition.
expect() {
  if jq -e "$2" "$3" >/dev/null 2>&1; then
    echo "ok    $1"
  else
    echo "WRONG $1: expected $2, but got:"
    cat "$3"
    failed=1
  fi
}

token=$("$bin/reboundd" principal add --db "$work/db" --name tester --role admin 2>/dev/null)
[[ $token == rbt_* ]] || { echo "expected a token, but got '$token'" >&2; exit 1; }
serve || exit 1

# call METHOD BODY OUT [OPTION...]: the reply, or the error as JSON, goes to OUT.
call() {
  local method=$1 body=$2 out=$3
  shift 3
  "$buf" curl --protocol grpc --http2-prior-knowledge --reflect-header '*' \
    -H "Authorization: Bearer $token" "$@" -d "$body" "http://127.0.0.1:$port/$method" \
    >"$work/$out" 2>"$work/$out.error"
  local code=$?
  [[ -s $work/$out ]] || cp "$work/$out.error" "$work/$out"
  return $code
}

answer='{"requestId": "r1", "response": {"programId": "touchpoint", "score": "2",
  "customerKey": {"sourceSystem": "crm", "externalId": "li"}, "reason": "等了一个小时"}}'
call rebound.v1.ResponseService/SubmitResponse "$answer" stored ||
  { failed=1; echo "WRONG submit failed"; }
expect "an answer is stored and opens a case" \
  '.response.category == "CATEGORY_DETRACTOR" and .response.effect == "RESPONSE_EFFECT_OPENED"
   and .response.reason == "等了一个小时" and (.response.pairedCaseId | length == 26)' "$work/stored"
call rebound.v1.ResponseService/SubmitResponse "$answer" again
expect "the same request again is a replay" '.replayed == true' "$work/again"

call rebound.v1.CaseService/GetCase '{"caseId": "C-1"}' case
expect "the case is there" \
  '.case.number == "C-1" and .case.score == "2" and .case.severity == 4 and .case.status == "open"
   and (.case.allowedCommands | index("log_attempt") != null)' "$work/case"

# Errors arrive with their details in the clear: reason, field, words in the caller's language.
if call rebound.v1.ResponseService/SubmitResponse \
  '{"requestId": "r2", "response": {"programId": "touchpoint", "score": 11,
    "customerKey": {"sourceSystem": "crm", "externalId": "li"}}}' refused \
  -H 'accept-language: zh-CN'; then
  failed=1
  echo "WRONG a score of 11 was accepted"
fi
# buf knows the details' types by name only and prints their bytes.
expect "a score of 11 is refused with details" \
  'def bytes(name): .details[] | select(.type == "google.rpc." + name).value | @base64d;
   .code == "invalid_argument" and (bytes("ErrorInfo") | test("SCORE_OUT_OF_RANGE"))
   and (bytes("BadRequest") | test("response.score"))
   and (bytes("LocalizedMessage") | test("zh-CN") and test("整数"))' "$work/refused"

# Without a known token there is neither reflection nor a call.
"$buf" curl --protocol grpc --http2-prior-knowledge --schema "$root/proto" \
  -H "Authorization: Bearer rbt_unknown" -d '{"caseId": "C-1"}' \
  "http://127.0.0.1:$port/rebound.v1.CaseService/GetCase" >"$work/stranger" 2>&1
expect "a stranger is turned away" '.code == "unauthenticated"' "$work/stranger"

"$buf" curl --protocol grpc --http2-prior-knowledge --reflect-header '*' \
  -H "Authorization: Bearer $token" --list-services "http://127.0.0.1:$port" \
  >"$work/services" 2>&1
for service in rebound.v1.{Response,Case,Customer,Survey,Report,Operations}Service \
  grpc.health.v1.Health; do
  grep -q -x "$service" "$work/services" ||
    { failed=1; echo "WRONG $service is not listed:"; cat "$work/services"; }
done
echo "ok    the services are listed: $(wc -l <"$work/services")"

call grpc.health.v1.Health/Check '{}' health
expect "the server is in health" '.status == "SERVING"' "$work/health"

stop || failed=1
exit $failed
