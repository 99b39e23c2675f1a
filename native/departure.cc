#include "departure.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace trestle {
namespace {

constexpr const char* kWait = "wait for a link to go";

// For what is new or changed of links nobody is to wake up.
Status IgnoreOthers(Socket& links) {
  constexpr uint32_t type = offsetof(nlmsghdr, nlmsg_type);
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, type),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELLINK), 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), BPF_STMT(BPF_RET | BPF_K, 0)};
  return links.Filter(kWait, code);
}

// A bridge tells of its own that it has lost a port, earlier.
bool IsOfLink(const nlmsghdr& message) {
  return message.nlmsg_type == RTM_DELLINK &&
         static_cast<const ifinfomsg*>(NLMSG_DATA(&message))->ifi_family == AF_UNSPEC;
}

}  // namespace

Departure::Departure(Socket links, Fd wake) : links_(std::move(links)), wake_(std::move(wake)) {}

Result<Departure> Departure::Open() {
  auto links = Socket::OpenListening(NETLINK_ROUTE, {RTNLGRP_LINK});
  if (!links) return links.fault();
  if (auto deaf = IgnoreOthers(*links); !deaf) return deaf.fault();
  Fd wake(eventfd(0, EFD_CLOEXEC));
  if (!wake) return KernelFault(kWait, errno);
  return Departure(std::move(*links), std::move(wake));
}

Result<bool> Departure::Wait(std::chrono::milliseconds timeout, const std::stop_token& stop) {
  using std::chrono::steady_clock;
  const std::stop_callback wake(stop, [this] { eventfd_write(wake_.get(), 1); });
  std::array<pollfd, 2> polled{pollfd{links_.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  const auto deadline = steady_clock::now() + timeout;
  while (!stop.stop_requested()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return false;
    if (poll(polled.data(), polled.size(), int(left.count())) < 0 && errno != EINTR)
      return KernelFault(kWait, errno);
    auto heard = Heard();
    if (!heard || *heard) return heard;
  }
  return false;
}

Result<bool> Departure::Heard() {
  bool heard = false;
  auto read = links_.Hear([&](const nlmsghdr& message) { heard = heard || IsOfLink(message); });
  if (!read && read.fault().code == ENOBUFS) return true;
  if (!read) return read.fault();
  return heard;
}

}  // namespace trestle
