#!/usr/bin/env bash
# Brings a low score to Rebound and follows its case to the end, with curl and jq.
#
#   clients/curl/follow.sh CUSTOMER ANSWER JOURNAL
#
# CUSTOMER and ANSWER are the CRM's own keys. Every event becomes one line of JSON in the file
# JOURNAL, once and in order, over restarts of the server and of this script: what is written there
# is done, and asking goes on from the cursor of its last line. REBOUND_HTTP is the server's address
# of --http.
set -u -o pipefail
[[ $# == 3 ]] || { echo "usage: $0 CUSTOMER ANSWER JOURNAL" >&2; exit 2; }
customer=$1 answer=$2 journal=$3
http=${REBOUND_HTTP:-http://127.0.0.1:8080}

# call METHOD BODY: the reply. Tries again, with the same request id, until there is an answer: what
# was done although its answer got lost is not done twice.
call() {
  local pause=1 reply
  while true; do
    # The token goes by a pipe, for arguments are seen by everybody on the machine.
    reply=$(curl -sS --max-time 10 -H "content-type: application/json" -H "accept-language: en" \
      -H @<(printf 'authorization: Bearer %s' "$REBOUND_TOKEN") --data-binary @- \
      "$http/rebound.v1.$1" <<<"$2") && jq -e 'has("code") | not' <<<"$reply" >/dev/null 2>&1 && {
      printf '%s\n' "$reply"
      return
    }
    # One line on a refusal: its reason, the fields at fault, and the words for people. Every
    # refusal of Rebound's has a reason: without one there was no answer, or not from Rebound.
    jq -er '
      def detail(name): first(.details[] | select(.type == "google.rpc." + name)).debug;
      ([.code, detail("ErrorInfo").reason, (detail("BadRequest").fieldViolations // [])[].field]
        | join(" ")) + ": " + detail("LocalizedMessage").message' <<<"$reply" >&2 2>/dev/null &&
      jq -e '.code | IN("unavailable", "resource_exhausted", "deadline_exceeded") | not' \
        <<<"$reply" >/dev/null && exit 1
    sleep "$pause"
    ((pause < 4)) && ((pause *= 2))
  done
}

touch "$journal"
# A line that was cut short was not done.
[[ -z $(tail -c 1 "$journal") ]] || sed -i '$d' "$journal"
is_closed() { [[ $(tail -n 1 "$journal" | jq -r .type) == CaseClosed ]]; }
is_closed && exit

key=$(jq -n --arg id "$customer" '{sourceSystem: "crm", externalId: $id}')
call CustomerService/UpsertCustomer "$(jq -n --argjson key "$key" --arg id "upsert-$customer" '
  {requestId: $id, externalKey: $key, customer: {displayName: "王小明", language: "zh-CN"},
   updateMask: "displayName,language"}')" >/dev/null || exit 1
reply=$(call ResponseService/SubmitResponse "$(
  jq -n --argjson key "$key" --arg answer "$answer" '
    {requestId: ("answer-" + $answer),
     response: {programId: "try-out", externalKey: {sourceSystem: "survey", externalId: $answer},
                customerKey: $key, score: 2, reason: "等了一个小时"}}')") || exit 1
case_id=$(jq -r .response.pairedCaseId <<<"$reply")

until is_closed; do
  page=$(call EventService/ListEvents "$(
    jq -n --arg case "$case_id" --arg cursor "$(tail -n 1 "$journal" | jq -r .cursor)" '
      {start: (if $cursor == "" then {preset: "EVENT_PRESET_EARLIEST"} else {cursor: $cursor} end),
       filter: {caseIds: [$case]}}')") || exit 1
  while read -r event; do
    printf '%s\n' "$event" >>"$journal"
    jq -r '[.caseNumber, .type, .status // ""] | join(" ")' <<<"$event"
    is_closed && exit
  done < <(jq -c '.batch.events // [] | .[]' <<<"$page")
  jq -e .endOfStream <<<"$page" >/dev/null && sleep 1
done
