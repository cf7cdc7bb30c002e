#!/usr/bin/env bash
# Goes through `./dev run`, the first thing that somebody new does, and looks for its figures.
#
#   tests/clients/run_first_run.sh BIN_DIR
set -u
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[[ $# == 1 && -x $1/reboundd && -x $1/rebound ]] || {
  echo "usage: $0 BIN_DIR: the folder that holds reboundd and rebound" >&2
  exit 2
}
is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((20000 + RANDOM % 10000))
while is_open "$port"; do ((++port)); done
bin=$(cd "$1" && pwd)
if ! said=$(LC_ALL=C.UTF-8 REBOUND_PORT=$port "$source_dir/dev" run --once "$bin" 2>&1); then
  printf '%s\n' "$said" | tail -20
  echo "expected the session of \"./dev run\" to go through, but a command of it failed" >&2
  exit 1
fi
missing=0
while IFS= read -r line; do
  grep -qE -- "$line" <<<"$said" && continue
  echo "expected \"./dev run\" to print a line like: $line" >&2
  missing=1
done <<'LINES'
^recovered, ever +922 / 1,536 +60\.03 %
^C-[0-9]+ is remedied, owned by agent
CaseClosed +closed +integration +resurvey_result=promoter
^converted, first answer +1 / 1 +100\.00 %
^The server listens on
LINES
exit "$missing"
