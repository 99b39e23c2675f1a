#include "netns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

namespace trestle {
namespace {

constexpr const char* kOwn = "/proc/self/ns/net";

// Opened once: to walk through /proc takes longer than most of what a call does.
const Fd& Home() {
  static const Fd home(open(kOwn, O_RDONLY | O_CLOEXEC));
  return home;
}

thread_local bool is_away = false;

}  // namespace

void RememberHome() {
  Home();
}

bool ReturnHome() {
  if (is_away && setns(Home().get(), CLONE_NEWNET) == 0) is_away = false;
  return !is_away;
}

void AssumeAway() {
  is_away = true;
}

bool IsHome() {
  return !is_away;
}

Result<Fd> OpenNetns(const std::string& path) {
  const std::string op = "open network namespace " + path;
  const Fault other{op, EINVAL, "not a network namespace", ""};
  // O_PATH: a fifo would wait, and to open a device may already do something (a watchdog begins to count).
  const Fd place(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place) return KernelFault(op, errno);
  struct statfs fs {};
  if (fstatfs(place.get(), &fs) != 0) return KernelFault(op, errno);
  if (fs.f_type != NSFS_MAGIC) return other;
  const std::string same = "/proc/self/fd/" + std::to_string(place.get());
  Fd fd(open(same.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return KernelFault(op, errno);
  if (ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) return other;
  return fd;
}

Result<Namespaces> Namespaces::Open(const Where& where, bool with_pod) {
  Namespaces namespaces;
  if (where.host) {
    auto host = OpenNetns(*where.host);
    if (!host) return host.fault();
    namespaces.host_ = std::move(*host);
  } else if (!Home()) {
    return KernelFault(std::string("open network namespace ") + kOwn, ENOENT);
  }
  if (!with_pod) return namespaces;
  if (!where.pod) return Fault{"open the pod's network namespace", 0, "where.pod is missing", ""};
  auto pod = OpenNetns(*where.pod);
  if (!pod) return pod.fault();
  namespaces.pod_ = std::move(*pod);
  return namespaces;
}

int Namespaces::fd(Ns ns) const {
  if (ns == Ns::kPod) return pod_.get();
  return host_ ? host_.get() : Home().get();
}

Status Namespaces::Enter(Ns ns) const {
  const char* op =
      ns == Ns::kHost ? "enter the host's network namespace" : "enter the pod's network namespace";
  if (ns == Ns::kHost && !host_) {
    if (ReturnHome()) return Done{};
    return KernelFault(op, errno);
  }
  if (setns(fd(ns), CLONE_NEWNET) != 0) return KernelFault(op, errno);
  is_away = true;
  return Done{};
}

bool Namespaces::AreOne() const {
  struct stat host {};
  struct stat pod {};
  return fstat(fd(Ns::kHost), &host) == 0 && fstat(fd(Ns::kPod), &pod) == 0 && host.st_dev == pod.st_dev &&
         host.st_ino == pod.st_ino;
}

const char* PlaceInWords(Ns ns) {
  return ns == Ns::kPod ? " in the pod" : "";
}

}  // namespace trestle
