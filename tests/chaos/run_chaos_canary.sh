#!/bin/sh
# The rig against a server that drops every 200th acknowledged write: it must notice.
exec "$1/rebound_chaos" --server "$1/reboundd" --kills 5 --canary 200
