#!/bin/sh
# Installs the page's npm packages exactly as package-lock.json names them, once per lock file. Several builds may ask at the same time.
set -e
cd "$(dirname "$(readlink -f "$0")")"
exec 9>.packages.lock
flock 9
stamp=node_modules/.lock-installed
if ! cmp -s package-lock.json "$stamp"; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  cp package-lock.json "$stamp"
fi
