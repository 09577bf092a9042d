#!/usr/bin/env bash
# The small jobs of a day's work: ./do JOB. Without one, says which there are.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

case "${1:-}" in
  build)  # the development build (build/dev) with all its tests
    cmake --preset dev >/dev/null && cmake --build --preset dev ;;
  unit)   # build and run the unit tests of one room: ./do unit placement
    cmake --preset dev >/dev/null && cmake --build --preset dev -t "${2:?which room?}_test" && "build/dev/src/${2}_test" ;;
  golden) # rewrite the transcripts in tests/golden from what the program says now; review the diff
    cmake --preset check >/dev/null && cmake --build --preset check -t rigcast && python3 tests/golden.py build/check/rigcast --rewrite ;;
  accuracy) # docs/accuracy.md and its pictures, from four evaluations of every Observation (some minutes)
    cmake --preset check >/dev/null && cmake --build --preset check -t rigcast && python3 tools/accuracy.py build/check/rigcast ;;
  pictures) # docs/screenshots from the page as it is now (needs Chromium and a Chinese font)
    cmake --preset check >/dev/null && cmake --build --preset check -t rigcast && RIGCAST=build/check/rigcast node tests/e2e/screenshots.mjs ;;
  check)  # everything that does not need the sanitizer builds
    RIGCAST_TEST_QUICK=1 ./test ;;
  speed)  # whole-process times against the budgets, and what clients of the server wait for a plan
    cmake --preset check >/dev/null && cmake --build --preset check -t rigcast && python3 tests/speed.py build/check/rigcast && python3 tests/speed/server.py build/check/rigcast ;;
  *)
    echo "usage: ./do JOB"
    sed -n 's/^  \([a-z]*\)) *# /  \1: /p' "$0" ;;
esac
