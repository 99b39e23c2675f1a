// The frames of launcher/protocol.h, in a text that was received or is to be sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "result.h"

namespace trestle {

struct Frame {
  uint32_t kind;
  std::string_view payload;
  // Together with its header.
  size_t length;
};

void AppendFrame(std::string& to, uint32_t kind, std::string_view payload);

// The frame that the text begins with; nothing as long as it is not whole. A fault where none can begin like
// this.
Result<std::optional<Frame>> FirstFrame(std::string_view text);

}  // namespace trestle
