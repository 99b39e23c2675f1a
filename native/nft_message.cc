#include "nft_message.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>

namespace trestle {
namespace {

constexpr Choice<uint8_t> kFamilies[] = {{"inet", NFPROTO_INET}, {"ip", NFPROTO_IPV4},
                                         {"ip6", NFPROTO_IPV6},  {"bridge", NFPROTO_BRIDGE},
                                         {"arp", NFPROTO_ARP},   {"netdev", NFPROTO_NETDEV}};

std::string FamilyName(uint8_t family) {
  const auto* found = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                   [&](const auto& choice) { return choice.value == family; });
  return found == std::end(kFamilies) ? std::to_string(family) : std::string(found->name);
}

}  // namespace

NftTable ParseNftTable(Fields& fields) {
  NftTable table;
  table.family = fields.OneOf<uint8_t>(
      "family",
      {{"inet", NFPROTO_INET}, {"ip", NFPROTO_IPV4}, {"ip6", NFPROTO_IPV6}, {"bridge", NFPROTO_BRIDGE}});
  table.name = fields.Text("table");
  return table;
}

std::string ToText(const NftTable& table) {
  return FamilyName(table.family) + " " + table.name;
}

Value ToValue(const NftTable& table) {
  return Object{{"family", FamilyName(table.family)}, {"name", table.name}};
}

Request NftGet(uint16_t message, const NftTable& table) {
  const nfgenmsg header{.nfgen_family = table.family, .version = NFNETLINK_V0, .res_id = 0};
  return {uint16_t(NFNL_SUBSYS_NFTABLES << 8 | message), 0, header};
}

std::string NftUserText(Bytes data, uint8_t type) {
  while (data.size() >= 2 && data.size() - 2 >= data[1]) {
    const Bytes value = data.subspan(2, data[1]);
    if (data[0] == type) return {value.begin(), std::find(value.begin(), value.end(), '\0')};
    data = data.subspan(2 + size_t(data[1]));
  }
  return "";
}

}  // namespace trestle
