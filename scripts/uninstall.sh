#!/bin/sh
# Removes Trestle from BIN and puts back the plugins that install.sh kept. Refuses while pods are attached, since their
# DEL would then find no plugin, or one that does not know what was made for them. A daemon that systemd runs by the units in
# UNITS is ended; any other has to be ended by whoever runs it, so that none is left that has no files.
#   uninstall.sh BIN STATE [UNITS]    STATE is /run/trestle; FORCE=1 removes it while pods are attached, too
set -eu
bin=$1 state=$2 units=${3:-}

is_ours() {
  grep -aq 'trestle-launcher=' "$1" 2>/dev/null
}

if [ "${FORCE:-}" != 1 ] && [ -n "$(find "$state/attachments" -type f 2>/dev/null | head -n 1)" ]; then
  echo "uninstall: pods are attached ($state/attachments is not empty): delete them first, or FORCE=1" >&2
  exit 1
fi

# Whether the units start the plugins in BIN, which may be below the root folder of a node that is being prepared.
are_ours() {
  started=$(sed -n 's|^ExecStart=\(.*\)/trestle daemon$|\1|p' "$units/trestle.service" 2>/dev/null || true)
  case $bin in
    *"${started:-none}") true ;;
    *) false ;;
  esac
}
# Whether systemd goes by these very units, and not by others of the same name.
are_loaded() {
  [ -d /run/systemd/system ] &&
    [ "$(systemctl show --property FragmentPath trestle.service)" = "FragmentPath=$units/trestle.service" ]
}
# A daemon holds this lock for as long as it lives. Asking on its socket instead would have systemd start one.
is_served() {
  [ -e "$state/daemon.sock.lock" ] && ! flock -n "$state/daemon.sock.lock" true
}

loaded=
if are_ours && are_loaded; then loaded=1; fi
if is_served && ! { [ -n "$loaded" ] && systemctl --quiet is-active trestle.service; }; then
  echo "uninstall: a daemon serves on $state/daemon.sock: end it first (is it a DaemonSet's?); nothing was changed" >&2
  exit 1
fi
[ -z "$loaded" ] || systemctl --quiet disable --now trestle.socket trestle.service
if are_ours; then rm -f "$units/trestle.socket" "$units/trestle.service"; fi
[ -z "$loaded" ] || systemctl daemon-reload

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
