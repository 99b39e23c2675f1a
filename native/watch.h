// Waits until somebody takes away nftables that are ours, or changes the addresses of certain links.
#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "fields.h"
#include "handle.h"
#include "result.h"
#include "socket.h"

namespace trestle {

// What `watch` of the contract is asked to look at.
struct Watched {
  std::string prefix;
  std::vector<std::string> links;
};

Watched ParseWatched(Fields fields);

class Watch {
 public:
  // In the network namespace that the calling thread is in. What happens from then on is heard.
  static Result<Watch> Open(const Watched& watched);
  // Until something has happened, or may have (the kernel left out messages), or `stop` is requested. To be
  // called in the same namespace.
  Status Wait(const std::stop_token& stop);

 private:
  Watch(const Watched& watched, Socket nftables, Socket addresses, Fd wake);
  Result<bool> HeardOfNftables();
  Result<bool> HeardOfAddresses();
  [[nodiscard]] bool IsRemoval(const nlmsghdr& message) const;
  [[nodiscard]] bool IsAddressChange(const nlmsghdr& message) const;

  Watched watched_;
  Socket nftables_;
  Socket addresses_;
  Fd wake_;
  // Of the links that there are at the beginning: one that has gone has no name any more when the news come.
  std::set<unsigned> ifindexes_;
};

}  // namespace trestle
