// A value or the reason why there is none: how the core reports failure (no exceptions).
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace trestle {

// A failure of the kernel or of what leads to it: KernelFault of lib/kernel/contract.ts.
struct Fault {
  std::string op;
  int code = 0;  // an errno; 0 when the fault is none of the kernel's
  std::string message;
  std::string extack;
};

// A fault whose message is strerror's.
Fault KernelFault(std::string op, int code, std::string extack = "");

// "EEXIST" for 17, "" for 0.
std::string ErrnoName(int code);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Fault fault) : state_(std::in_place_index<1>, std::move(fault)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return *std::get_if<0>(&state_); }
  const T& operator*() const { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  Fault& fault() { return *std::get_if<1>(&state_); }
  const Fault& fault() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Fault> state_;
};

struct Done {};
using Status = Result<Done>;

}  // namespace trestle
