// A netlink socket that keeps the kernel's errno and its explanation.
#pragma once

#include <linux/filter.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attributes.h"
#include "handle.h"
#include "result.h"

namespace trestle {

class Socket {
 public:
  using OnMessage = std::function<void(const nlmsghdr&)>;

  // In the network namespace that the calling thread is in; it stays there. `protocol`: NETLINK_ROUTE, ….
  static Result<Socket> Open(int protocol);
  // One that the kernel tells what happens to these groups (RTNLGRP_*, …), for `Hear`.
  static Result<Socket> OpenListening(int protocol, std::initializer_list<int> groups);

  // Sends a change and waits until the kernel has made it. `op` says in words what it is.
  Status Change(const std::string& op, Request& request) {
    return Change(op, request, [](const nlmsghdr&) {});
  }
  // `on_message` is told what the kernel tells about it before (NLM_F_ECHO).
  Status Change(const std::string& op, Request& request, const OnMessage& on_message);

  // Drops, of what is told, whatever the classic BPF program says.
  Status Filter(const std::string& op, std::span<sock_filter> program);
  // Reads what has been told since, without waiting. ENOBUFS where some of it did not fit.
  Status Hear(const OnMessage& on_message);
  // To wait for that (POLLIN).
  [[nodiscard]] int fd() const { return fd_.get(); }
  // For whoever closes it; the socket is of no use after that.
  Fd TakeFd() && { return std::move(fd_); }

  // Asks for one object. `absent` is the errno that means "there is none": nothing is returned then.
  template <class T>
  Result<std::optional<T>> Get(const std::string& op, Request& request, int absent,
                               T (*parse)(const nlmsghdr&)) {
    std::optional<T> answer;
    const Verdict verdict =
        Exchange(request, Until::kFirstMessage, [&](const nlmsghdr& message) { answer = parse(message); });
    if (verdict.code != 0 && verdict.code != absent) return KernelFault(op, verdict.code, verdict.extack);
    return answer;
  }

  // Asks for all objects, as often as it takes to get a consistent list (NLM_F_DUMP_INTR).
  template <class T, class Parse>
  Result<std::vector<T>> Dump(const std::string& op, Request& request, Parse parse) {
    std::vector<T> answers;
    Verdict verdict;
    for (int tries = 0; tries < kMaxDumps; tries++) {
      answers.clear();
      verdict = Exchange(request, Until::kDone, [&](const nlmsghdr& message) {
        if (auto answer = parse(message)) answers.push_back(std::move(*answer));
      });
      if (verdict.code != EINTR && verdict.code != ENOBUFS && verdict.code != EAGAIN) break;
    }
    if (verdict.code != 0) return KernelFault(op, verdict.code, verdict.extack);
    return answers;
  }

  // What the kernel said about one message of a batch.
  struct Verdict {
    int code = 0;
    std::string extack;
    uint32_t seq = 0;
  };
  // Sends ready-made messages at once; returns every answer that carries an error, and whether any came
  // without.
  struct BatchVerdict {
    std::vector<Verdict> errors;
    bool acknowledged = false;
  };
  Result<BatchVerdict> SendBatch(const std::string& op, std::span<const uint8_t> messages);

 private:
  enum class Until { kAck, kFirstMessage, kDone };
  static constexpr int kMaxDumps = 50;
  static constexpr size_t kBufferSize = size_t{256} * 1024;

  explicit Socket(Fd fd);
  Verdict Exchange(Request& request, Until until, const OnMessage& on_message);
  Verdict Await(uint32_t seq, Until until, const OnMessage& on_message);
  // Receives one datagram of the kernel into the buffer: its length, or the negative errno.
  ssize_t Receive(int flags);

  Fd fd_;
  uint32_t seq_ = 0;
  std::unique_ptr<uint8_t[]> buffer_;
};

}  // namespace trestle
