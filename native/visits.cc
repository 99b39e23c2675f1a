#include "visits.h"

#include <utility>

namespace trestle {

Result<int> Visits::Pay(const Where& where) {
  auto namespaces = Namespaces::Open(where, true);
  if (!namespaces) return namespaces.fault();
  const bool are_one = namespaces->AreOne();
  visits_.emplace(++latest_, std::make_shared<Visit>(std::move(*namespaces)));
  return are_one ? -latest_ : latest_;
}

std::shared_ptr<Visit> Visits::Find(int number) const {
  const auto found = visits_.find(number);
  return found == visits_.end() ? nullptr : found->second;
}

std::shared_ptr<Visit> Visits::End(int number) {
  auto visit = Find(number);
  visits_.erase(number);
  return visit;
}

}  // namespace trestle
