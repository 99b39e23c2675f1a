#include "nft_batch.h"

#include <endian.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cerrno>

namespace trestle {
namespace {

// libnftnl writes without looking how much room there is. The largest messages, a rule of 128 expressions and
// 64 elements with comments, stay below half of this.
constexpr size_t kMaxMessage = size_t{32} * 1024;
constexpr size_t kElementsPerMessage = 64;

// What nft prints as `comment "…"`.
NftUserDataHandle Comment(uint8_t type, const std::string& comment) {
  NftUserDataHandle data(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
  if (!comment.empty()) nftnl_udata_put_strz(data.get(), type, comment.c_str());
  return data;
}

// Calls `set(data, length)` unless there are no user data.
template <class Set>
void SetUserData(const NftUserDataHandle& data, Set set) {
  const uint32_t length = nftnl_udata_buf_len(data.get());
  if (length > 0) set(nftnl_udata_buf_data(data.get()), length);
}

NftSetHandle NewSet(const NftTable& table, const std::string& name) {
  NftSetHandle set(nftnl_set_alloc());
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table.name.c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name.c_str());
  return set;
}

// Makes a map of a set.
void PutData(const NftSetHandle& set, const NftUserDataHandle& user_data, NftType type) {
  nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, NFT_SET_MAP);
  nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_TYPE, type);
  nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_LEN, NftLengthOf(type));
  nftnl_udata_put_u32(user_data.get(), NFTNL_UDATA_SET_DATABYTEORDER, NftByteOrderOf(type));
}

void SetValue(const NftElementHandle& element, uint16_t attribute, const NftValue& value) {
  nftnl_set_elem_set(element.get(), attribute, value.bytes.data(), uint32_t(value.bytes.size()));
}

}  // namespace

void NftBatch::Put(uint16_t type, uint16_t flags, const std::string& op,
                   const std::function<void(nlmsghdr*)>& build) {
  last_ = messages_.size();
  messages_.resize(last_ + kMaxMessage);
  ops_.push_back(op);
  // Numbered from 1: an answer tells which of `ops_` it is about.
  nlmsghdr* header = nftnl_nlmsg_build_hdr(reinterpret_cast<char*>(messages_.data() + last_), type,
                                           table_.family, flags, uint32_t(ops_.size()));
  build(header);
  messages_.resize(last_ + NLMSG_ALIGN(header->nlmsg_len));
  structural_ = structural_ || (type != NFT_MSG_NEWSETELEM && type != NFT_MSG_DELSETELEM);
}

void NftBatch::AddTable(const std::string& comment) {
  const NftTableHandle table(nftnl_table_alloc());
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_.name.c_str());
  SetUserData(Comment(NFTNL_UDATA_TABLE_COMMENT, comment), [&](const void* data, uint32_t length) {
    nftnl_table_set_data(table.get(), NFTNL_TABLE_USERDATA, data, length);
  });
  Put(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, "add table " + ToText(table_),
      [&](nlmsghdr* header) { nftnl_table_nlmsg_build_payload(header, table.get()); });
}

void NftBatch::AddChain(const NftChain& chain) {
  const NftChainHandle object(nftnl_chain_alloc());
  nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, table_.name.c_str());
  nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, chain.name.c_str());
  if (chain.hook) {
    nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TYPE, chain.hook->type);
    nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_HOOKNUM, chain.hook->number);
    nftnl_chain_set_s32(object.get(), NFTNL_CHAIN_PRIO, chain.hook->priority);
  }
  Put(NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, "add chain " + InTable(chain.name),
      [&](nlmsghdr* header) { nftnl_chain_nlmsg_build_payload(header, object.get()); });
}

void NftBatch::AddSet(const NftSet& set) {
  const NftSetHandle object = NewSet(table_, set.name);
  nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_TYPE, set.key);
  nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_LEN, NftLengthOf(set.key));
  // The kernel wants a number that is unique in the batch, though rules name the set.
  nftnl_set_set_u32(object.get(), NFTNL_SET_ID, uint32_t(ops_.size() + 1));
  const NftUserDataHandle data = Comment(NFTNL_UDATA_SET_COMMENT, set.comment);
  nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_KEYBYTEORDER, NftByteOrderOf(set.key));
  if (set.data) PutData(object, data, *set.data);
  SetUserData(data, [&](const void* bytes, uint32_t length) {
    nftnl_set_set_data(object.get(), NFTNL_SET_USERDATA, bytes, length);
  });
  Put(NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, "add set " + InTable(set.name),
      [&](nlmsghdr* header) { nftnl_set_nlmsg_build_payload(header, object.get()); });
}

void NftBatch::AddRule(const NftRule& rule) {
  const NftRuleHandle object(nftnl_rule_alloc());
  nftnl_rule_set_str(object.get(), NFTNL_RULE_TABLE, table_.name.c_str());
  nftnl_rule_set_str(object.get(), NFTNL_RULE_CHAIN, rule.chain.c_str());
  SetUserData(Comment(NFTNL_UDATA_RULE_COMMENT, rule.comment), [&](const void* data, uint32_t length) {
    nftnl_rule_set_data(object.get(), NFTNL_RULE_USERDATA, data, length);
  });
  for (const MakeNftExpr& make : rule.exprs) nftnl_rule_add_expr(object.get(), make().release());
  Put(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
      "add rule \"" + rule.comment + "\" to chain " + InTable(rule.chain),
      [&](nlmsghdr* header) { nftnl_rule_nlmsg_build_payload(header, object.get()); });
}

void NftBatch::AddElements(const NftElements& elements) {
  PutElements(NFT_MSG_NEWSETELEM, NLM_F_CREATE | (elements.fails_if_taken ? NLM_F_EXCL : 0),
              "add elements to set " + InTable(elements.set), elements);
}

void NftBatch::DeleteElements(const NftElements& elements) {
  PutElements(NFT_MSG_DELSETELEM, 0, "delete elements from set " + InTable(elements.set), elements);
}

void NftBatch::PutElements(uint16_t type, uint16_t flags, const std::string& op,
                           const NftElements& elements) {
  const NftUserDataHandle comment = Comment(NFTNL_UDATA_SET_ELEM_COMMENT, elements.comment.value_or(""));
  for (size_t start = 0; start < elements.keys.size(); start += kElementsPerMessage) {
    const NftSetHandle set = NewSet(table_, elements.set);
    const size_t end = std::min(elements.keys.size(), start + kElementsPerMessage);
    for (size_t i = start; i < end; i++) {
      NftElementHandle element(nftnl_set_elem_alloc());
      SetValue(element, NFTNL_SET_ELEM_KEY, elements.keys[i]);
      if (elements.data) SetValue(element, NFTNL_SET_ELEM_DATA, *elements.data);
      SetUserData(comment, [&](const void* data, uint32_t length) {
        nftnl_set_elem_set(element.get(), NFTNL_SET_ELEM_USERDATA, data, length);
      });
      nftnl_set_elem_add(set.get(), element.release());
    }
    Put(type, flags, op, [&](nlmsghdr* header) { nftnl_set_elems_nlmsg_build_payload(header, set.get()); });
  }
}

void NftBatch::DeleteRule(const std::string& chain, const NftRuleFact& rule) {
  const NftRuleHandle object(nftnl_rule_alloc());
  nftnl_rule_set_str(object.get(), NFTNL_RULE_TABLE, table_.name.c_str());
  nftnl_rule_set_str(object.get(), NFTNL_RULE_CHAIN, chain.c_str());
  nftnl_rule_set_u64(object.get(), NFTNL_RULE_HANDLE, rule.handle);
  const std::string name = rule.jump.empty() ? "\"" + rule.comment + "\"" : "to " + rule.jump;
  Put(NFT_MSG_DELRULE, 0, "delete rule " + name + " from chain " + InTable(chain),
      [&](nlmsghdr* header) { nftnl_rule_nlmsg_build_payload(header, object.get()); });
}

void NftBatch::DeleteSet(const std::string& set) {
  const NftSetHandle object = NewSet(table_, set);
  Put(NFT_MSG_DELSET, 0, "delete set " + InTable(set),
      [&](nlmsghdr* header) { nftnl_set_nlmsg_build_payload(header, object.get()); });
}

void NftBatch::DeleteChain(const std::string& chain) {
  const NftChainHandle object(nftnl_chain_alloc());
  nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, table_.name.c_str());
  nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, chain.c_str());
  Put(NFT_MSG_DELCHAIN, 0, "delete chain " + InTable(chain),
      [&](nlmsghdr* header) { nftnl_chain_nlmsg_build_payload(header, object.get()); });
}

Status NftBatch::SendTo(Socket& socket, uint32_t generation, Send how) {
  const std::string op = "change table " + ToText(table_);
  // Success is silent; the last message, which is done only if all before it are, asks for a word.
  reinterpret_cast<nlmsghdr*>(messages_.data() + last_)->nlmsg_flags |= NLM_F_ACK;
  std::vector<uint8_t> batch(2 * MNL_NLMSG_HDRLEN + 256);
  nlmsghdr* begin = nftnl_batch_begin(reinterpret_cast<char*>(batch.data()), 0);
  if (generation != 0) mnl_attr_put_u32(begin, NFNL_BATCH_GENID, htobe32(generation));
  batch.resize(begin->nlmsg_len);
  batch.insert(batch.end(), messages_.begin(), messages_.end());
  if (how == Send::kToCommit) {
    const size_t end = batch.size();
    batch.resize(end + MNL_NLMSG_HDRLEN + sizeof(nfgenmsg));
    nftnl_batch_end(reinterpret_cast<char*>(batch.data() + end), 0);
  }
  auto verdict = socket.SendBatch(op, batch);
  if (!verdict) return verdict.fault();
  if (verdict->errors.empty()) return verdict->acknowledged ? Status(Done{}) : KernelFault(op, EPROTO);
  const auto& [code, extack, seq] = verdict->errors.front();
  return KernelFault(seq >= 1 && seq <= ops_.size() ? ops_[seq - 1] : op, code, extack);
}

}  // namespace trestle
