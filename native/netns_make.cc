#include "netns_make.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "handle.h"

namespace trestle {
namespace {

// Two that make the folder a mount at once would stack mounts upon mounts (Debian bug 949235). Whoever holds
// the lock for longer than a moment is not `ip netns add`, and is not waited for.
Fd LockFolder(const std::string& folder) {
  using std::chrono::milliseconds;
  Fd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int tries = 0; tries < 1000 && fd && flock(fd.get(), LOCK_EX | LOCK_NB) != 0; tries++) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  return fd;
}

// A namespace that is unmounted in one mount namespace then goes from all others, too, and so can end.
Status ShareFolder(const std::string& folder) {
  const std::string op = "share mounts of " + folder;
  const char* path = folder.c_str();
  if (mkdir(path, 0755) != 0 && errno != EEXIST) return KernelFault("make folder " + folder, errno);
  const Fd lock = LockFolder(folder);
  if (!lock) return KernelFault("open folder " + folder, errno);
  if (mount("", path, "none", MS_SHARED | MS_REC, nullptr) == 0) return Done{};
  // EINVAL: it is no mount point.
  if (errno != EINVAL) return KernelFault(op, errno);
  if (mount(path, path, "none", MS_BIND | MS_REC, nullptr) != 0) return KernelFault(op, errno);
  if (mount("", path, "none", MS_SHARED | MS_REC, nullptr) != 0) return KernelFault(op, errno);
  return Done{};
}

// 0, or the errno.
int BindNewNetns(const std::string& path) {
  if (unshare(CLONE_NEWNET) != 0) return errno;
  // Not /proc/self, which is the main thread.
  return mount("/proc/thread-self/ns/net", path.c_str(), "none", MS_BIND, nullptr) == 0 ? 0 : errno;
}

}  // namespace

Status MakeNetns(const std::string& path) {
  const std::string op = "make network namespace " + path;
  if (auto shared = ShareFolder(path.substr(0, path.rfind('/'))); !shared) return shared;
  const Fd file(open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
  if (!file) return KernelFault(op, errno);
  const int error = BindNewNetns(path);
  if (error == 0) return Done{};
  unlink(path.c_str());
  return KernelFault(op, error);
}

Status RemoveNetns(const std::string& path) {
  const std::string op = "remove network namespace " + path;
  struct statfs fs {};
  struct stat file {};
  if (statfs(path.c_str(), &fs) != 0 || lstat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return Done{};
    return KernelFault(op, errno);
  }
  // Whoever made it may have been killed before it was bound: then it is an empty file.
  const bool is_bound = fs.f_type == NSFS_MAGIC;
  if (!S_ISREG(file.st_mode) || (!is_bound && file.st_size > 0)) {
    return Fault{op, EINVAL, "not a network namespace", ""};
  }
  // EINVAL, ENOENT: another has just done so.
  const bool is_unbound = !is_bound || umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
  if (!is_unbound && errno != EINVAL && errno != ENOENT) return KernelFault(op, errno);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return KernelFault(op, errno);
  return Done{};
}

}  // namespace trestle
