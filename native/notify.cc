#include "notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "handle.h"

namespace trestle {

Status Notify(const std::string& socket, const std::string& state) {
  const std::string op = "notify " + socket;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.empty() || socket.size() >= sizeof address.sun_path) return KernelFault(op, ENAMETOOLONG);
  std::copy(socket.begin(), socket.end(), address.sun_path);
  if (socket.front() == '@') address.sun_path[0] = '\0';
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return KernelFault(op, errno);
  const auto length = socklen_t(offsetof(sockaddr_un, sun_path) + socket.size());
  const ssize_t sent = sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                              reinterpret_cast<const sockaddr*>(&address), length);
  if (sent < 0) return KernelFault(op, errno);
  return Done{};
}

}  // namespace trestle
