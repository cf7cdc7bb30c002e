# For scripts that drive a real reboundd; to be sourced.

# await_port LOG PID: the port that the server which writes LOG listens on; fails with the log when
# it did not come to that.
await_port() {
  local log=$1 pid=$2 port= tries
  for ((tries = 300; tries > 0; --tries)); do
    port=$(sed -n 's/.*"msg":"listening".*"port":\([0-9]*\).*/\1/p' "$log")
    [[ -n $port ]] && { echo "$port"; return; }
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  { echo "the server did not start:"; cat "$log"; } >&2
  return 1
}
