#!/bin/sh
# Removes Trestle from BIN and puts back the plugins that install.sh kept. Refuses while pods are attached, since their
# DEL would then find no plugin, or one that does not know what was made for them.
#   uninstall.sh BIN STATE    STATE is /run/trestle; FORCE=1 removes it all the same
set -eu
bin=$1 state=$2

is_ours() {
  grep -aq 'trestle-launcher=' "$1" 2>/dev/null
}

if [ "${FORCE:-}" != 1 ] && [ -n "$(find "$state/attachments" -type f 2>/dev/null | head -n 1)" ]; then
  echo "uninstall: pods are attached ($state/attachments is not empty): delete them first, or FORCE=1" >&2
  exit 1
fi

for file in "$bin"/*; do
  case $file in *.before-trestle) continue ;; esac
  # An installation that was cut short may have kept a plugin that it did not come to replace.
  if ! is_ours "$file"; then
    [ ! -f "$file.before-trestle" ] || ! cmp -s "$file" "$file.before-trestle" || rm -f "$file.before-trestle"
  elif [ -e "$file.before-trestle" ] || [ -L "$file.before-trestle" ]; then
    mv -f "$file.before-trestle" "$file"
  else
    rm -f "$file"
  fi
done
rm -rf "$bin/.trestle"
