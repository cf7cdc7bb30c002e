#!/usr/bin/env bash
# SIGHUP to a real reboundd: a broken folder leaves the revision in force, and `rebound status` says
# so, over a restart too; a mended one is put in force. New certificates are taken up by both
# listeners without a restart; HTTP keeps the last good one when the new one is broken.
#
#   tests/server/run_reload.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[[ $# == 1 && -x $1/reboundd && -x $1/rebound ]] || {
  echo "usage: $0 BIN_DIR: the folder that holds reboundd and rebound" >&2
  exit 2
}
bin=$(cd "$1" && pwd)
. "$root/tests/server/serve.sh"
export LC_ALL=C.UTF-8
work=$(mktemp -d)
server=
stop() {
  [[ -n $server ]] || return
  kill "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  server=
}
finish() {
  stop
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# start [OPTION...]
start() {
  : >"$work/log"  # or the port of the server before might be read from it
  "$bin/reboundd" --db "$work/db" --listen 127.0.0.1:0 --config "$work/config" "$@" \
    >"$work/log" 2>&1 &
  server=$!
  local port
  port=$(await_port "$work/log" "$server") || exit 1
  export REBOUND_SERVER=127.0.0.1:$port
}

failed=0
# shows WHAT REGEX...: `rebound status` comes to have a match of each, asked again until it has.
shows() {
  local what=$1 regex missing tries
  shift
  for ((tries = 300; tries > 0; --tries)); do
    "$bin/rebound" status >"$work/status" 2>&1
    missing=
    for regex in "$@"; do
      grep -qE "$regex" "$work/status" || missing=$regex
    done
    [[ -z $missing ]] && { echo "ok    $what"; return; }
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "WRONG $what: expected '$missing', but got:"
  cat "$work/status"
  failed=1
}

cp -r "$root/config" "$work/config"
REBOUND_TOKEN=$("$bin/reboundd" principal add --db "$work/db" --name tester --role admin) || exit 1
export REBOUND_TOKEN
start
shows "a start reads the folder" 'configuration +revision 1 ' 'folder read .*, without faults'

lifecycle=$work/config/lifecycle.yaml
sed -i 's/^  max_returns: 3/  max_retruns: 5/' "$lifecycle"
kill -HUP "$server"
shows "a broken folder leaves the revision in force" 'configuration +revision 1 ' \
  'folder read .*BROKEN \(faults: 1\); the last good revision stays in force' 'max_retruns'

for line in 'rebound_config_reloads_total{result="good"} 1' \
  'rebound_config_reloads_total{result="failed"} 1' 'rebound_config_last_reload_good 0'; do
  "$bin/rebound" metrics | grep -qxF "$line" && continue
  echo "WRONG rebound metrics has no line '$line'"
  failed=1
done

stop
start
shows "so it does over a restart, and says so" 'configuration +revision 1 ' \
  'folder read .*BROKEN \(faults: 1\)' 'max_retruns'

sed -i 's/^  max_retruns: 5/  max_returns: 5/' "$lifecycle"
kill -HUP "$server"
shows "a mended one is in force" 'configuration +revision 2 .*from folder' \
  'folder read .*, without faults'
"$bin/rebound" config show 2 2>&1 | grep -q 'max_returns: 5' || {
  echo "WRONG revision 2 does not say max_returns: 5"
  failed=1
}
stop

# certificate NAME: a pair for that name takes the place of the one before, each file by a rename.
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj "/CN=$1" -addext "subjectAltName=DNS:$1" \
    -keyout "$work/key.new" -out "$work/cert.new" 2>"$work/openssl" ||
    { cat "$work/openssl"; exit 1; }
  mv "$work/key.new" "$work/key.pem"
  mv "$work/cert.new" "$work/cert.pem"
}

# shown PORT: the name in the certificate that the listener shows.
shown() {
  openssl s_client -connect "127.0.0.1:$1" -alpn h2,http/1.1 </dev/null 2>/dev/null |
    openssl x509 -noout -subject -nameopt multiline 2>/dev/null | sed -n 's/.*commonName *= //p'
}

# listens WHAT PORT NAME: the listener comes to show that name, asked again until it does.
listens() {
  local tries found
  for ((tries = 300; tries > 0; --tries)); do
    found=$(shown "$2")
    [[ $found == "$3" ]] && { echo "ok    $1"; return; }
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "WRONG $1: expected the certificate of '$3', but got that of '$found'"
  failed=1
}

# said COUNT TEXT: the log comes to have so many lines with it.
said() {
  local tries
  for ((tries = 300; tries > 0; --tries)); do
    [[ $(grep -cF -- "$2" "$work/log") == "$1" ]] && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "WRONG expected the log to say '$2', times: $1, but it is:"
  cat "$work/log"
  failed=1
}

certificate first
start --http 127.0.0.1:0 --http-certificate "$work/cert.pem" --http-key "$work/key.pem" \
  --grpc-certificate "$work/cert.pem" --grpc-key "$work/key.pem"
http=$(await_port "$work/log" "$server" http_port) || exit 1
grpc=${REBOUND_SERVER##*:}
listens "HTTP shows its certificate" "$http" first
listens "gRPC shows its certificate" "$grpc" first

certificate second
kill -HUP "$server"
listens "HTTP shows the new certificate" "$http" second
listens "gRPC shows the new certificate" "$grpc" second
said 1 '"msg":"certificate reloaded"'

echo 'none' >"$work/cert.new"
mv "$work/cert.new" "$work/cert.pem"
kill -HUP "$server"
said 1 'certificate is of no use; the last good one stays'
listens "HTTP keeps the last good one when the new one is broken" "$http" second

certificate third
kill -HUP "$server"
listens "HTTP shows a mended one" "$http" third
listens "gRPC shows a mended one" "$grpc" third
said 2 '"msg":"certificate reloaded"'
curl -sS --max-time 10 --cacert "$work/cert.pem" --connect-to "third:$http:127.0.0.1:$http" \
  "https://third:$http/healthz" >"$work/health" 2>&1 || {
  echo "WRONG expected /healthz under the new certificate, but got:"
  cat "$work/health"
  failed=1
}
stop

exit $failed
