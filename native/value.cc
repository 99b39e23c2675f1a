#include "value.h"

#include <array>

namespace trestle {

const char* Value::KindInWords() const {
  static constexpr std::array<const char*, 6> kinds = {"nothing",  "a boolean", "a number",
                                                       "a string", "an array",  "an object"};
  return kinds.at(data_.index());
}

}  // namespace trestle
