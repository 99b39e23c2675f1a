// Owners of everything that C libraries and the kernel hand out.
#pragma once

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <netlink/msg.h>
#include <unistd.h>

#include <memory>
#include <utility>

namespace trestle {

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

template <class T, auto Free>
using Handle = std::unique_ptr<T, Freeing<Free>>;

using MessageHandle = Handle<nl_msg, nlmsg_free>;
using NftTableHandle = Handle<nftnl_table, nftnl_table_free>;
using NftChainHandle = Handle<nftnl_chain, nftnl_chain_free>;
using NftSetHandle = Handle<nftnl_set, nftnl_set_free>;
using NftElementHandle = Handle<nftnl_set_elem, nftnl_set_elem_free>;
using NftRuleHandle = Handle<nftnl_rule, nftnl_rule_free>;
using NftExprHandle = Handle<nftnl_expr, nftnl_expr_free>;
using NftUserDataHandle = Handle<nftnl_udata_buf, nftnl_udata_buf_free>;

// A file descriptor that is closed with its scope.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }

  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace trestle
