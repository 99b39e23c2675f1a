#!/bin/sh
# Installs the Debian packages that the build and the tests need, only those that are missing.
#   setup.sh container   only those that `make test-container` needs
set -eu

build='g++ make python3 pkg-config cmake musl-tools libnl-3-dev libnftnl-dev libmnl-dev libmd-dev nlohmann-json3-dev'
lint='clang-format clang-tidy shellcheck groff-base'
kernel_tests='iproute2 iputils-ping nftables iptables conntrack containernetworking-plugins strace tcpdump util-linux
  systemd procps golang-go golang-github-appc-cni-dev'
client_tests='containerd runc podman busybox-static'
vm_tests='qemu-system-x86 busybox-static xz-utils'
[ "$(uname -m)" = x86_64 ] || vm_tests= # they run there only

case ${1:-} in
  container) wanted='debootstrap podman runc procps util-linux' ;;
  *) wanted="$build $lint $kernel_tests $client_tests $vm_tests" ;;
esac

missing=
for package in $wanted; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "setup: these Debian packages are missing; install them as root:$missing" >&2
  exit 1
fi

echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# A mirror now and then drops a connection; apt's own retries cover that.
apt='apt-get -q=2 -o Acquire::Retries=5 -o Dpkg::Use-Pty=0'
$apt update
# shellcheck disable=SC2086 # a list of words
$apt install -y --no-install-recommends $missing >build/setup.log 2>&1 || {
  cat build/setup.log >&2
  exit 1
}
