#include "nft_expr.h"

// The kernel headers give way to those of libc, if these come first.
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

#include <optional>
#include <string>
#include <vector>

namespace trestle {
namespace {

constexpr size_t kRegisterSize = 16;

uint32_t Register(Fields& fields, const char* name) {
  const uint32_t number = fields.Number(name, NFT_REG_1, NFT_REG32_15);
  if (number > NFT_REG_4 && number < NFT_REG32_00) fields.Complain(name, "must be 1 to 4 or 8 to 23");
  return number;
}

NftExprHandle New(const char* name) {
  return NftExprHandle(nftnl_expr_alloc(name));
}

MakeNftExpr ParseMeta(Fields& fields) {
  const auto key = fields.OneOf<uint32_t>("key", {{"nfproto", NFT_META_NFPROTO},
                                                  {"l4proto", NFT_META_L4PROTO},
                                                  {"iifname", NFT_META_IIFNAME},
                                                  {"oifname", NFT_META_OIFNAME},
                                                  {"mark", NFT_META_MARK}});
  return [key, dreg = Register(fields, "dreg")] {
    auto expr = New("meta");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_META_DREG, dreg);
    return expr;
  };
}

MakeNftExpr ParsePayload(Fields& fields) {
  const auto base = fields.OneOf<uint32_t>("base", {{"link", NFT_PAYLOAD_LL_HEADER},
                                                    {"network", NFT_PAYLOAD_NETWORK_HEADER},
                                                    {"transport", NFT_PAYLOAD_TRANSPORT_HEADER}});
  const uint32_t offset = fields.Number("offset", 0, UINT8_MAX);
  const uint32_t length = fields.Number("length", 1, kRegisterSize);
  return [=, dreg = Register(fields, "dreg")] {
    auto expr = New("payload");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_PAYLOAD_LEN, length);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_PAYLOAD_DREG, dreg);
    return expr;
  };
}

MakeNftExpr ParseBitwise(Fields& fields) {
  const uint32_t length = fields.Number("length", 1, kRegisterSize);
  const auto mask = fields.Hex("mask", kRegisterSize);
  const auto flip = fields.Hex("xor", kRegisterSize);
  if (mask.size() != length || flip.size() != length)
    fields.Complain("mask", "and xor must have `length` bytes");
  return [=, sreg = Register(fields, "sreg"), dreg = Register(fields, "dreg")] {
    auto expr = New("bitwise");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_BITWISE_SREG, sreg);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_BITWISE_DREG, dreg);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_BITWISE_LEN, length);
    nftnl_expr_set(expr.get(), NFTNL_EXPR_BITWISE_MASK, mask.data(), length);
    nftnl_expr_set(expr.get(), NFTNL_EXPR_BITWISE_XOR, flip.data(), length);
    return expr;
  };
}

MakeNftExpr ParseCmp(Fields& fields) {
  const auto op = fields.OneOf<uint32_t>("op", {{"eq", NFT_CMP_EQ},
                                                {"neq", NFT_CMP_NEQ},
                                                {"lt", NFT_CMP_LT},
                                                {"lte", NFT_CMP_LTE},
                                                {"gt", NFT_CMP_GT},
                                                {"gte", NFT_CMP_GTE}});
  return [op, data = fields.Hex("data", kRegisterSize), sreg = Register(fields, "sreg")] {
    auto expr = New("cmp");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_CMP_SREG, sreg);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_CMP_OP, op);
    nftnl_expr_set(expr.get(), NFTNL_EXPR_CMP_DATA, data.data(), uint32_t(data.size()));
    return expr;
  };
}

MakeNftExpr ParseLookup(Fields& fields) {
  std::optional<uint32_t> dreg;
  if (fields.Has("dreg")) dreg = Register(fields, "dreg");
  return [dreg, set = fields.Text("set"), invert = fields.Flag("invert"), sreg = Register(fields, "sreg")] {
    auto expr = New("lookup");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_LOOKUP_SREG, sreg);
    nftnl_expr_set_str(expr.get(), NFTNL_EXPR_LOOKUP_SET, set.c_str());
    if (dreg) nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_LOOKUP_DREG, *dreg);
    if (invert) nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
    return expr;
  };
}

MakeNftExpr ParseCt(Fields& fields) {
  const auto key =
      fields.OneOf<uint32_t>("key", {{"status", NFT_CT_STATUS}, {"proto-dst", NFT_CT_PROTO_DST}});
  std::optional<uint8_t> direction;
  if (key == NFT_CT_PROTO_DST) {
    direction =
        fields.OneOf<uint8_t>("direction", {{"original", IP_CT_DIR_ORIGINAL}, {"reply", IP_CT_DIR_REPLY}});
  }
  return [key, direction, dreg = Register(fields, "dreg")] {
    auto expr = New("ct");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_CT_KEY, key);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_CT_DREG, dreg);
    if (direction) nftnl_expr_set_u8(expr.get(), NFTNL_EXPR_CT_DIR, *direction);
    return expr;
  };
}

MakeNftExpr ParseFib(Fields& fields) {
  const auto result = fields.OneOf<uint32_t>("result", {{"type", NFT_FIB_RESULT_ADDRTYPE}});
  const auto of = fields.OneOf<uint32_t>("of", {{"saddr", NFTA_FIB_F_SADDR}, {"daddr", NFTA_FIB_F_DADDR}});
  return [result, of, dreg = Register(fields, "dreg")] {
    auto expr = New("fib");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_FIB_RESULT, result);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_FIB_FLAGS, of);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_FIB_DREG, dreg);
    return expr;
  };
}

MakeNftExpr ParseDnat(Fields& fields) {
  const auto family = fields.OneOf<uint32_t>("family", {{"ip", NFPROTO_IPV4}, {"ip6", NFPROTO_IPV6}});
  return [family, address = Register(fields, "address"), port = Register(fields, "port")] {
    auto expr = New("nat");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_NAT_FAMILY, family);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_NAT_REG_ADDR_MIN, address);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_NAT_REG_PROTO_MIN, port);
    return expr;
  };
}

MakeNftExpr ParseVerdict(Fields& fields) {
  const int verdict = fields.OneOf<int>(
      "verdict", {{"accept", NF_ACCEPT}, {"drop", NF_DROP}, {"return", NFT_RETURN}, {"jump", NFT_JUMP}});
  const std::string chain = verdict == NFT_JUMP ? fields.Text("chain") : "";
  return [verdict, chain] {
    auto expr = New("immediate");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_IMM_VERDICT, uint32_t(verdict));
    if (!chain.empty()) nftnl_expr_set_str(expr.get(), NFTNL_EXPR_IMM_CHAIN, chain.c_str());
    return expr;
  };
}

MakeNftExpr ParseMasq(Fields& /*fields*/) {
  return [] { return New("masq"); };
}

MakeNftExpr ParseCounter(Fields& /*fields*/) {
  return [] { return New("counter"); };
}

}  // namespace

MakeNftExpr ParseNftExpr(Fields& fields) {
  using Parse = MakeNftExpr (*)(Fields&);
  static constexpr Choice<Parse> exprs[] = {

      {"meta", ParseMeta},     {"payload", ParsePayload}, {"bitwise", ParseBitwise}, {"cmp", ParseCmp},
      {"lookup", ParseLookup}, {"ct", ParseCt},           {"fib", ParseFib},         {"dnat", ParseDnat},
      {"masq", ParseMasq},     {"counter", ParseCounter}, {"verdict", ParseVerdict},
  };
  return fields.OneOf("expr", exprs)(fields);
}

}  // namespace trestle
