// Between JavaScript values and plain data. Main thread only. No other file includes <napi.h>; addon.cc has
// it from here.
#pragma once

#include <napi.h>

#include "result.h"
#include "value.h"

namespace trestle {

// Copies the arguments of a call. Whatever is no plain data, or beyond any sensible size, is a fault.
Result<Value> FromJs(const Napi::CallbackInfo& info);
// Copies one of them.
Result<Value> FromJs(const Napi::Value& value);
Napi::Value ToJs(Napi::Env env, const Value& value);
// An Error with the fields of KernelFault.
Napi::Value ToJs(Napi::Env env, const Fault& fault);

}  // namespace trestle
