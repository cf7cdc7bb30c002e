#!/usr/bin/env bash
# The integrations of clients/ follow their cases while somebody works these with the command line;
# the server is killed in the middle, and so is each client. Each must have written the events of
# its case, as the log has them, once and in order.
#
#   tests/clients/run_integrations.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/server/serve.sh"
prologue "$0" "$@"
export NODE_PATH=$root/build/npm/node_modules
export REBOUND_DESCRIPTORS=$work/api.binpb
descriptors "$REBOUND_DESCRIPTORS" || exit 1
"$root/clients/python/generate.sh" "$work/python" || exit 1
for role in agent integration; do
  "$bin/reboundd" principal add --db "$work/db" --name "$role" --role "$role" \
    >"$work/$role.token" 2>/dev/null || exit 1
done
REBOUND_TOKEN=$(<"$work/integration.token")
export REBOUND_TOKEN

serve || exit 1
listen=127.0.0.1:$port http=127.0.0.1:$http_port  # kept over the restart

declare -A programs=(
  [python]="$root/clients/python/follow.py"
  [grpc-js]="$root/clients/node/follow_grpc.js"
  [connect-node]="$root/clients/node/follow_connect.js"
  [curl]="$root/clients/curl/follow.sh"
)
names=(python grpc-js connect-node curl)
declare -A pids=() cases=()

start_client() {
  PYTHONPATH=$work/python "${programs[$1]}" "crm-$1" "answer-$1" "$work/$1.jsonl" \
    >>"$work/$1.out" 2>>"$work/$1.err" &
  pids[$1]=$!
  clients=${pids[*]}
}

# await WHAT COMMAND...: until the command succeeds.
await() {
  local what=$1 tries
  shift
  for ((tries = 3600; tries > 0; --tries)); do
    "$@" && return
    sleep 0.05
  done
  echo "WRONG expected $what within three minutes"
  tail -n 5 "$work"/*.err
  exit 1
}
has_ended() { ! kill -0 "${pids[$1]}" 2>/dev/null; }
has_event() { grep -q "\"$2\"" "$work/$1.jsonl" 2>/dev/null; }
work_on() { REBOUND_TOKEN=$(<"$work/agent.token") "$bin/rebound" cases "$@" >/dev/null || exit 1; }

for name in "${names[@]}"; do start_client "$name"; done
for name in "${names[@]}"; do
  await "$name to write that its case opened" has_event "$name" CaseOpened
  cases[$name]=$(head -n 1 "$work/$name.jsonl" | jq -r .caseNumber)
  work_on assign "${cases[$name]}" --owner agent
done

# The server dies while all follow, and comes back on the same file and ports.
kill -KILL "$server"
wait "$server" 2>/dev/null
serve "$listen" "$http" || exit 1
for name in "${names[@]}"; do
  work_on attempt "${cases[$name]}" --channel phone --outcome reached
done
for name in "${names[@]}"; do
  await "$name to go on after the server's death" has_event "$name" AttemptLogged
done

# Each client dies, with half a line written, misses something, and is started again.
for name in "${names[@]}"; do
  kill -KILL "${pids[$name]}"
  wait "${pids[$name]}" 2>/dev/null
  printf '{"id": "01' >>"$work/$name.jsonl"
  work_on resolve "${cases[$name]}" --result resolved --root-cause price --action "等额退款" \
    --customer-accepts yes
done
for name in "${names[@]}"; do start_client "$name"; done
for name in "${names[@]}"; do
  await "$name to go on after its own death" has_event "$name" CaseResolved
  work_on close "${cases[$name]}" --note done
done
for name in "${names[@]}"; do
  await "$name to write that its case is closed" has_event "$name" CaseClosed
  await "$name to end" has_ended "$name"
  wait "${pids[$name]}" || { failed=1; echo "WRONG $name ended with $?:"; cat "$work/$name.err"; }
done
clients=

# What anybody gets who reads the whole log.
"$bin/rebound" events list --limit 1000 -o json >"$work/log.json" || exit 1
for name in "${names[@]}"; do
  jq -r --arg case "${cases[$name]}" '.[] | select(.caseNumber == $case) | .id + " " + .type' \
    "$work/log.json" | sed '/CaseClosed/q' >"$work/expected"
  jq -r '.id + " " + .type' "$work/$name.jsonl" >"$work/got"
  if [[ -s $work/expected ]] && diff "$work/expected" "$work/got" >"$work/diff"; then
    echo "ok    $name: $(wc -l <"$work/got") events, each once and in order"
  else
    failed=1
    echo "WRONG $name: expected the log's events, each once and in order, but got"
    cat "$work/diff"
  fi
done

# A refusal is shown with its reason, field and words, and is not tried again. An answer's key is
# taken here for that of another request.
for name in "${names[@]}"; do
  PYTHONPATH=$work/python timeout 60 "${programs[$name]}" "crm-other" "answer-$name" \
    "$work/refused.$name" >"$work/refused" 2>&1
  code=$?
  if [[ $code == 1 ]] &&
    grep -qi 'already.\?exists REQUEST_ID_REUSED.*: .*expected' "$work/refused"; then
    echo "ok    $name shows why it was refused"
  else
    failed=1
    echo "WRONG $name: expected exit code 1 and REQUEST_ID_REUSED, but got $code and"
    cat "$work/refused"
  fi
done
stop || failed=1
exit $failed
