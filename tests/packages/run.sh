#!/usr/bin/env bash
# need_packages on a machine that has some packages and has never heard of others, called as ./test calls it (set -euo pipefail) and as
# ./rigcast does (plain sh). A pretended dpkg and apt stand before the real ones, so nothing is installed.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/dpkg-query" <<'EOF'
#!/bin/sh
echo "installed g++"          # as the real one: prints what it knows, says 1 because of the rest
echo "not-installed cmake"
exit 1
EOF
cat >"$work/apt-get" <<'EOF'
#!/bin/sh
echo "$*" >>"$APT_LOG"
case "$1" in install) [ -e "$APT_LISTS" ] ;; update) touch "$APT_LISTS" ;; esac   # the first install finds no lists
EOF
printf '#!/bin/sh\necho 0\n' >"$work/id"   # as root
chmod +x "$work"/*
export PATH="$work:$PATH" APT_LOG="$work/apt.log" APT_LISTS="$work/lists"

check() {  # check SHELL FLAGS
  rm -f "$APT_LOG" "$APT_LISTS"
  "$1" $2 -c ". '$root/tools/packages.sh'; need_packages build check; echo went on" >"$work/out" 2>&1 || { cat "$work/out"; echo "$1 $2: need_packages failed"; exit 1; }
  grep -q "^went on" "$work/out" || { cat "$work/out"; echo "$1 $2: the caller ended silently"; exit 1; }
  [ "$(cut -d' ' -f1 "$APT_LOG" | tr '\n' ' ')" = "install update install " ] || { cat "$APT_LOG"; echo "$1 $2: lists are fetched once, when the first try fails"; exit 1; }
  tail -n 1 "$APT_LOG" | tr ' ' '\n' >"$work/asked"
  grep -qx cmake "$work/asked" || { echo "$1 $2: cmake is missing and was not asked for"; exit 1; }
  grep -qx libgtest-dev "$work/asked" || { echo "$1 $2: a package dpkg has never heard of was not asked for"; exit 1; }
  ! grep -qx g++ "$work/asked" || { echo "$1 $2: g++ is there and was asked for"; exit 1; }
}
check bash "-euo pipefail"
check sh ""
check sh "-e"
