#include "addon_door.h"

#include <optional>
#include <utility>

namespace trestle {
namespace {

void Throw(Napi::Env env, const Fault& fault) {
  Napi::Error(env, ToJs(env, fault)).ThrowAsJavaScriptException();
}

Result<DoorPlace> PlaceOf(const Napi::Value& argument) {
  const auto plain = FromJs(argument);
  if (!plain) return plain.fault();
  std::optional<Fault> problem;
  DoorPlace place = ParseDoorPlace(Fields(&*plain, "place", problem));
  if (problem) return *problem;
  return place;
}

// -1, which is nobody, for anything else.
int VisitorOf(const Napi::Value& value) {
  return value.IsNumber() ? value.As<Napi::Number>().Int32Value() : -1;
}

std::string TextOf(const Napi::Value& value) {
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
}

}  // namespace

// JavaScript's, but for the calls that there are recipes for.
DoorHost AddonDoor::HostOf(const std::shared_ptr<AddonDoorHost>& host) {
  auto replays = std::make_shared<ReplayHost>(ReplayHost{
      .done = [host](std::string_view request, size_t steps,
                     double seconds) { host->Done(request, steps, seconds); },
      .given_up =
          [this, host](int visitor, std::string_view request, std::string_view what, bool has_left) {
            if (host->Judge(visitor, request, true).verdict != Verdict::kClaim)
              return door_->Dismiss(visitor);
            host->Go(visitor, what);
            if (has_left) host->Gone(visitor);
          },
  });
  return {
      .judge = [this, host](int visitor, std::string_view request) -> Judgement {
        if (!is_closed_ && replays_.Claim(visitor, request)) return {};
        return host->Judge(visitor, request, false);
      },
      .go =
          [this, host, replays](int visitor) {
            if (!replays_.IsClaimed(visitor)) return host->Go(visitor, "");
            replays_.Begin(host->Env(), visitor, door_->ConnectionTo(visitor), replays);
          },
      .gone =
          [this, host, replays](int visitor) {
            if (!replays_.IsClaimed(visitor)) return host->Gone(visitor);
            // One that did not say "go" is JavaScript's to count.
            const auto withdrawn = replays_.Leave(visitor, *replays);
            if (withdrawn && host->Judge(visitor, *withdrawn, true).verdict == Verdict::kClaim)
              host->Gone(visitor);
          },
      .status = [host](int visitor, std::string_view what) { host->Status(visitor, what); },
      .refused = [host](const std::string& complaint) { host->Refused(complaint); },
  };
}

void AddonDoor::Open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (door_) return Throw(env, {"open a door", 0, "there is one already", ""});
  const auto place = PlaceOf(info[0]);
  if (!place) return Throw(env, place.fault());
  if (const std::string missing = AddonDoorHost::Missing(info[1]); !missing.empty())
    return Throw(env, {"read the arguments", 0, missing, ""});
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok)
    return Throw(env, {"open a door", 0, "there is no event loop", ""});
  auto door = Door::Open(loop, *place, HostOf(std::make_shared<AddonDoorHost>(info[1].As<Napi::Object>())));
  if (!door) return Throw(env, door.fault());
  door_ = std::move(*door);
}

void AddonDoor::Close() {
  is_closed_ = true;
  if (door_) door_->Close();
}

void AddonDoor::Answer(const Napi::CallbackInfo& info) {
  const auto status = uint8_t(VisitorOf(info[1]));
  if (door_) door_->Answer(VisitorOf(info[0]), status, TextOf(info[2]), TextOf(info[3]));
}

void AddonDoor::Report(const Napi::CallbackInfo& info) {
  if (door_) door_->Report(VisitorOf(info[0]), TextOf(info[1]));
}

Napi::Value AddonDoor::HasLeft(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), !door_ || door_->HasLeft(VisitorOf(info[0])));
}

void AddonDoor::Dismiss(const Napi::CallbackInfo& info) {
  if (door_) door_->Dismiss(VisitorOf(info[0]));
}

}  // namespace trestle
