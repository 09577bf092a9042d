#!/bin/sh
# Translates src/bench/gpu/kernels.cl to PTX for CUDA drivers. The result is kept beside it, so that building rigcast needs no CUDA and no
# clang; `tools/make_ptx.sh --check` fails when the two differ (where clang-14 is there, the compiler the kept one was made with).
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
kept=src/bench/gpu/kernels.ptx
command -v clang-14 >/dev/null 2>&1 || { echo "make_ptx: skipped, clang-14 is not installed"; exit 0; }
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
# sm_60 (Pascal) is the oldest chip with whole 16-bit arithmetic; PTX for it runs on every newer one.
clang-14 -x cuda --cuda-device-only --cuda-gpu-arch=sm_60 -nocudainc -nocudalib -Wno-unknown-cuda-version -O3 -S src/bench/gpu/kernels.cl -o "$fresh"
if [ "${1:-}" = --check ]; then
  cmp -s "$fresh" "$kept" || { echo "make_ptx: $kept is not what kernels.cl gives; run tools/make_ptx.sh"; exit 1; }
  echo "make_ptx: ok"
else
  cp "$fresh" "$kept"
fi
