#!/usr/bin/env bash
# An export through each door: buf curl over gRPC and over Connect, plain curl with Connect's frames
# by POST, and rebound export give the same bytes; cells that a spreadsheet would run are safe in all
# of them; a refusal comes in the last frame, with its reason. Needs buf (./dev setup).
#
#   tests/server/run_export_doors.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
buf=$root/build/npm/node_modules/.bin/buf
[[ -x $buf ]] || { echo "expected buf at $buf: run ./dev setup" >&2; exit 1; }
. "$root/tests/server/serve.sh"
prologue "$0" "$@"
method=rebound.v1.ExportService/ExportRecords

wrong() { echo "WRONG $1"; failed=1; }

# same WHAT FILE...: the files are not empty and equal.
same() {
  local what=$1 first=$2 file
  shift
  [[ -s $first ]] || { wrong "$what: $first is empty"; return; }
  for file in "$@"; do
    cmp "$first" "$file" || { wrong "$what: $file differs"; return; }
  done
  echo "ok    $what: $(wc -c <"$first") bytes"
}

token=$("$bin/reboundd" principal add --db "$work/db" --name tester --role admin 2>/dev/null)
[[ $token == rbt_* ]] || { echo "expected a token, but got '$token'" >&2; exit 1; }
serve || exit 1
export REBOUND_TOKEN=$token

# Formulas in names and in words, in each form that a spreadsheet knows; one number that is none.
cat >"$work/people.yaml" <<'MAP'
version: 1
source_system: crm
fields: {external_id: ID, name: NAME}
MAP
{
  echo 'ID,NAME'
  echo "1,\"=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\""
  echo '2,+1+cmd'
  echo '3,-2+3'
  echo '4,@SUM(A1)'
  echo '5,＝1+1'
  echo '6,李雷'
} >"$work/people.csv"
"$bin/rebound" import customers "$work/people.csv" --map "$work/people.yaml" >"$work/imported" ||
  wrong "the import of customers: $(cat "$work/imported")"
cat >"$work/answers.yaml" <<'MAP'
version: 1
source_system: survey
fields: {program: {const: touchpoint}, external_id: ID, customer.external_id: CUST, score: SCORE,
  reason: WHY}
MAP
{
  echo 'ID,CUST,SCORE,WHY'
  for ((i = 1; i <= 600; ++i)); do echo "$i,c$((i % 40)),$((i % 11)),\"=1+$i, or so\""; done
} >"$work/answers.csv"
"$bin/rebound" import responses "$work/answers.csv" --map "$work/answers.yaml" --history \
  >"$work/imported" || wrong "the import of answers: $(cat "$work/imported")"

# by_buf PROTOCOL BODY: the data of all messages, if the last one says complete.
by_buf() {
  local address=http://127.0.0.1:$port flags=(--protocol grpc --http2-prior-knowledge)
  [[ $1 == connect ]] && { address=$REBOUND_HTTP; flags=(--protocol connect); }
  "$buf" curl "${flags[@]}" --schema "$root/proto" -H "Authorization: Bearer $token" -d "$2" \
    "$address/$method" >"$work/messages" 2>"$work/error" || { cat "$work/error" >&2; return 1; }
  jq -j '.data // ""' "$work/messages"
  [[ $(jq -s '.[-1].complete' "$work/messages") == true ]]
}

# by_curl BODY: the same with Connect's frames: a byte of flags, four of length, JSON.
by_curl() {
  /usr/bin/python3 -c 'import sys; b = sys.argv[1].encode()
sys.stdout.buffer.write(b"\0" + len(b).to_bytes(4, "big") + b)' "$1" |
    curl -sS --max-time 60 -H "Authorization: Bearer $token" \
      -H 'content-type: application/connect+json' --data-binary @- "$REBOUND_HTTP/$method" |
    /usr/bin/python3 -c 'import json, sys
reply, complete = sys.stdin.buffer.read(), False
while reply:
    flags, length = reply[0], int.from_bytes(reply[1:5], "big")
    frame, reply = json.loads(reply[5:5 + length]), reply[5 + length:]
    if flags & 2:
        sys.stdout.write(json.dumps(frame["error"]) if "error" in frame else "")
        sys.exit(0 if complete and not reply else 3)
    sys.stdout.buffer.write(frame.get("data", "").encode())
    sys.stdout.flush()
    complete = frame.get("complete", False)
sys.exit("the stream has no end")'
}

for what in {customers,responses}.{csv,jsonl} cases.csv; do
  kind=${what%.*} format=${what#*.} file=$work/$what
  [[ $format == csv ]] && name=EXPORT_FORMAT_CSV || name=EXPORT_FORMAT_JSON_LINES
  body="{\"kind\": \"RECORD_KIND_${kind^^}\", \"format\": \"$name\"}"
  by_buf grpc "$body" >"$file" || wrong "buf curl, gRPC, $what"
  by_buf connect "$body" >"$file.connect" || wrong "buf curl, Connect, $what"
  by_curl "$body" >"$file.curl" || wrong "curl, $what"
  "$bin/rebound" export "$kind" --out "$file.cli" --format "$format" >"$work/said" 2>&1 ||
    wrong "rebound export $kind: $(cat "$work/said")"
  same "$what" "$file" "$file".{connect,curl,cli}
done

# Read as a spreadsheet would: no cell begins as a formula does, and none was lost.
/usr/bin/python3 - "$work" <<'CHECK' || failed=1
import csv, json, sys
work = sys.argv[1]
for kind, column, count, formulas in (('customers', 'display_name', None, 5),
                                      ('responses', 'reason', 600, 600)):
    rows = list(csv.DictReader(open(f'{work}/{kind}.csv', encoding='utf-8', newline='')))
    lines = [json.loads(line) for line in open(f'{work}/{kind}.jsonl', encoding='utf-8')]
    cells = [cell for row in rows for cell in row.values()]
    bad = [c for c in cells if c[:1] in tuple('=+@＝＋－＠\t\r') or
           (c[:1] == '-' and not c[1:].replace('.', '').isdigit())]
    guarded = [row[column] for row in rows if row[column].startswith("'")]
    assert not bad, f'{kind}: formulas: {bad[:3]}'
    assert len(rows) == len(lines) and count in (None, len(rows)), f'{kind}: {len(rows)} rows'
    assert len(guarded) == formulas, f'{kind}: {len(guarded)} guarded: {guarded[:9]}'
    name = ''.join(p.title() if i else p for i, p in enumerate(column.split('_')))
    plain = sorted(line[name] for line in lines if name in line)
    assert sorted(row[column].removeprefix("'") for row in rows if row[column]) == plain, kind
    print(f'ok    {kind}: {len(rows)} rows, {formulas} cells made safe')
CHECK

# Refusals by each door: buf prints them, curl has them in the last frame.
body='{"kind": "RECORD_KIND_CUSTOMERS", "format": "EXPORT_FORMAT_CSV", "filter": "display_name = 1"}'
for protocol in grpc connect; do
  by_buf $protocol "$body" >/dev/null 2>"$work/refused" && wrong "$protocol: a bad filter was taken"
  jq -e '.code == "invalid_argument"' "$work/refused" >/dev/null ||
    wrong "$protocol: $(cat "$work/refused")"
done
by_curl "$body" >"$work/refused" && wrong "curl: a bad filter was taken"
jq -e '.code == "invalid_argument" and ([.details[].debug.reason] | index("FILTER_INVALID"))' \
  "$work/refused" >/dev/null || wrong "curl: $(cat "$work/refused")"
echo "ok    a filter that is none is refused at each door"

stop || failed=1
exit $failed
