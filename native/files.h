// Small files, read and written whole.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "handle.h"

namespace trestle {

// Nothing, and errno says why, where there is no regular file of at most 4096 bytes.
std::optional<std::string> ReadShortFile(const std::string& path);

// Opens it for writing, with further flags of open(2), and writes the text. False, and errno says why, where
// not all of it could be: a file that was made for it is removed.
bool WriteFile(const std::string& path, int flags, mode_t mode, std::string_view text);

// In one write.
bool WriteAll(const Fd& file, std::string_view text);

}  // namespace trestle
