#include "netns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <cerrno>

namespace trestle {

Result<Fd> OpenNetns(const std::string& path) {
  const std::string op = "open network namespace " + path;
  const Fault other{op, EINVAL, "not a network namespace", ""};
  // O_PATH: a fifo would wait, and to open a device may already do something (a watchdog begins to count).
  const Fd place(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place) return KernelFault(op, errno);
  struct statfs fs {};
  if (fstatfs(place.get(), &fs) != 0) return KernelFault(op, errno);
  if (fs.f_type != NSFS_MAGIC) return other;
  const std::string same = "/proc/thread-self/fd/" + std::to_string(place.get());
  Fd fd(open(same.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return KernelFault(op, errno);
  if (ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) return other;
  return fd;
}

Result<Namespaces> Namespaces::Open(const Where& where, bool with_pod) {
  Namespaces namespaces;
  auto host = OpenNetns(where.host.value_or("/proc/thread-self/ns/net"));
  if (!host) return host.fault();
  namespaces.host_ = std::move(*host);
  if (!with_pod) return namespaces;
  if (!where.pod) return Fault{"open the pod's network namespace", 0, "where.pod is missing", ""};
  auto pod = OpenNetns(*where.pod);
  if (!pod) return pod.fault();
  namespaces.pod_ = std::move(*pod);
  return namespaces;
}

Status Namespaces::Enter(Ns ns) const {
  if (setns(fd(ns), CLONE_NEWNET) == 0) return Done{};
  return KernelFault(
      ns == Ns::kHost ? "enter the host's network namespace" : "enter the pod's network namespace", errno);
}

const char* PlaceInWords(Ns ns) {
  return ns == Ns::kPod ? " in the pod" : "";
}

}  // namespace trestle
