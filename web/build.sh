#!/bin/sh
# Bundles the page into FOLDER (index.html, page.js, page.css). Where that cannot be done the three files still come to be, the page saying
# why, so that the program can be built without it.
#   web/build.sh FOLDER
here=$(dirname "$(readlink -f "$0")")
folder=${1:?which folder?}
mkdir -p "$folder"
log=$folder/build.log

bundle() {
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { echo "Node.js and npm are not installed"; return 1; }
  sh "$here/packages.sh" && cd "$here" && node node_modules/vite/bin/vite.js build --outDir "$folder" --emptyOutDir false --logLevel warn
}

if ! bundle >"$log" 2>&1; then
  reason=$(tail -n 1 "$log" | sed 's/&/\&amp;/g; s/</\&lt;/g' | cut -c1-200)
  echo "rigcast: the page is left out: $reason (all of it in $log)" >&2
  sed "s|REASON|$(printf '%s' "$reason" | sed 's/[|\\&]/\\&/g')|" "$here/absent.html" >"$folder/index.html"
  : >"$folder/page.js"
  : >"$folder/page.css"
fi
touch "$folder/index.html" "$folder/page.js" "$folder/page.css"
