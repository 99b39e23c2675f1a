#!/bin/sh
# Installs what `make build` has put beside this script, without a moment in which a plugin is missing or half written:
# the runtime folder first, under a name of its own, then each launcher by rename. Run it again after an interruption.
#   install.sh BIN [UNITS [BIN_ON_NODE]]
# FORCE=1 replaces plugins that are not Trestle's and keeps them as <name>.before-trestle. systemd's units are put into UNITS,
# if that is given, and name the folder of the plugins as the node has it; enabling them is left to the administrator.
set -eu
bin=$1 units=${2:-} bin_on_node=${3:-$1}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
id=$(cat "$here/id")
names="$(cat "$here/plugins") trestle"
store=$bin/.trestle

# The runtime folder that a launcher of ours starts; nothing for a file that is not ours.
runtime_of() {
  grep -ao 'trestle-launcher=[0-9A-Za-z.+-]*' "$1" 2>/dev/null | head -n 1 | cut -d= -f2
}
is_foreign() {
  { [ -e "$1" ] || [ -L "$1" ]; } && [ -z "$(runtime_of "$1")" ]
}
is_backed_up() {
  [ -f "$1" ] && cmp -s "$1" "$1.before-trestle"
}

# Everything that speaks against it is found before anything is changed.
refuse() {
  echo "install: $1; nothing was changed" >&2
  exit 1
}
foreign=
for name in $names; do
  file=$bin/$name
  is_foreign "$file" || continue
  foreign="$foreign $file"
  [ "${FORCE:-}" = 1 ] || continue
  [ ! -d "$file" ] || refuse "$file is a folder"
  if is_foreign "$file.before-trestle" && ! is_backed_up "$file"; then
    refuse "$file is not Trestle's, and an older $name.before-trestle is there already: move one of them away"
  fi
done
if [ -n "$foreign" ] && [ "${FORCE:-}" != 1 ]; then
  refuse "not Trestle's:$foreign (FORCE=1 replaces them and keeps each as <name>.before-trestle)"
fi

mkdir -p "$store"
exec 9>"$store/lock"
flock 9
rm -rf "$store"/new.*

# A folder under its final name is complete, unless somebody has touched it.
if ! (cd "$store/$id" 2>/dev/null && sha256sum --status -c SHA256SUMS); then
  new=$store/new.$$
  cp -R "$here/$id" "$new"
  # Names must not reach the disk before contents: a node may lose power at any time.
  sync
  [ ! -e "$store/$id" ] || mv "$store/$id" "$store/new.damaged"
  mv "$new" "$store/$id"
  rm -rf "$store/new.damaged"
fi

# Processes may be starting from the folders that the launchers name until now: those stay until the next upgrade.
before=$(for name in $names; do runtime_of "$bin/$name"; done | grep -vxF "$id" | sort -u || true)
[ -z "$before" ] || echo "$before" >"$store/previous"

for name in $names; do
  file=$bin/$name
  if is_foreign "$file" && ! is_backed_up "$file"; then
    rm -f "$file.before-trestle"
    ln -P "$file" "$file.before-trestle"
  fi
  # No link: whoever copies a plugin over this one, and does not remove it first, would write over them all.
  cp "$here/launcher" "$store/new.$name"
  chmod 755 "$store/new.$name"
  mv -f "$store/new.$name" "$file"
done

for folder in "$store"/*/; do
  folder=$(basename "$folder")
  [ "$folder" = "$id" ] || grep -qsxF "$folder" "$store/previous" || rm -rf "${store:?}/$folder"
done
echo "installed Trestle $id in $bin: $names"

if [ -n "$units" ]; then
  mkdir -p "$units"
  for unit in trestle.service trestle.socket; do
    sed "s|@CNI_BIN@|$bin_on_node|" "$here/$unit" >"$units/.$unit.new"
    chmod 644 "$units/.$unit.new"
    mv -f "$units/.$unit.new" "$units/$unit"
  done
  # Unless what is installed is for a node that is only being prepared, below some folder.
  if [ "$bin" = "$bin_on_node" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
  echo "installed trestle.socket and trestle.service in $units: \`systemctl enable --now trestle.socket\` starts the daemon"
fi
