#!/bin/sh
# Runs everything, also after a failure, and ends with the totals alone on a line.   test.sh MAKE
set -u
make=$1
TRESTLE_TALLY=$PWD/build/tally
export TRESTLE_TALLY
# setup installs every program that the tests drive, so a missing one is a failure here and not a reason to skip.
TRESTLE_CLIENTS=all
export TRESTLE_CLIENTS
mkdir -p build
: >"$TRESTLE_TALLY"
broken=0

tier() {
  echo "== $1"
  before=$(wc -l <"$TRESTLE_TALLY")
  "$make" --no-print-directory "$1" && return
  echo "== $1 failed" >&2
  # A tier that failed without a failing test (it did not build, it did not start) counts as one.
  tail -n "+$((before + 1))" "$TRESTLE_TALLY" | awk '{ failed += $2 } END { exit !failed }' ||
    broken=$((broken + 1))
}

tier setup
tier build
tier lint
tier test-unit
tier test-kernel
tier test-warm
tier test-clients
tier test-vm

awk -v broken="$broken" '
  { passed += $1; failed += $2; skipped += $3 }
  END {
    failed += broken
    printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
    exit failed > 0
  }' "$TRESTLE_TALLY"
