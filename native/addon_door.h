// The door (door.h) as JavaScript has it.
#pragma once

#include <memory>

#include "door.h"
#include "plain_data.h"

namespace trestle {

class AddonDoor {
 public:
  // openDoor(place, host)
  void Open(const Napi::CallbackInfo& info);
  void Close();
  // answer(visitor, exitCode, stdout, stderr)
  void Answer(const Napi::CallbackInfo& info);
  // report(visitor, text)
  void Report(const Napi::CallbackInfo& info);
  // hasLeft(visitor)
  Napi::Value HasLeft(const Napi::CallbackInfo& info);
  // dismiss(visitor)
  void Dismiss(const Napi::CallbackInfo& info);

 private:
  std::unique_ptr<Door> door_;
};

}  // namespace trestle
