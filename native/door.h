// Where launchers are received: the daemon's side of launcher/protocol.h, on the event loop. Node's own
// sockets would do it, too, but what they do in JavaScript for a connection takes longer than the kernel's
// part of an ADD.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "event_loop.h"
#include "fields.h"
#include "frames.h"
#include "handle.h"
#include "result.h"

namespace trestle {

// A socket to be made, or one that is there.
struct DoorPlace {
  std::string path;
  std::optional<int> fd;
  // How many may be in at once; who comes then is turned away.
  uint32_t room = 0;
  // How long a visitor may be silent who is expected to say something.
  std::chrono::milliseconds patience{0};
};

DoorPlace ParseDoorPlace(Fields fields);

// `kDismiss`: it was no request.
enum class Verdict { kClaim, kDecline, kDismiss };

struct Judgement {
  Verdict verdict = Verdict::kClaim;
  std::string reason;
};

// Whom visitors come for. All of it may call the door.
struct DoorHost {
  // Somebody sends a REQUEST: its payload.
  std::function<Judgement(int visitor, std::string_view request)> judge;
  // One that was claimed says GO.
  std::function<void(int visitor)> go;
  // One that was claimed has left, or was sent away.
  std::function<void(int visitor)> gone;
  // Somebody asks for the daemon's status.
  std::function<void(int visitor, std::string_view what)> status;
  // What was wrong with what somebody said. They have been sent away.
  std::function<void(const std::string& complaint)> refused;
};

class Door {
 public:
  static Result<std::unique_ptr<Door>> Open(uv_loop_t* loop, const DoorPlace& place, DoorHost host);
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  Door(Door&&) = delete;
  Door& operator=(Door&&) = delete;
  ~Door();

  // Lets nobody in any more. Who is in stays.
  void Close();
  // The answer to a GO. What is said to a visitor who has left is not heard.
  void Answer(int visitor, uint8_t status, std::string_view output, std::string_view errors);
  // The answer to a status request, after which the visitor is to go.
  void Report(int visitor, std::string_view report);
  // Whether a visitor has left by now, be it that the host has not been told yet.
  [[nodiscard]] bool HasLeft(int visitor) const;
  // Sends a visitor away, without a word.
  void Dismiss(int visitor);
  // The connection of a visitor who is in, for somebody who answers in the host's stead.
  [[nodiscard]] Fd ConnectionTo(int visitor) const;

 private:
  struct Visitor;

  Door(uv_loop_t* loop, const DoorPlace& place, DoorHost host);
  Status Listen(Fd listening);
  void LetIn();
  void Enter(Fd connection);
  Visitor* Find(int id);
  void Hear(int id, int events);
  bool Take(int id);
  // `is_last`: nothing has come behind it.
  bool TakeFrame(Visitor& visitor, const Frame& frame, bool is_last);
  bool Judge(Visitor& visitor, std::string_view request);
  void Send(Visitor& visitor);
  void Lose(int id);
  void Refuse(int id, const std::string& complaint);
  void SendAwaySilent();
  [[nodiscard]] uint64_t DeadlineFromNow() const;

  uv_loop_t* loop_;
  DoorPlace place_;
  DoorHost host_;
  // Closed for a moment where there are no descriptors left: somebody who cannot be let in must be sent away.
  Fd reserve_;
  std::optional<Watcher> listening_;
  std::map<int, std::unique_ptr<Visitor>> visitors_;
  int latest_ = 0;
  Ticker ticker_;
};

}  // namespace trestle
