#!/bin/sh
# Translates the kernels of src/bench/gpu to PTX for CUDA drivers. The results are kept beside their sources, so that building rigcast needs
# no CUDA and no clang; `tools/make_ptx.sh --check` fails when they differ (where clang-14 is there, the compiler the kept ones were made
# with), when an assembler that is there (ptxas) refuses them, or when kernels.cl is no HIP any more.
set -eu
cd "$(dirname "$(readlink -f "$0")")/../src/bench/gpu"
command -v clang-14 >/dev/null 2>&1 || { echo "make_ptx: skipped, clang-14 is not installed"; exit 0; }
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT

# make SOURCE CHIP KEPT: PTX for a chip runs on every newer one. sm_60 (Pascal) is the oldest with whole 16-bit arithmetic, sm_61 multiplies
# bytes, sm_70 and sm_80 have tensor cores.
make() {
  clang-14 -x cuda --cuda-device-only --cuda-gpu-arch="$2" -nocudainc -nocudalib -Wno-unknown-cuda-version -Xclang -target-feature -Xclang "$4" -O3 -S "$1" -o "$fresh"
  if [ "$check" = --check ]; then
    cmp -s "$fresh" "$3" || { echo "make_ptx: $3 is not what $1 gives; run tools/make_ptx.sh"; exit 1; }
  else
    cp "$fresh" "$3"
  fi
}
check=${1:-}
make kernels.cl sm_60 kernels.ptx +ptx50
make kernels.cl sm_61 kernels61.ptx +ptx50
make tensor.cl sm_70 tensor70.ptx +ptx70
make tensor.cl sm_80 tensor80.ptx +ptx70
[ "$check" = --check ] || exit 0

assembled=""
ptxas=$(command -v ptxas || ls /usr/local/cuda/bin/ptxas 2>/dev/null || true)
if [ -n "$ptxas" ]; then
  # Some chips of each kind; an assembler that has dropped one, or does not know it yet, says so.
  for pair in kernels.ptx:60 kernels61.ptx:61 kernels61.ptx:75 tensor70.ptx:70 tensor70.ptx:75 tensor80.ptx:80 tensor80.ptx:90 tensor80.ptx:120; do
    if said=$("$ptxas" -O1 -arch="sm_${pair#*:}" "${pair%:*}" -o /dev/null 2>&1); then
      assembled="$assembled ${pair%:*} (sm_${pair#*:})"
    else
      case $said in *"is not defined for option"*) ;; *) echo "$said"; echo "make_ptx: ptxas refuses ${pair%:*} for sm_${pair#*:}"; exit 1 ;; esac
    fi
  done
fi
# HIP is compiled by the driver of the card itself; here it must stay HIP for chips that this clang knows.
for chip in gfx900 gfx906 gfx90a gfx1030; do
  clang-14 -x hip --cuda-device-only --offload-arch="$chip" -nogpulib -nogpuinc -O1 -c kernels.cl -o "$fresh" || { echo "make_ptx: kernels.cl is no HIP for $chip"; exit 1; }
done
echo "make_ptx: ok; assembled for${assembled:- nothing (no ptxas here)}; HIP for gfx900 gfx906 gfx90a gfx1030"
