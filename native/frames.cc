#include "frames.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

#include "launcher/protocol.h"

namespace trestle {
namespace {

// In little-endian order, which both machines that there are have.
struct Header {
  uint32_t magic;
  uint32_t kind;
  uint32_t size;
};

// Why no frame can begin like this; empty where one can.
std::string Complaint(const Header& header) {
  std::array<char, 80> text{};
  if (header.magic != FRAME_MAGIC) {
    snprintf(text.data(), text.size(), "this is no frame: it begins with 0x%x", header.magic);
  } else if (header.kind < FRAME_REQUEST || header.kind > FRAME_STATUS_REPORT) {
    snprintf(text.data(), text.size(), "there are no frames of kind %u", header.kind);
  } else if (header.size > FRAME_LIMIT) {
    snprintf(text.data(), text.size(), "a frame of %u bytes is announced, at most %d are taken", header.size,
             FRAME_LIMIT);
  }
  return text.data();
}

}  // namespace

void AppendFrame(std::string& to, uint32_t kind, std::string_view payload) {
  const Header header{FRAME_MAGIC, kind, uint32_t(payload.size())};
  to.append(reinterpret_cast<const char*>(&header), sizeof header).append(payload);
}

Result<std::optional<Frame>> FirstFrame(std::string_view text) {
  Header header{};
  if (text.size() < sizeof header) return std::optional<Frame>();
  std::memcpy(&header, text.data(), sizeof header);
  if (std::string complaint = Complaint(header); !complaint.empty())
    return Fault{"", 0, std::move(complaint), ""};
  const size_t length = sizeof header + header.size;
  if (text.size() < length) return std::optional<Frame>();
  return std::optional(Frame{header.kind, text.substr(sizeof header, header.size), length});
}

}  // namespace trestle
