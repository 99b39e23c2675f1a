// Plain data as JSON text.
#pragma once

#include <string>

#include "result.h"
#include "value.h"

namespace trestle {

// The fault says what is wrong with the text.
Result<Value> FromJson(const std::string& text);
std::string ToJson(const Value& value);

}  // namespace trestle
