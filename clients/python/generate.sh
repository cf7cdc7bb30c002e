#!/usr/bin/env bash
# Generates the Python modules of the API into FOLDER, which then goes into PYTHONPATH. Needs
# Debian's protobuf-compiler, protobuf-compiler-grpc and golang-github-gogo-googleapis-dev.
#
#   clients/python/generate.sh FOLDER
set -eu
[[ $# == 1 ]] || { echo "usage: $0 FOLDER" >&2; exit 2; }
proto=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../proto" && pwd)
googleapis=/usr/share/gocode/src/github.com/gogo/googleapis
mkdir -p "$1"
protoc -I "$proto" -I "$googleapis" --python_out="$1" \
  --grpc_python_out="$1" --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
  "$proto"/rebound/v1/*.proto google/rpc/{code,status,error_details}.proto
