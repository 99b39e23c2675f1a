#include "addresses.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <algorithm>

namespace trestle {
namespace {

std::optional<Address> ParseAddress(const nlmsghdr& message, int ifindex) {
  if (message.nlmsg_type != RTM_NEWADDR) return std::nullopt;
  const auto* header = static_cast<const ifaddrmsg*>(NLMSG_DATA(&message));
  if (int(header->ifa_index) != ifindex) return std::nullopt;
  const auto attributes = Attributes::Of<ifaddrmsg>(message);
  // IFA_ADDRESS is the other side on a point-to-point link; IFA_LOCAL, where there is one, is always ours.
  const Bytes bytes = attributes.Raw(attributes.Has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS);
  Address address;
  address.prefix.ip.family = header->ifa_family;
  if (bytes.size() != address.prefix.ip.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), address.prefix.ip.bytes.begin());
  address.prefix.length = header->ifa_prefixlen;
  address.scope = header->ifa_scope;
  const uint32_t flags = attributes.U32(IFA_FLAGS).value_or(header->ifa_flags);
  address.tentative = (flags & IFA_F_TENTATIVE) != 0;
  address.dad_failed = (flags & IFA_F_DADFAILED) != 0;
  return address;
}

std::string ScopeInWords(uint8_t scope) {
  switch (scope) {
    case RT_SCOPE_UNIVERSE:
      return "global";
    case RT_SCOPE_SITE:
      return "site";
    case RT_SCOPE_LINK:
      return "link";
    case RT_SCOPE_HOST:
      return "host";
    default:
      return std::to_string(scope);
  }
}

}  // namespace

Result<std::vector<Address>> AddressesOf(Socket& socket, int ifindex) {
  ifaddrmsg header{};
  header.ifa_index = uint32_t(ifindex);
  Request request(RTM_GETADDR, 0, header);
  auto parse = [ifindex](const nlmsghdr& message) { return ParseAddress(message, ifindex); };
  auto addresses = socket.Dump<Address>("list addresses", request, parse);
  // The link may have gone since its name was looked up.
  if (!addresses && addresses.fault().code == ENODEV) return std::vector<Address>();
  return addresses;
}

Value ToValue(const Address& address) {
  return Object{{"address", ToText(address.prefix)},
                {"scope", ScopeInWords(address.scope)},
                {"tentative", address.tentative},
                {"dadFailed", address.dad_failed}};
}

}  // namespace trestle
