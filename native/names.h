// By what an attachment is known: lib/plugin/identity.ts and the names of lib/plugin/records.ts.
#pragma once

#include <cstdint>
#include <string>

namespace trestle {

struct AttachmentKey {
  std::string network;
  std::string container_id;
  std::string ifname;
};

struct AttachmentNames {
  std::string host_end;
  std::string host_mac;
  std::string pod_mac;
  // Of the record's file, and what of the lock file is locked for it.
  std::string record;
  uint64_t lock_offset = 0;
};

AttachmentNames NamesOf(const AttachmentKey& key, const std::string& type, const std::string& machine_id);

}  // namespace trestle
