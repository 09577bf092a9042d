#!/usr/bin/env bash
# The processor kernels of 64-bit Arm, cross-compiled and run by an emulator: run.sh FOLDER. Skipped (77) without Debian's
# g++-aarch64-linux-gnu and qemu-user.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
command -v aarch64-linux-gnu-g++ qemu-aarch64 >/dev/null || { echo "no aarch64-linux-gnu-g++ or no qemu-aarch64"; exit 77; }
mkdir -p "${1:?which folder for the program?}"
cd "$root/src"
aarch64-linux-gnu-g++ -std=c++20 -O2 -Wall -Wextra -Wshadow -Werror -ffp-contract=off -I. -static -o "$1/arm_kernels" \
  ../tests/arm/kernels.cpp bench/format.cpp bench/cpu/kernels_neon.cpp bench/cpu/kernels_scalar.cpp base/result.cpp base/text.cpp base/units.cpp
qemu-aarch64 -cpu max "$1/arm_kernels"
