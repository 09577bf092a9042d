#!/bin/sh
# Which Debian packages the work needs, and how to get those that are missing. Sourced by ./rigcast, ./test and ./do.
#   need_packages build          what ./rigcast needs to build the program
#   need_packages build page     and with the page of rigcast web
#   need_packages build page check browser    and what ./test needs on top

packages_for() {
  case "$1" in
    build) echo "g++ cmake ninja-build mold ccache libexpected-dev libtomlplusplus-dev nlohmann-json3-dev libsimdjson-dev libcli11-dev opencl-c-headers libvulkan-dev glslang-tools libeigen3-dev libjemalloc-dev" ;;
    check) echo "libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev clang-14 libclang-rt-14-dev python3 python3-jsonschema ocl-icd-libopencl1 pocl-opencl-icd mesa-vulkan-drivers" ;;
    # the page: any Node.js with npm will do; Debian's where there is none
    page) command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || echo "nodejs npm" ;;
    browser) command -v chromium >/dev/null 2>&1 || echo "chromium" ;;
  esac
}

# Installs what is missing among the packages of the given kinds; says one line before it does. Without root, or on a system without apt,
# it only says what is missing.
need_packages() {
  wanted=""
  for kind in "$@"; do wanted="$wanted $(packages_for "$kind")"; done
  # dpkg-query fails where it has never heard of one of them, which must not end a caller that stops at failures (set -e, pipefail).
  have=" $({ dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true; } | sed -n 's/^installed //p' | tr '\n' ' ') "
  missing=""
  for package in $wanted; do
    case "$have" in *" $package "*) ;; *) missing="$missing $package" ;; esac
  done
  [ -z "$missing" ] && return 0
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "rigcast: please install the equivalents of these Debian packages:$missing" >&2
    return 0
  fi
  as_root=""
  if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
    if ! $as_root true 2>/dev/null; then
      echo "rigcast: these Debian packages are missing and only root may install them:$missing" >&2
      echo "rigcast: run once:  sudo apt-get install --no-install-recommends$missing" >&2
      return 1
    fi
  fi
  echo "rigcast: installing Debian packages:$missing" >&2
  log=$(mktemp)
  install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing"
  # The lists may be absent or stale: fetch them only when the first try fails.
  if ! $install >"$log" 2>&1; then
    { $as_root apt-get update -qq && $install; } >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; return 1; }
  fi
  rm -f "$log"
}
