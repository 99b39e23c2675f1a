#include "watch.h"

#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <utility>

namespace trestle {
namespace {

// A message that takes something away, and where it names the table.
struct Removal {
  int message;
  int table;
};
constexpr Removal kRemovals[] = {{NFT_MSG_DELTABLE, NFTA_TABLE_NAME},
                                 {NFT_MSG_DELCHAIN, NFTA_CHAIN_TABLE},
                                 {NFT_MSG_DELRULE, NFTA_RULE_TABLE},
                                 {NFT_MSG_DELSET, NFTA_SET_TABLE}};

// Every veth that comes up gets a link-local address: the kernel drops that news, for which nobody is to wake
// up.
Status IgnoreLinkLocal(Socket& addresses) {
  constexpr uint32_t scope = NLMSG_HDRLEN + offsetof(ifaddrmsg, ifa_scope);
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, scope),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_SCOPE_LINK, 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
  return addresses.Filter("watch addresses", code);
}

// Whether one of the messages that have come `matters`, or may have among those that did not fit.
template <class Matters>
Result<bool> Heard(Socket& socket, Matters matters) {
  bool heard = false;
  auto read = socket.Hear([&](const nlmsghdr& message) { heard = heard || matters(message); });
  if (!read && read.fault().code == ENOBUFS) return true;
  if (!read) return read.fault();
  return heard;
}

}  // namespace

Watched ParseWatched(Fields fields) {
  Watched watched{fields.Text("prefix"), fields.Texts("links")};
  for (const std::string& link : watched.links)
    if (!IsLinkName(link)) fields.Complain("links", "contains no name of a link: \"" + link + "\"");
  fields.Finish();
  return watched;
}

Watch::Watch(const Watched& watched, Socket nftables, Socket addresses, Fd wake)
    : watched_(watched),
      nftables_(std::move(nftables)),
      addresses_(std::move(addresses)),
      wake_(std::move(wake)) {
  for (const std::string& link : watched.links)
    if (const unsigned ifindex = if_nametoindex(link.c_str()); ifindex != 0) ifindexes_.insert(ifindex);
}

Result<Watch> Watch::Open(const Watched& watched) {
  auto nftables = Socket::OpenListening(NETLINK_NETFILTER, {NFNLGRP_NFTABLES});
  if (!nftables) return nftables.fault();
  auto addresses = Socket::OpenListening(NETLINK_ROUTE, {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR});
  if (!addresses) return addresses.fault();
  if (auto deaf = IgnoreLinkLocal(*addresses); !deaf) return deaf.fault();
  Fd wake(eventfd(0, EFD_CLOEXEC));
  if (!wake) return KernelFault("watch", errno);
  return Watch(watched, std::move(*nftables), std::move(*addresses), std::move(wake));
}

Status Watch::Wait(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { eventfd_write(wake_.get(), 1); });
  std::array<pollfd, 3> polled{
      pollfd{nftables_.fd(), POLLIN, 0}, {addresses_.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  while (!stop.stop_requested()) {
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return KernelFault("watch", errno);
    for (const auto heard_of : {&Watch::HeardOfNftables, &Watch::HeardOfAddresses}) {
      auto heard = (this->*heard_of)();
      if (!heard) return heard.fault();
      if (*heard) return Done{};
    }
  }
  return Done{};
}

Result<bool> Watch::HeardOfNftables() {
  return Heard(nftables_, [this](const nlmsghdr& message) { return IsRemoval(message); });
}

Result<bool> Watch::HeardOfAddresses() {
  return Heard(addresses_, [this](const nlmsghdr& message) { return IsAddressChange(message); });
}

bool Watch::IsRemoval(const nlmsghdr& message) const {
  if (NFNL_SUBSYS_ID(message.nlmsg_type) != NFNL_SUBSYS_NFTABLES) return false;
  const auto* removal = std::find_if(std::begin(kRemovals), std::end(kRemovals), [&](const Removal& each) {
    return each.message == NFNL_MSG_TYPE(message.nlmsg_type);
  });
  if (removal == std::end(kRemovals)) return false;
  return Attributes::Of<nfgenmsg>(message).Text(removal->table).starts_with(watched_.prefix);
}

bool Watch::IsAddressChange(const nlmsghdr& message) const {
  if (message.nlmsg_type != RTM_NEWADDR && message.nlmsg_type != RTM_DELADDR) return false;
  const unsigned ifindex = static_cast<const ifaddrmsg*>(NLMSG_DATA(&message))->ifa_index;
  if (ifindexes_.count(ifindex) != 0) return true;
  std::array<char, IF_NAMESIZE> name{};
  if (if_indextoname(ifindex, name.data()) == nullptr) return false;
  return std::find(watched_.links.begin(), watched_.links.end(), name.data()) != watched_.links.end();
}

}  // namespace trestle
