#!/bin/sh
# Assembles in OUT what `make install` installs: the launcher, the names it is installed under, and the runtime folder with
# everything that runs: Node, the program, the addon, and the loader and libraries of the two.
#   stage.sh OUT ADDON "node flag …" [BUN]
# BUN, an executable with the program inside, takes Node's place for plugins, where it can start (native/launcher/cold.c); the
# command and the daemon remain Node's.
# For the sanitized build LOADER_FLAGS and SANITIZER are words for the loader's command line and Node's environment.
set -eu
out=$1 addon=$2 node_flags=$3 bun=${4:-}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

case $(uname -m) in
  x86_64) arch=x64 loader=ld-linux-x86-64.so.2 ;;
  aarch64) arch=arm64 loader=ld-linux-aarch64.so.1 ;;
  *) echo "stage: no private Node for $(uname -m)" >&2; exit 1 ;;
esac
node=$root/node_modules/node-linux-$arch
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/package.json")

rm -rf "$out"
runtime=$out/runtime
mkdir -p "$runtime/lib" "$runtime/licenses"
cp "$node/bin/node" "$root"/build/js/* "$addon" ${bun:+"$bun"} "$runtime/"

# The libraries as the dynamic loader of this machine finds them; each with the licence of its Debian package.
for library in $(ldd "$runtime/node" "$addon" ${bun:+"$bun"} | grep -o '/[^ :]*\.so[^ ]*' | sort -u); do
  cp -L "$library" "$runtime/lib/"
  package=$(dpkg-query -S "$library" 2>/dev/null || dpkg-query -S "/usr$library" 2>/dev/null || true)
  package=${package%%:*}
  [ -z "$package" ] || cp "/usr/share/doc/$package/copyright" "$runtime/licenses/$package"
done
# Compiled into the addon.
for package in nlohmann-json3-dev libmd-dev; do
  cp "/usr/share/doc/$package/copyright" "$runtime/licenses/$package"
done
# And into the launcher.
cp /usr/share/doc/musl-dev/copyright "$runtime/licenses/musl"
cp "$root/LICENSE" "$runtime/licenses/trestle"
cp "$node/LICENSE" "$runtime/licenses/node"
[ -z "$bun" ] || cp "$root/scripts/licenses/bun" "$runtime/licenses/bun"
# What is bundled, with what that needs, and what is compiled into the addon.
bundled='Object.entries(require(process.argv[1]).packages)
  .filter(([path, { dev, optional, devOptional }]) => path !== "" && !dev && !optional && !devOptional).map(([path]) => path).join(" ")'
for package in $("$runtime/node" -p "$bundled" "$root/package-lock.json"); do
  name=$(echo "${package#node_modules/}" | tr -d @ | tr / -)
  cp "$root/$package"/LICENSE* "$runtime/licenses/$name"
done
# The texts that these only name.
grep -ohE '/usr/share/common-licenses/[A-Za-z]+(-[0-9](\.[0-9])?)?' "$runtime"/licenses/* | sort -u |
  xargs cp -t "$runtime/licenses"
chmod -R u=rwX,go=rX "$runtime"

# The folder's name tells its contents, so that two builds never share one.
sums=$(cd "$runtime" && find . -type f | LC_ALL=C sort | xargs sha256sum)
echo "$sums" >"$runtime/SHA256SUMS"
id=$version-$(cat "$runtime/SHA256SUMS" "$root"/native/launcher/*.[ch] | { cat; echo "$node_flags"; } |
  sha256sum | cut -c1-12)

# What the program is called by is in one place, its registry of plugins.
plugins=$("$runtime/node" "$runtime/trestle.cjs" trestle plugins | tr '\n' ' ')
version_report=$(CNI_COMMAND=VERSION "$runtime/node" "$runtime/trestle.cjs" "${plugins%% *}" </dev/null)
mv "$runtime" "$out/$id"

# C string literals, each followed by a comma.
literals() {
  for word in "$@"; do printf '"%s",' "$word"; done
}
# A line as a C string literal.
line() {
  printf '"%s\\n"' "$(printf '%s' "$1" | sed 's/["\\]/\\&/g')"
}
# The daemon is there for long: the room that V8 gives to young objects would grow with each crowd of pods, and stay.
command="node $node_flags --max-semi-space-size=1"
plugin=${bun:+bun} environment=${bun:+BUN_ENABLE_CRASH_REPORTING=0}
# By musl: the start of a static program of glibc asks the processor some eighty questions (CPUID), each of which a virtual
# machine's host answers.
# shellcheck disable=SC2086 # lists of words
${CC:-musl-gcc} -static -Os -Wall -Wextra -Wconversion -Werror -s -o "$out/launcher" "$root"/native/launcher/*.c \
  -DRUNTIME="\"$id\"" -DLOADER="\"$loader\"" -DPLUGINS="$(literals $plugins)" \
  -DVERSION_REPORT="$(line "$version_report")" \
  -DLOADER_FLAGS="$(literals ${LOADER_FLAGS:-})" -DCOMMAND_ENGINE="$(literals $command)" \
  -DPLUGIN_ENGINE="$(literals ${plugin:-node $node_flags})" -DPLUGIN_ENVIRONMENT="$(literals ${SANITIZER:-} $environment)"
echo "$id" >"$out/id"
echo "$plugins" >"$out/plugins"
cp "$root/scripts/install.sh" "$root/scripts/uninstall.sh" "$root"/deploy/trestle.* "$out/"
