#!/bin/sh
# The committed cases are what the oracle computes. After a change of its cases:
#   tests/workflows/calendar_oracle.py >tests/data/calendar_oracle/cases.tsv
set -eu
cd "$(dirname "$0")/../.."
if ! python3 tests/workflows/calendar_oracle.py | cmp - tests/data/calendar_oracle/cases.tsv; then
  echo 'expected the cases of the oracle in tests/data/calendar_oracle/cases.tsv, found others' >&2
  exit 1
fi
