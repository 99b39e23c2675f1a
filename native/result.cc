#include "result.h"

#include <cstring>

namespace trestle {

Fault KernelFault(std::string op, int code, std::string extack) {
  // strerrordesc_np, unlike strerror, may be called from several threads.
  const char* text = strerrordesc_np(code);
  return Fault{std::move(op), code, text != nullptr ? text : "unknown error", std::move(extack)};
}

std::string ErrnoName(int code) {
  const char* name = code == 0 ? nullptr : strerrorname_np(code);
  return name != nullptr ? name : "";
}

}  // namespace trestle
