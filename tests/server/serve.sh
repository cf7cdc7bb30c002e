# For scripts that drive a real reboundd; to be sourced.

# prologue SCRIPT BIN_DIR: sets bin, the folder of the programs, and work, a folder that goes at the
# end, together with the processes in server and clients. failed is what the script exits with.
prologue() {
  [[ $# == 2 && -x $2/reboundd && -x $2/rebound ]] || {
    echo "usage: $1 BIN_DIR: the folder that holds reboundd and rebound" >&2
    exit 2
  }
  bin=$(cd "$2" && pwd)
  work=$(mktemp -d)
  server= clients= failed=0
  trap finish EXIT
  trap 'exit 1' INT TERM
}

finish() {
  local process
  for process in $clients $server; do
    kill "$process" 2>/dev/null
    wait "$process" 2>/dev/null
  done
  rm -rf "$work"
}

# serve [LISTEN HTTP [OPTION...]]: starts reboundd on the file $work/db and waits until it listens;
# sets server, port and http_port, and REBOUND_SERVER and REBOUND_HTTP for clients.
serve() {
  local listen=${1:-127.0.0.1:0} http=${2:-127.0.0.1:0}
  : >"$work/log"  # of the server before, whose ports await_port could read
  "$bin/reboundd" --db "$work/db" --config "$root/config" --listen "$listen" --http "$http" \
    "${@:3}" >"$work/log" 2>&1 &
  server=$!
  port=$(await_port "$work/log" "$server") &&
    http_port=$(await_port "$work/log" "$server" http_port) || return 1
  export REBOUND_SERVER=127.0.0.1:$port REBOUND_HTTP=http://127.0.0.1:$http_port
}

# stop: ends the server in good order, and proves what it leaves.
stop() {
  local code
  kill "$server"
  wait "$server"
  code=$?
  server=
  [[ $code == 0 ]] || { echo "WRONG expected exit code 0 after SIGTERM, but got $code"; return 1; }
  "$bin/reboundd" verify --db "$work/db" >"$work/verify" ||
    { echo "WRONG verify:"; cat "$work/verify"; return 1; }
}

# await_port LOG PID [KEY]: the port (http_port) that the server which writes LOG listens on; fails
# with the log when it did not come to that.
await_port() {
  local log=$1 pid=$2 key=${3:-port} port= tries
  for ((tries = 300; tries > 0; --tries)); do
    port=$(sed -n "s/.*\"$key\":\([0-9]*\).*/\1/p" "$log" | head -n 1)
    [[ -n $port ]] && { echo "$port"; return; }
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  { echo "the server did not start:"; cat "$log"; } >&2
  return 1
}

# descriptors FILE: the API and the details of its errors as a set of descriptors.
descriptors() {
  protoc -I "$root/proto" -I /usr/share/gocode/src/github.com/gogo/googleapis --include_imports \
    --descriptor_set_out="$1" "$root"/proto/rebound/v1/*.proto \
    google/rpc/{status,error_details}.proto
}
