#include "door.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "launcher/protocol.h"

namespace trestle {
namespace {

// As Node's: the kernel bounds it by net.core.somaxconn.
constexpr int kBacklog = 511;

// Buffers that were larger are given back.
constexpr size_t kUsual = size_t(64) << 10;

std::string ListenOn(const DoorPlace& place) {
  return place.fd ? "listen on descriptor " + std::to_string(*place.fd) : "listen on " + place.path;
}

Result<Fd> MakeSocket(const DoorPlace& place) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (place.path.size() >= sizeof address.sun_path) return KernelFault(ListenOn(place), ENAMETOOLONG);
  std::copy(place.path.begin(), place.path.end(), std::begin(address.sun_path));
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return KernelFault(ListenOn(place), errno);
  return fd;
}

// One that somebody else has made, who may have set it up in another way.
Result<Fd> AdoptSocket(const DoorPlace& place) {
  Fd fd(*place.fd);
  if (fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) {
    const int error = errno;
    return KernelFault(ListenOn(place), error);
  }
  return fd;
}

Fd OpenReserve() {
  return Fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

// Of whom what is expected next.
enum class Stage { kRequest, kGo, kNothing };

struct Door::Visitor {
  Visitor(int name, Watcher watcher, uint64_t until)
      : id(name), connection(std::move(watcher)), deadline(until) {}

  int id;
  Watcher connection;
  Stage stage = Stage::kRequest;
  // In the event loop's milliseconds; 0 for none.
  uint64_t deadline;
  std::string heard;
  std::string unsent;
  // The connection is watched for room to send more.
  bool waits = false;
  bool is_claimed = false;
  // Is to go when all has been sent.
  bool is_leaving = false;
};

DoorPlace ParseDoorPlace(Fields fields) {
  DoorPlace place;
  place.path = fields.OptionalText("path", 4095).value_or("");
  if (auto fd = fields.OptionalNumber("fd", 0, INT32_MAX)) place.fd = int(*fd);
  if (place.path.empty() == !place.fd)
    fields.Complain("path", "and fd exclude each other, and one is needed");
  place.room = fields.Number("room", 1, INT32_MAX);
  place.patience = std::chrono::milliseconds(fields.Number("patienceMs", 1, INT32_MAX));
  fields.Finish();
  return place;
}

Door::Door(uv_loop_t* loop, const DoorPlace& place, DoorHost host)
    : loop_(loop),
      place_(place),
      host_(std::move(host)),
      reserve_(OpenReserve()),
      ticker_(loop, std::chrono::seconds(1), [this] { SendAwaySilent(); }) {}

Door::~Door() {
  Close();
}

Result<std::unique_ptr<Door>> Door::Open(uv_loop_t* loop, const DoorPlace& place, DoorHost host) {
  auto listening = place.fd ? AdoptSocket(place) : MakeSocket(place);
  if (!listening) return listening.fault();
  if (listen(listening->get(), kBacklog) != 0) return KernelFault(ListenOn(place), errno);
  std::unique_ptr<Door> door(new Door(loop, place, std::move(host)));
  if (auto listens = door->Listen(std::move(*listening)); !listens) return listens.fault();
  return door;
}

Status Door::Listen(Fd listening) {
  auto watcher = Watcher::Start(loop_, std::move(listening), [this](int /*events*/) { LetIn(); });
  if (!watcher) return watcher.fault();
  listening_.emplace(std::move(*watcher));
  return Done{};
}

void Door::Close() {
  if (listening_ && !place_.fd) unlink(place_.path.c_str());
  listening_.reset();
}

void Door::LetIn() {
  while (listening_) {
    Fd connection(accept4(listening_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection) {
      if (visitors_.size() < place_.room) Enter(std::move(connection));
    } else if ((errno == EMFILE || errno == ENFILE) && reserve_) {
      reserve_ = Fd();
      const Fd turned_away(accept4(listening_->fd(), nullptr, nullptr, SOCK_CLOEXEC));
      reserve_ = OpenReserve();
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

void Door::Enter(Fd connection) {
  const int id = ++latest_;
  auto watcher = Watcher::Start(loop_, std::move(connection), [this, id](int events) { Hear(id, events); });
  if (!watcher) return;
  visitors_.emplace(id, std::make_unique<Visitor>(id, std::move(*watcher), DeadlineFromNow()));
  ticker_.Start();
  // Most have said what they want by now.
  Hear(id, UV_READABLE);
}

Door::Visitor* Door::Find(int id) {
  const auto found = visitors_.find(id);
  return found == visitors_.end() ? nullptr : found->second.get();
}

void Door::Hear(int id, int events) {
  if ((events & UV_WRITABLE) != 0)
    if (Visitor* visitor = Find(id)) Send(*visitor);
  static std::array<char, kUsual> piece;
  while (Visitor* visitor = Find(id)) {
    const ssize_t got = recv(visitor->connection.fd(), piece.data(), piece.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    // Only now: nothing is begun for who has left already.
    if (got < 0 && errno == EAGAIN) return static_cast<void>(Take(id));
    if (got <= 0) return Lose(id);
    if (visitor->deadline != 0) visitor->deadline = DeadlineFromNow();
    visitor->heard.append(piece.data(), size_t(got));
    if (visitor->heard.size() >= kUsual && !Take(id)) return;
  }
}

// Takes the frames that are whole. False: the visitor has gone.
bool Door::Take(int id) {
  for (size_t start = 0;;) {
    Visitor* visitor = Find(id);
    if (visitor == nullptr) return false;
    std::string& heard = visitor->heard;
    const auto frame = FirstFrame(std::string_view(heard).substr(start));
    if (!frame) {
      Refuse(id, frame.fault().message);
      return false;
    }
    if (!*frame) {
      heard.erase(0, start);
      if (heard.empty() && heard.capacity() > kUsual) heard = std::string();
      return true;
    }
    start += (*frame)->length;
    if (!TakeFrame(*visitor, **frame, start == heard.size())) return false;
  }
}

bool Door::TakeFrame(Visitor& visitor, const Frame& frame, bool is_last) {
  const int id = visitor.id;
  if (frame.kind == FRAME_REQUEST && visitor.stage == Stage::kRequest) return Judge(visitor, frame.payload);
  if (frame.kind == FRAME_GO && visitor.stage == Stage::kGo) {
    visitor.stage = Stage::kNothing;
    visitor.deadline = 0;
    host_.go(id);
  } else if (frame.kind == FRAME_STATUS && visitor.stage == Stage::kRequest && is_last) {
    visitor.stage = Stage::kNothing;
    visitor.deadline = 0;
    host_.status(id, frame.payload);
  } else {
    Refuse(id, "a frame of kind " + std::to_string(frame.kind) + " is out of turn");
  }
  return Find(id) != nullptr;
}

bool Door::Judge(Visitor& visitor, std::string_view request) {
  const int id = visitor.id;
  const Judgement judgement = host_.judge(id, request);
  if (Find(id) == nullptr) return false;
  switch (judgement.verdict) {
    case Verdict::kClaim:
      visitor.stage = Stage::kGo;
      visitor.is_claimed = true;
      AppendFrame(visitor.unsent, FRAME_CLAIMED, "");
      break;
    case Verdict::kDecline:
      visitor.stage = Stage::kNothing;
      visitor.is_leaving = true;
      AppendFrame(visitor.unsent, FRAME_DECLINED, judgement.reason);
      break;
    case Verdict::kDismiss:
      Dismiss(id);
      return false;
  }
  Send(visitor);
  return Find(id) != nullptr;
}

void Door::Answer(int id, uint8_t status, std::string_view output, std::string_view errors) {
  Visitor* visitor = Find(id);
  if (visitor == nullptr) return;
  if (!errors.empty()) AppendFrame(visitor->unsent, FRAME_STDERR, errors);
  std::string answer(1, char(status));
  AppendFrame(visitor->unsent, FRAME_ANSWER, answer.append(output));
  Send(*visitor);
}

void Door::Report(int id, std::string_view report) {
  Visitor* visitor = Find(id);
  if (visitor == nullptr) return;
  visitor->is_leaving = true;
  AppendFrame(visitor->unsent, FRAME_STATUS_REPORT, report);
  Send(*visitor);
}

bool Door::HasLeft(int id) const {
  const auto found = visitors_.find(id);
  if (found == visitors_.end()) return true;
  char next = 0;
  const ssize_t got = recv(found->second->connection.fd(), &next, sizeof next, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

Fd Door::ConnectionTo(int id) const {
  const auto found = visitors_.find(id);
  return found == visitors_.end() ? Fd() : Fd(fcntl(found->second->connection.fd(), F_DUPFD_CLOEXEC, 0));
}

void Door::Dismiss(int id) {
  visitors_.erase(id);
}

// Sends what there is room for, and the rest later. May be the end of the visitor.
void Door::Send(Visitor& visitor) {
  size_t sent = 0;
  while (sent < visitor.unsent.size()) {
    // Node ignores SIGPIPE.
    const ssize_t written =
        write(visitor.connection.fd(), visitor.unsent.data() + sent, visitor.unsent.size() - sent);
    if (written < 0 && errno == EINTR) continue;
    // Anything but that there is no room is found out by whoever hears.
    if (written < 0) break;
    sent += size_t(written);
  }
  visitor.unsent.erase(0, sent);
  if (visitor.unsent.empty() && visitor.is_leaving) return Dismiss(visitor.id);
  const bool waits = !visitor.unsent.empty();
  if (waits != std::exchange(visitor.waits, waits)) visitor.connection.WatchForRoom(waits);
}

void Door::Lose(int id) {
  const Visitor* visitor = Find(id);
  if (visitor == nullptr) return;
  const bool was_claimed = visitor->is_claimed;
  Dismiss(id);
  if (was_claimed) host_.gone(id);
}

void Door::Refuse(int id, const std::string& complaint) {
  Lose(id);
  host_.refused(complaint);
}

void Door::SendAwaySilent() {
  const uint64_t now = uv_now(loop_);
  std::vector<int> silent;
  bool somebody_may_be = false;
  for (const auto& [id, visitor] : visitors_) {
    if (visitor->deadline == 0) continue;
    somebody_may_be = true;
    if (visitor->deadline <= now) silent.push_back(id);
  }
  if (!somebody_may_be) ticker_.Stop();
  for (const int id : silent) Lose(id);
}

uint64_t Door::DeadlineFromNow() const {
  return uv_now(loop_) + uint64_t(place_.patience.count());
}

}  // namespace trestle
