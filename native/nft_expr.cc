#include "nft_expr.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <string>
#include <vector>

namespace trestle {
namespace {

constexpr size_t kRegisterSize = 16;

uint32_t Register(Fields& fields, const char* name) {
  return fields.Number(name, NFT_REG_1, NFT_REG_4);
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
  return [set = fields.Text("set"), invert = fields.Flag("invert"), sreg = Register(fields, "sreg")] {
    auto expr = New("lookup");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_LOOKUP_SREG, sreg);
    nftnl_expr_set_str(expr.get(), NFTNL_EXPR_LOOKUP_SET, set.c_str());
    if (invert) nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
    return expr;
  };
}

MakeNftExpr ParseVerdict(Fields& fields) {
  const int verdict =
      fields.OneOf<int>("verdict", {{"accept", NF_ACCEPT}, {"drop", NF_DROP}, {"return", NFT_RETURN}});
  return [verdict] {
    auto expr = New("immediate");
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_IMM_VERDICT, uint32_t(verdict));
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

      {"meta", ParseMeta},       {"payload", ParsePayload}, {"bitwise", ParseBitwise},
      {"cmp", ParseCmp},         {"lookup", ParseLookup},   {"masq", ParseMasq},
      {"counter", ParseCounter}, {"verdict", ParseVerdict},
  };
  return fields.OneOf("expr", exprs)(fields);
}

}  // namespace trestle
