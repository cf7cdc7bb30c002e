#!/usr/bin/env bash
# Whoever changes the database file behind a real reboundd's back is noticed: `rebound verify` and
# `reboundd verify` name the row of the audit, `reboundd verify` the row of events, and both end
# with 1. The server is a new one, whose first administrator is made by the link that it prints.
#
#   tests/server/run_tampered.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/server/serve.sh"
prologue "$0" "$@"
export LC_ALL=C.UTF-8 HOME=$work XDG_CONFIG_HOME=$work
unset REBOUND_TOKEN
password='lighthouse over the bay'

# answers CODE WHAT REGEX COMMAND...: the command ends with the code, and prints a match.
answers() {
  local expected=$1 what=$2 regex=$3 code
  shift 3
  "$@" >"$work/said" 2>&1
  code=$?
  [[ $code == "$expected" ]] && grep -qE -- "$regex" "$work/said" && { echo "ok    $what"; return; }
  echo "WRONG $what: expected exit code $expected and '$regex', but got $code and:"
  cat "$work/said"
  failed=1
}

# typed TEXT COMMAND...: the command with a line on its standard input.
typed() { printf '%s\n' "$1" | "${@:2}"; }

# login: each server is on a port of its own, and a session is for one server.
login() {
  typed "$password" "$bin/rebound" login an >"$work/said" 2>&1 && return
  echo "WRONG expected an to sign in, but:"
  cat "$work/said"
  failed=1
}

# without_proof: ends the server, whatever the file has become.
without_proof() {
  kill "$server"
  wait "$server"
  server=
}

# change SQL: what somebody does to the file while the server is not there; puts the one that was
# kept in its place before.
change() {
  rm -rf "$work"/db*
  cp -r "$work"/kept/* "$work"
  /usr/bin/python3 - "$work/db" "$1" <<'CHANGE' || failed=1
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
changed = database.execute(sys.argv[2]).rowcount
database.commit()
assert changed == 1, f'expected to change one row, but there were {changed}'
CHANGE
}

serve || exit 1
link=$(sed -n 's/^  rebound --server .* setup --token \(rbo_[^ ]*\)$/\1/p' "$work/log")
[[ -n $link ]] || {
  echo "WRONG expected a link for the first administrator in:"
  cat "$work/log"
  exit 1
}
answers 4 "nobody is an administrator by another link" ONE_TIME_TOKEN_REFUSED \
  typed "$password" "$bin/rebound" setup --token "${link}x" --name an
answers 0 "the link that a new server prints makes the first administrator" 'an' \
  typed "$password" "$bin/rebound" setup --token "$link" --name an
answers 4 "it works once" ONE_TIME_TOKEN_REFUSED \
  typed "$password" "$bin/rebound" setup --token "$link" --name second
answers 0 "who was made signs in" '' typed "$password" "$bin/rebound" login an
answers 0 "and works" 'opened case' \
  "$bin/rebound" responses submit --program touchpoint --customer crm:1 --score 2
answers 0 "nothing was changed" 'ok: each entry is the one that was chained' "$bin/rebound" verify
answers 0 "the sign-in is audited" 'sign_in.*AccessService/SignIn' \
  "$bin/rebound" audit list --kind sign-in -o csv
stop || failed=1
grep -rq "$link" "$work"/db* && { echo "WRONG the link lies in the database"; failed=1; }
serve || exit 1
grep -q 'no administrator' "$work/log" && { echo "WRONG a second start prints a link"; failed=1; }
stop || failed=1
mkdir "$work/kept"
cp -r "$work"/db* "$work/kept"

change "UPDATE audit SET principal = 'somebody' WHERE sequence = 3"
serve || exit 1
login
named='PROBLEM audit entry 3: what it says is not what was hashed'
answers 1 "rebound verify names a changed entry of the audit" "$named" "$bin/rebound" verify
without_proof
answers 1 "reboundd verify, too" "$named" "$bin/reboundd" verify --db "$work/db"

change "DELETE FROM audit WHERE sequence = 2"
serve || exit 1
login
named='PROBLEM audit entry 2: it is missing'
answers 1 "rebound verify names an entry that was taken out" "$named" "$bin/rebound" verify
without_proof
answers 1 "reboundd verify, too" "$named" "$bin/reboundd" verify --db "$work/db"

event=$(/usr/bin/python3 - "$work/kept/db" <<'FIND'
import sqlite3, sys
found = sqlite3.connect(sys.argv[1]).execute(
    "SELECT sequence FROM events WHERE type = 'CaseOpened'").fetchone()
print(*found)
FIND
)
change "UPDATE events SET actor = 'somebody' WHERE sequence = $event"
answers 1 "reboundd verify names a changed event" \
  "PROBLEM event $event: its hash does not fit its contents" \
  "$bin/reboundd" verify --db "$work/db"

exit $failed
