#!/usr/bin/env bash
# Runs the session that README.md shows and compares what it prints. Needs buf (./dev setup).
#
#   tests/clients/run_readme_session.sh BIN_DIR
#
# In the README's ```console block a line "$ COMMAND" is run by this shell, with lines "> MORE" under
# it; the lines up to the next command are what it prints, stderr included. Nothing shown: nothing
# compared. "..." stands for any number of lines. Ids, hashes, times of today, empty lines and the width of
# columns do not count. The ports 50061 and 50062 are replaced by two that are free.
set -u
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[[ $# == 1 && -x $1/reboundd && -x $1/rebound ]] || {
  echo "usage: $0 BIN_DIR: the folder that holds reboundd and rebound" >&2
  exit 2
}
PATH=$(cd "$1" && pwd):$PATH
export PATH LC_ALL=C.UTF-8
unset REBOUND_SERVER REBOUND_TOKEN
work=$(mktemp -d)
export TMPDIR=$work  # of the commands
server=
finish() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
  fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# Commands see the tree, and leave their files outside it.
mkdir "$work/tree" "$work/io"
ln -s "$source_dir"/{build,config,tests} "$work/tree/"
cd "$work/tree" || exit 1

is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((20000 + RANDOM % 10000))
while is_open "$port" || is_open $((port + 1)); do ((++port)); done

wait_for_server() {
  local tries
  for ((tries = 0; tries < 300; ++tries)); do
    is_open "$port" && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "the server did not start: $1" >&2
  cat "$work"/*/log >&2
  exit 1
}

normalise() {
  sed -E "s/$port/50061/g; s/$((port + 1))/50062/g"'
    s/\<[0-9][0-9a-hjkmnp-tv-z]{25}\>/ID/g
    s/\<[0-9a-f]{12}\>/HASH/g
    s/20[2-9][0-9]-[01][0-9]-[0-3][0-9]([T ][0-9:.]+Z?)?/TIME/g
    s/[[:space:]]+/ /g; s/ $//; /^$/d'
}

# matches WANTED PRINTED: line by line.
matches() {
  local -a want have
  mapfile -t want <"$1"
  mapfile -t have <"$2"
  local line next=0 skip=0
  for line in "${want[@]}"; do
    if [[ $line == ... ]]; then
      skip=1
      continue
    fi
    while ((skip && next < ${#have[@]})) && [[ ${have[next]} != "$line" ]]; do ((++next)); done
    ((next < ${#have[@]})) && [[ ${have[next]} == "$line" ]] || return 1
    ((++next))
    skip=0
  done
  ((skip || next == ${#have[@]}))
}

failures=0
commands=0
# Runs $command and compares with $expected.
step() {
  [[ -n $command ]] || return
  ((++commands))
  local line=${command//50061/$port}
  line=${line//50062/$((port + 1))}
  eval "$line" >"$work/io/printed" 2>&1
  if [[ $line == *'&' ]]; then
    server=$!
    wait_for_server "$line"
    return
  fi
  [[ -n $expected ]] || return
  normalise <<<"$expected" >"$work/io/want"
  normalise <"$work/io/printed" >"$work/io/have"
  if ! matches "$work/io/want" "$work/io/have"; then
    ((++failures))
    printf 'README.md shows for: %s\n%s\nbut it prints:\n%s\n\n' \
      "$command" "$expected" "$(cat "$work/io/printed")" >&2
  fi
}

command=
expected=
while IFS= read -r line <&4; do
  case $line in
    '$ '*)
      step
      command=${line#'$ '}
      expected=
      ;;
    '> '*) command+=$'\n'${line#'> '} ;;
    *) expected+=$line$'\n' ;;
  esac
done 4< <(sed -n '/^```console$/,/^```$/{/^```/d;p}' "$source_dir/README.md")
step

echo "$commands commands, $failures differ"
((commands > 10 && failures == 0))
