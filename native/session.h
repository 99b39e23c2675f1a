// What one thread needs to talk to the kernel about a call's two namespaces.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "netns.h"
#include "result.h"
#include "socket.h"

namespace trestle {

// The links that a run has created so far: (namespace, name) to ifindex.
using CreatedLinks = std::map<std::pair<Ns, std::string>, int>;

class Session {
 public:
  // For the calling thread alone; both arguments outlive it. `stop` is asked by what waits.
  Session(const Namespaces& namespaces, std::stop_token stop)
      : namespaces_(namespaces), stop_(std::move(stop)) {}

  // Closes the sockets of nftables aside: the kernel makes whoever closes one wait until all that any
  // transaction in the namespace has deleted is freed (nft_rcv_nl_event), which takes an RCU grace period or
  // two.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session(Session&&) = delete;
  Session& operator=(Session&&) = delete;

  // A socket in the namespace `ns`, opened when first asked for.
  Result<Socket*> Route(Ns ns) { return Open(route_, ns, NETLINK_ROUTE); }
  Result<Socket*> Netfilter(Ns ns) { return Open(netfilter_, ns, NETLINK_NETFILTER); }
  // Puts the thread into `ns`: /proc/sys/net shows the namespace of the thread that opens a file there.
  Status Enter(Ns ns);

  [[nodiscard]] const Namespaces& namespaces() const { return namespaces_; }
  [[nodiscard]] bool stopped() const { return stop_.stop_requested(); }
  CreatedLinks& created() { return created_; }

 private:
  using Sockets = std::array<std::optional<Socket>, 2>;
  Result<Socket*> Open(Sockets& sockets, Ns ns, int protocol);

  const Namespaces& namespaces_;
  std::stop_token stop_;
  std::optional<Ns> inside_;
  Sockets route_;
  Sockets netfilter_;
  CreatedLinks created_;
};

}  // namespace trestle
