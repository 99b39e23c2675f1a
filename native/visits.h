// Namespaces that stay open from one call to the next.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "session.h"

namespace trestle {

struct Visit {
  explicit Visit(Namespaces namespaces) : session(std::move(namespaces)) {}

  // Held by the call that works on it.
  std::mutex busy;
  Session session;
};

// The visits that are being paid, by number. Main thread only.
class Visits {
 public:
  // Opens both namespaces. The number is below 0, and means the visit without the sign, where they are one.
  Result<int> Pay(const Where& where);
  // Nothing: there is no such visit.
  [[nodiscard]] std::shared_ptr<Visit> Find(int number) const;
  // Ends it, or will when the call that works on it is done: what is returned is to be let go of.
  std::shared_ptr<Visit> End(int number);

 private:
  std::map<int, std::shared_ptr<Visit>> visits_;
  int latest_ = 0;
};

}  // namespace trestle
