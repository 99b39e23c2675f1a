#include "socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace trestle {
namespace {

constexpr const char* kListen = "listen to the kernel";

struct Ended {
  int code;
  std::string extack;
};

// NLMSGERR_ATTR_MSG of the TLVs that begin at `offset`; there are none unless the header says so.
std::string ExtackText(const nlmsghdr& message, size_t offset) {
  if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0 || message.nlmsg_len <= offset) return "";
  const auto* start = reinterpret_cast<const uint8_t*>(&message);
  return Attributes(Bytes(start + offset, message.nlmsg_len - offset)).Text(NLMSGERR_ATTR_MSG);
}

Ended ReadError(const nlmsghdr& message) {
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr))) return {EPROTO, ""};
  const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(&message));
  size_t offset = NLMSG_LENGTH(sizeof(nlmsgerr));
  // Unless capped, an error quotes the whole request.
  if ((message.nlmsg_flags & NLM_F_CAPPED) == 0)
    offset += NLMSG_ALIGN(error->msg.nlmsg_len) - sizeof(nlmsghdr);
  return {-error->error, ExtackText(message, offset)};
}

Ended ReadDone(const nlmsghdr& message) {
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof(int))) return {0, ""};
  const int code = *static_cast<const int*>(NLMSG_DATA(&message));
  return {code < 0 ? -code : 0, ExtackText(message, NLMSG_LENGTH(sizeof(int)))};
}

}  // namespace

Socket::Socket(Fd fd) : fd_(std::move(fd)), buffer_(std::make_unique_for_overwrite<uint8_t[]>(kBufferSize)) {}

Result<Socket> Socket::Open(int protocol) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) {
    const char* purpose =
        protocol == NETLINK_NETFILTER ? "open a netlink socket for nftables" : "open a netlink socket";
    return KernelFault(purpose, errno);
  }
  const int on = 1;
  // Explanations, quoted requests left out of errors, and requests whose filters are taken seriously.
  for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}) {
    if (setsockopt(fd.get(), SOL_NETLINK, option, &on, sizeof on) != 0) {
      return KernelFault("set up a netlink socket", errno);
    }
  }
  return Socket(std::move(fd));
}

Result<Socket> Socket::OpenListening(int protocol, std::initializer_list<int> groups) {
  auto socket = Open(protocol);
  if (!socket) return socket;
  const int fd = socket->fd();
  // A socket without an address of its own, which the kernel chooses, is left out when a group is told.
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return KernelFault(kListen, errno);
  // A transaction of others may tell thousands of things at once. FORCE passes net.core.rmem_max, which root
  // may.
  const int size = 4 * 1024 * 1024;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  for (const int group : groups) {
    if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
      return KernelFault(kListen, errno);
  }
  return socket;
}

ssize_t Socket::Receive(int flags) {
  for (;;) {
    sockaddr_nl sender{};
    socklen_t size = sizeof sender;
    const ssize_t length = recvfrom(fd_.get(), buffer_.get(), kBufferSize, flags | MSG_TRUNC,
                                    reinterpret_cast<sockaddr*>(&sender), &size);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return -errno;
    if (size_t(length) > kBufferSize) return -EMSGSIZE;
    if (sender.nl_pid == 0) return length;
  }
}

Socket::Verdict Socket::Await(uint32_t seq, Until until, const OnMessage& on_message) {
  bool interrupted = false;
  for (;;) {
    const ssize_t received = Receive(0);
    if (received < 0) return {int(-received), "", seq};
    int left = int(received);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer_.get()); nlmsg_ok(message, left) != 0;
         message = nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != seq) continue;
      interrupted = interrupted || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      const bool done = message->nlmsg_type == NLMSG_DONE;
      if (done || message->nlmsg_type == NLMSG_ERROR) {
        auto [code, extack] = done ? ReadDone(*message) : ReadError(*message);
        return {code == 0 && interrupted ? EINTR : code, std::move(extack), seq};
      }
      on_message(*message);
      if (until == Until::kFirstMessage) return {0, "", seq};
    }
  }
}

Socket::Verdict Socket::Exchange(Request& request, Until until, const OnMessage& on_message) {
  if (request.attributes().failed()) return {EMSGSIZE, "", 0};
  nlmsghdr& header = request.header();
  header.nlmsg_seq = ++seq_;
  if (until == Until::kAck) header.nlmsg_flags |= NLM_F_ACK;
  if (until == Until::kDone) header.nlmsg_flags |= NLM_F_DUMP;
  if (send(fd_.get(), &header, header.nlmsg_len, 0) < 0) return {errno, "", header.nlmsg_seq};
  return Await(header.nlmsg_seq, until, on_message);
}

Status Socket::Change(const std::string& op, Request& request, const OnMessage& on_message) {
  Verdict verdict = Exchange(request, Until::kAck, on_message);
  if (verdict.code != 0) return KernelFault(op, verdict.code, std::move(verdict.extack));
  return Done{};
}

Status Socket::Filter(const std::string& op, std::span<sock_filter> program) {
  const sock_fprog whole = {.len = static_cast<unsigned short>(program.size()), .filter = program.data()};
  if (setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof whole) != 0)
    return KernelFault(op, errno);
  return Done{};
}

Status Socket::Hear(const OnMessage& on_message) {
  ssize_t received = 0;
  while ((received = Receive(MSG_DONTWAIT)) > 0) {
    int left = int(received);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer_.get()); nlmsg_ok(message, left) != 0;
         message = nlmsg_next(message, &left))
      on_message(*message);
  }
  if (received < 0 && received != -EAGAIN) return KernelFault(kListen, int(-received));
  return Done{};
}

Result<Socket::BatchVerdict> Socket::SendBatch(const std::string& op, std::span<const uint8_t> messages) {
  // One datagram must hold the whole transaction; FORCE passes net.core.wmem_max, which root may.
  const int size = int(messages.size()) + 64 * 1024;
  if (setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0) {
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  }
  if (send(fd_.get(), messages.data(), messages.size(), 0) < 0) return KernelFault(op, errno);
  // nfnetlink works within send(): by now every answer is in the queue.
  BatchVerdict verdict;
  ssize_t received = 0;
  while ((received = Receive(MSG_DONTWAIT)) > 0) {
    int left = int(received);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer_.get()); nlmsg_ok(message, left) != 0;
         message = nlmsg_next(message, &left)) {
      if (message->nlmsg_type != NLMSG_ERROR) continue;
      auto [code, extack] = ReadError(*message);
      if (code == 0) verdict.acknowledged = true;
      if (code != 0) verdict.errors.push_back({code, std::move(extack), message->nlmsg_seq});
    }
  }
  if (received < 0 && received != -EAGAIN) return KernelFault(op, int(-received));
  return verdict;
}

}  // namespace trestle
