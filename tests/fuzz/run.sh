#!/bin/sh
# Builds the fuzz targets (preset fuzz: clang, ASan, UBSan) and runs each for SECONDS, two at a time, from its seeds in the tree
# and what earlier runs found (build/fuzz/corpus). Says how a finding is repeated.
#   tests/fuzz/run.sh [SECONDS=10] [TARGET...]
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-10}
[ $# -gt 0 ] && shift
command -v clang++-14 >/dev/null || { echo "fuzz: clang++-14 is not installed, nothing was run"; exit 77; }
[ -f build/fuzz/build.ninja ] || cmake --preset fuzz >build-fuzz.log 2>&1 || { cat build-fuzz.log; exit 1; }
rm -f build-fuzz.log
targets=${*:-$(cd tests/fuzz/seeds && echo *)}
for target in $targets; do
  cmake --build --preset fuzz --target "fuzz_$target" >build/fuzz/build.log 2>&1 || { tail -40 build/fuzz/build.log; exit 1; }
done
one() {
  target=$1
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus" || return 1
  words=""
  [ -f "tests/fuzz/$target.dict" ] && words="-dict=tests/fuzz/$target.dict"
  # 2 GiB of memory, 1 GiB in one piece and 5 s for one input are far more than any honest header needs.
  if "build/fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -rss_limit_mb=2048 -malloc_limit_mb=1024 -timeout=5 \
      -artifact_prefix="build/fuzz/$target-" -print_final_stats=1 $words "$corpus" "tests/fuzz/seeds/$target" >"build/fuzz/$target.log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$target.log")
    echo "fuzz $target: $runs inputs in $seconds s, nothing found"
  else
    tail -60 "build/fuzz/$target.log"
    echo "fuzz $target: FOUND; repeat with build/fuzz/tests/fuzz/fuzz_$target build/fuzz/$target-*"
    return 1
  fi
}

# Two at a time.
failed=0
set -- $targets
while [ $# -gt 0 ]; do
  one "$1" & first=$!
  shift
  if [ $# -gt 0 ]; then
    one "$1" || failed=1
    shift
  fi
  wait $first || failed=1
done
exit $failed
