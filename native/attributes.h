// Netlink attributes: written with one sticky error, read with bounds checked.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "handle.h"

namespace trestle {

using Bytes = std::span<const uint8_t>;

class AttributeWriter {
 public:
  explicit AttributeWriter(nl_msg* message) : message_(message) {}

  AttributeWriter& U8(int type, uint8_t value) { return Note(nla_put_u8(message_, type, value)); }
  AttributeWriter& U16(int type, uint16_t value) { return Note(nla_put_u16(message_, type, value)); }
  AttributeWriter& U32(int type, uint32_t value) { return Note(nla_put_u32(message_, type, value)); }
  AttributeWriter& Text(int type, const std::string& value) {
    return Note(nla_put_string(message_, type, value.c_str()));
  }
  AttributeWriter& Raw(int type, Bytes value) {
    return Note(nla_put(message_, type, int(value.size()), value.data()));
  }
  // With NLA_F_NESTED, which libnl leaves out: br_setlink takes IFLA_PROTINFO without it for an old STP
  // state.
  template <class Write>
  AttributeWriter& Nested(int type, Write write) {
    nlattr* start = nla_nest_start(message_, type | NLA_F_NESTED);
    if (start == nullptr) return Note(-1);
    write(*this);
    return Note(nla_nest_end(message_, start));
  }
  // A header that stands before the attributes of a nest, as in VETH_INFO_PEER.
  template <class Header>
  AttributeWriter& Head(const Header& header) {
    return Note(nlmsg_append(message_, const_cast<Header*>(&header), sizeof header, NLMSG_ALIGNTO));
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  AttributeWriter& Note(int error) {
    failed_ = failed_ || error < 0;
    return *this;
  }

  nl_msg* message_;
  bool failed_ = false;
};

// Lower-case, two digits a byte.
std::string ToHex(Bytes bytes);

// What follows the header of a message whose own header has the size of `Header`.
template <class Header>
Bytes AttributesIn(const nlmsghdr& message) {
  const auto* start = reinterpret_cast<const uint8_t*>(&message);
  const size_t skip = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(Header)));
  return message.nlmsg_len > skip ? Bytes(start + skip, message.nlmsg_len - skip) : Bytes();
}

// The attributes of a message or of a nest, by type. Of an absent one every getter says nothing.
class Attributes {
 public:
  explicit Attributes(Bytes stream);
  template <class Header>
  static Attributes Of(const nlmsghdr& message) {
    return Attributes(AttributesIn<Header>(message));
  }

  [[nodiscard]] bool Has(int type) const { return found_.at(size_t(type)) != nullptr; }
  [[nodiscard]] Bytes Raw(int type) const;
  [[nodiscard]] Attributes Nested(int type) const { return Attributes(Raw(type)); }
  [[nodiscard]] std::string Text(int type) const;
  [[nodiscard]] std::optional<uint8_t> U8(int type) const { return As<uint8_t>(type); }
  [[nodiscard]] std::optional<uint16_t> U16(int type) const { return As<uint16_t>(type); }
  [[nodiscard]] std::optional<uint32_t> U32(int type) const { return As<uint32_t>(type); }
  [[nodiscard]] std::optional<uint64_t> U64(int type) const { return As<uint64_t>(type); }
  [[nodiscard]] std::optional<int32_t> S32(int type) const { return As<int32_t>(type); }
  // A number or a struct, copied, since the kernel aligns attributes to four bytes only.
  template <class T>
  [[nodiscard]] std::optional<T> As(int type) const {
    const Bytes raw = Raw(type);
    T value{};
    if (raw.size() < sizeof value) return std::nullopt;
    std::copy_n(raw.data(), sizeof value, reinterpret_cast<uint8_t*>(&value));
    return value;
  }

 private:
  static constexpr size_t kTypes = 128;  // more than any family here has; what is above is of no interest
  std::array<const nlattr*, kTypes> found_{};
};

// Calls `read(Bytes)` with the payload of each attribute of a list, whatever its type.
template <class Read>
void EachAttribute(Bytes stream, Read read) {
  const auto* attribute = reinterpret_cast<const nlattr*>(stream.data());
  int left = int(stream.size());
  for (; nla_ok(attribute, left) != 0; attribute = nla_next(attribute, &left)) {
    read(Bytes(static_cast<const uint8_t*>(nla_data(attribute)), size_t(nla_len(attribute))));
  }
}

// One netlink message to be sent: the family's header and then attributes.
class Request {
 public:
  template <class Header>
  Request(uint16_t type, uint16_t flags, const Header& header)
      : message_(nlmsg_alloc_simple(type, NLM_F_REQUEST | flags)), attributes_(message_.get()) {
    attributes_.Head(header);
  }

  AttributeWriter& attributes() { return attributes_; }
  [[nodiscard]] nlmsghdr& header() { return *nlmsg_hdr(message_.get()); }

 private:
  MessageHandle message_;
  AttributeWriter attributes_;
};

}  // namespace trestle
