#!/bin/sh
# Every check of the sources, all of them even when one fails.   lint.sh MAKE
set -u
make=$1
status=0
check() {
  echo "lint: $1"
  shift
  "$@" || status=1
}

cxx=$(find native -name '*.cc' -o -name '*.h')
scripts="$(find scripts -name '*.sh') $(find .ci test/vm test/warm test/clients/container -type f ! -name '*.*')"

# shellcheck disable=SC2086 # lists of paths
{
  check 'style and layers (biome)' node_modules/.bin/biome ci --colors=off --error-on-warnings
  check 'types (tsc)' node_modules/.bin/tsc --pretty false
  check 'C and C++ style (clang-format)' clang-format --dry-run -Werror $cxx native/launcher/*.c \
    bench/*.c test/support/*/*.[ch]
  check 'C++ mistakes (clang-tidy)' "$make" --no-print-directory -k -j "$(nproc)" tidy
  check 'shell (shellcheck)' shellcheck $scripts
}
exit $status
