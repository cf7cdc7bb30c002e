#!/usr/bin/env bash
# Signing in by an OpenID provider that is not ours (npm oidc-provider): through its redirects, with
# replayed and forged answers, id tokens as attack 41 has them, a new key, and the provider down.
# Needs node and npm's packages (./dev setup).
#
#   tests/server/run_oidc.sh BIN_DIR
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
modules=$root/build/npm/node_modules
[[ -d $modules/oidc-provider ]] || {
  echo "expected oidc-provider in $modules: run ./dev setup" >&2
  exit 1
}
. "$root/tests/server/serve.sh"
prologue "$0" "$@"

# The provider has to know where it leads back to before the server is there.
free_port=$(python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
back=http://127.0.0.1:$free_port/sign-in/oidc/callback
node "$root/tests/server/oidc_provider.mjs" "$modules" "$back" 0 \
  >"$work/provider.log" 2>"$work/provider.errors" &
provider=$!
clients=$provider
provider_port=$(await_port "$work/provider.log" "$provider") || exit 1

token=$("$bin/reboundd" principal add --db "$work/db" --name tester --role admin 2>/dev/null)
[[ $token == rbt_* ]] || { echo "expected a token, but got '$token'" >&2; exit 1; }
echo 'a secret: with + and %' >"$work/secret"
serve 127.0.0.1:0 "127.0.0.1:$free_port" --oidc-issuer "http://127.0.0.1:$provider_port" \
  --oidc-client-id rebound --oidc-client-secret-file "$work/secret" --oidc-redirect-url "$back" ||
  exit 1
python3 "$root/tests/server/oidc_browser.py" "http://127.0.0.1:$http_port" \
  "http://127.0.0.1:$provider_port" "$token" "$provider" || failed=1
if grep -q 'eyJ\|rbs_\|a secret' "$work/log"; then
  echo "WRONG the log holds a token or the secret"
  failed=1
fi
stop || failed=1
exit "$failed"
