#!/usr/bin/env bash
# Webhooks to a receiver that fails half its calls, hangs, resets, is killed and started again; the
# server is killed in the middle, too. Each event must arrive once after dedupe by webhook-id, in
# order per case, with signatures and bodies that other people's libraries accept.
#
#   tests/server/run_webhooks.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/server/serve.sh"
prologue "$0" "$@"
"$bin/reboundd" --help | grep -q -- --deliver-timeout || {
  echo "WRONG expected reboundd to have --deliver-http, -allow, -retry and -timeout"
  exit 1
}
REBOUND_TOKEN=$("$bin/reboundd" principal add --db "$work/db" --name admin --role admin \
  2>/dev/null) || exit 1
export REBOUND_TOKEN

# Enough tries that nothing dies of what the receiver does, within seconds.
waits=0s,50ms,100ms,200ms
for ((i = 0; i < 24; ++i)); do waits+=,400ms; done
deliver=(--deliver-http --deliver-allow 127.0.0.0/8 --deliver-retry "$waits" --deliver-timeout 2s)

# call SERVICE/METHOD JSON [WHAT]: the answer's field, by the Connect protocol.
call() {
  local answer
  answer=$(curl -sS --max-time 30 -H "Authorization: Bearer $REBOUND_TOKEN" \
    -H 'Content-Type: application/json' -d "$2" "$REBOUND_HTTP/rebound.v1.$1") &&
    jq -er "if .code then error else ${3:-.} end" <<<"$answer" 2>/dev/null || {
    echo "WRONG $1 with ${2:0:200}: expected an answer with ${3:-any field}, but got" >&2
    echo "${answer:0:500}" >&2
    return 1
  }
}

# await WHAT COMMAND...: until the command succeeds.
await() {
  local what=$1 end=$((SECONDS + 200))
  shift
  until "$@"; do
    if ((SECONDS >= end)); then
      echo "WRONG expected $what within 200 s; calls by endpoint and end:"
      jq -r '.endpoint + " " + .how' "$work/calls.jsonl" | sort | uniq -c
      tail -n 5 "$work/receiver"
      grep -sv '"level":"info"' "$work/log" | tail -n 5
      exit 1
    fi
    sleep 0.1
  done
}
has_taken() { (($(grep -c "^{\"endpoint\":\"$1\".*\"how\":\"taken\"" "$work/calls.jsonl") >= $2)); }
has_all() { has_taken "$@" && (($("$check" "$work" taken "$1") >= $2)); }
# Nothing is pending for the endpoint.
is_done() {
  [[ $(call DeliveryService/ListDeliveries "{\"endpointId\": \"${id[$1]}\",
    \"state\": \"DELIVERY_STATE_PENDING\"}" '.deliveries // [] | length') == 0 ]]
}
is_gone() {
  [[ $(call DeliveryService/GetEndpoint "{\"endpointId\": \"${id[gone]}\"}" \
    '.endpoint.state + " " + (.endpoint.disabledCause // "")') == \
    "ENDPOINT_STATE_DISABLED ENDPOINT_DISABLED_CAUSE_GONE" ]]
}

check=$root/tests/server/webhook_check.mjs
receiver=
receive() {
  : >"$work/receiver"
  "$root/tests/server/webhook_receiver.mjs" "$work" "$@" >"$work/receiver" 2>&1 &
  receiver=$!
  clients=$receiver
  await "the receiver to listen" grep -q '^listening' "$work/receiver"
}
# submit NAME FIRST LAST: a bad answer of each of these customers.
submit() {
  call ResponseService/BatchSubmitResponses "$(jq -n --arg name "$1" --argjson first "$2" \
    --argjson last "$3" '{requestId: $name, responses: [range($first; $last) | {
      programId: "touchpoint", score: "2",
      customerKey: {sourceSystem: "crm", externalId: "customer-\(.)"}}]}')" \
    '[.results[] | select(.error)] | if length > 0 then error else "all" end' >/dev/null || exit 1
}
events() { "$bin/rebound" events list --all -o json >"$1" || exit 1; }

touch "$work/calls.jsonl"
echo '{}' >"$work/keys.json"
receive 0
receiver_port=$(sed -n 's/listening //p' "$work/receiver")
serve 127.0.0.1:0 127.0.0.1:0 "${deliver[@]}" || exit 1
listen=127.0.0.1:$port http=127.0.0.1:$http_port  # kept over the restart

declare -A id=() key=()
for name in hmac ed25519 gone; do
  scheme=SIGNING_SCHEME_HMAC
  [[ $name == ed25519 ]] && scheme=SIGNING_SCHEME_ED25519
  made=$(call DeliveryService/CreateEndpoint "{\"requestId\": \"make-$name\",
    \"signingScheme\": \"$scheme\", \"endpoint\": {\"kind\": \"ENDPOINT_KIND_WEBHOOK\",
    \"url\": \"http://127.0.0.1:$receiver_port/$name\"}}" \
    '.endpoint.id + " " + (.secret // .publicKey)') || exit 1
  read -r "id[$name]" "key[$name]" <<<"$made"
done
jq -n --arg hmac "${key[hmac]}" --arg ed25519 "${key[ed25519]}" --arg gone "${key[gone]}" \
  '{hmac: [$hmac], ed25519: [$ed25519], gone: [$gone]}' >"$work/keys.json"
events "$work/before.json"

for name in hmac ed25519; do
  if [[ $(call DeliveryService/TestEndpoint "{\"endpointId\": \"${id[$name]}\"}" \
    '"\(.delivered) \(.status)"') == "true 204" ]]; then
    echo "ok    $name: a ping arrives"
  else
    failed=1
    echo "WRONG $name: expected the ping to be delivered with 204"
  fi
done

# The receiver dies while all is new, is away for a while, and comes back.
submit first 0 250
await "the first deliveries" has_taken ed25519 100
kill -KILL "$receiver"
wait "$receiver" 2>/dev/null
submit second 100 300
receive "$receiver_port"

# 410: no more is sent, whatever happens from here on.
await "the endpoint that answers 410 to be disabled" is_gone
events "$work/until_gone.json"

# The server dies while it sends.
await "more deliveries" has_taken ed25519 400
kill -KILL "$server"
wait "$server" 2>/dev/null
serve "$listen" "$http" "${deliver[@]}" || exit 1

# New keys: the old ones sign along.
for name in hmac ed25519; do
  new=$(call DeliveryService/RotateEndpointSecret "{\"requestId\": \"rotate-$name\",
    \"endpointId\": \"${id[$name]}\"}" '.secret // .publicKey') || exit 1
  jq --arg name "$name" --arg new "$new" '.[$name] = [$new] + .[$name]' "$work/keys.json" \
    >"$work/keys.new" && mv "$work/keys.new" "$work/keys.json"
done

# The receiver dies again, and begins by not answering for three cases.
kill -KILL "$receiver"
wait "$receiver" 2>/dev/null
receive "$receiver_port" 3
submit third 0 100
bulk=$(jq -c '[.[].caseNumber // empty] | unique | {requestId: "assign", assign: {owner: "admin"},
  caseIds: .[:250]}' "$work/until_gone.json")
call CaseService/BulkCases "$bulk" \
  '[.results[] | select(.error)] | if length > 0 then error else "all" end' >/dev/null || exit 1

events "$work/after.json"
jq -s '.[0] as $before | .[1][($before | length):]' "$work/before.json" "$work/after.json" \
  >"$work/log.json"
expected=$(jq length "$work/log.json")
for name in hmac ed25519; do
  await "all $expected events at $name" has_all "$name" "$expected"
  await "nothing to be pending for $name" is_done "$name"
done
"$check" "$work" check "$work/log.json" hmac ed25519 || failed=1

# say WHAT JQ...: ok when the expression over all calls is true.
say() {
  local what=$1
  shift
  if jq -es "$@" "$work/calls.jsonl" >"$work/said" 2>&1; then
    echo "ok    $what"
  else
    failed=1
    echo "WRONG $what: $(head -c 300 "$work/said")"
  fi
}
for name in hmac ed25519; do
  say "$name: both keys sign after the rotation" --arg name "$name" \
    '[.[] | select(.endpoint == $name)] | any(.signers == [0, 1]) and (last | .signers == [0, 1])'
done
say "hmac: what was never answered was tried again" \
  '[.[] | select(.how == "hang") | .id] as $hung | [.[] | select(.how == "taken") | .id] as $taken |
    ($hung | length) == 3 and all($hung[]; . as $id | $taken | index($id))'
say "gone: what happened later was not sent" --slurpfile until "$work/until_gone.json" \
  '[.[] | select(.endpoint == "gone")] | length > 0 and
    ([$until[0][].id] as $known | all(.[]; .event as $id | $known | index($id)))'

# A replay goes out under the id that the receiver knows.
first=$(jq -s '[.[] | select(.endpoint == "hmac" and .how == "taken" and .try > 1)] | .[0]' \
  "$work/calls.jsonl")
again=$(jq -r .id <<<"$first")
times_taken() { jq -s --arg id "$again" '[.[] | select(.id == $id)] | length' "$work/calls.jsonl"; }
times=$(times_taken)
call DeliveryService/ReplayDeliveries "{\"requestId\": \"replay\", \"endpointId\": \"${id[hmac]}\",
  \"deliveryId\": \"$again\"}" '.numReplayed | . == 1 or error' >/dev/null || failed=1
is_sent_again() { (($(times_taken) > times)); }
await "the replay to arrive" is_sent_again
say "hmac: a replay is the same event under the same id" --arg id "$again" \
  '[.[] | select(.id == $id) | .event] | unique | length == 1'

stop || failed=1
exit $failed
