// What is needed to talk to the kernel about a call's two namespaces.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "netns.h"
#include "result.h"
#include "socket.h"

namespace trestle {

struct Link;

// Links by namespace and name.
using Links = std::map<std::pair<Ns, std::string>, std::shared_ptr<Link>>;

// Used by one thread at a time. Sockets stay in the namespace in which they were opened, whichever thread
// uses them.
class Session {
 public:
  explicit Session(Namespaces namespaces)
      : namespaces_(std::make_shared<const Namespaces>(std::move(namespaces))) {}

  // Closes the sockets of nftables aside: the kernel makes whoever closes one wait until all that any
  // transaction in the namespace has deleted is freed (nft_rcv_nl_event), which takes an RCU grace period or
  // two.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session(Session&&) = delete;
  Session& operator=(Session&&) = delete;

  // A call begins, on the calling thread; `stop` is asked by what waits.
  void Begin(std::stop_token stop);
  // Another one for the same call, for a thread that works beside the calling one.
  [[nodiscard]] std::unique_ptr<Session> Beside() const;
  // A socket in the namespace `ns`, opened when first asked for.
  Result<Socket*> Route(Ns ns) { return Open(route_, ns, NETLINK_ROUTE); }
  Result<Socket*> Netfilter(Ns ns) { return Open(netfilter_, ns, NETLINK_NETFILTER); }
  // Puts the thread into `ns`: /proc/sys/net shows the namespace of the thread that opens a file there.
  Status Enter(Ns ns);

  [[nodiscard]] const Namespaces& namespaces() const { return *namespaces_; }
  [[nodiscard]] const std::stop_token& stop() const { return stop_; }
  [[nodiscard]] bool stopped() const { return stop_.stop_requested(); }
  // The links that this run has created so far, as it has left them.
  Links& created() { return created_; }
  // The links that the last observation of this session has looked at; null for those that were not there.
  Links& seen() { return seen_; }

 private:
  using Sockets = std::array<std::optional<Socket>, 2>;
  Result<Socket*> Open(Sockets& sockets, Ns ns, int protocol);

  explicit Session(std::shared_ptr<const Namespaces> namespaces) : namespaces_(std::move(namespaces)) {}

  std::shared_ptr<const Namespaces> namespaces_;
  std::stop_token stop_;
  std::optional<Ns> inside_;
  Sockets route_;
  Sockets netfilter_;
  Links created_;
  Links seen_;
};

}  // namespace trestle
