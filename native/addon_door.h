// The door (door.h) as JavaScript has it.
#pragma once

#include <memory>

#include "addon_door_host.h"
#include "addon_replays.h"
#include "door.h"
#include "plain_data.h"

namespace trestle {

class AddonDoor {
 public:
  // What there is a recipe for never gets to JavaScript.
  explicit AddonDoor(AddonReplays& replays) : replays_(replays) {}

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
  DoorHost HostOf(const std::shared_ptr<AddonDoorHost>& host);

  AddonReplays& replays_;
  bool is_closed_ = false;
  std::unique_ptr<Door> door_;
};

}  // namespace trestle
