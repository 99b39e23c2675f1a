#include "replay.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "apply.h"
#include "files.h"
#include "frames.h"
#include "json.h"
#include "launcher/protocol.h"
#include "lease.h"
#include "observe.h"

namespace trestle {
namespace {

// What `parse` makes of each object of a JSON list; nothing where it is none.
template <class T>
std::optional<std::vector<T>> ParseAll(const std::string& list, T (*parse)(Fields&)) {
  auto value = FromJson(list);
  if (!value) return std::nullopt;
  const Value whole(Object{{"all", std::move(*value)}});
  std::optional<Fault> problem;
  std::vector<T> parsed;
  Fields(&whole, "", problem).Each("all", false, [&](Fields& fields) { parsed.push_back(parse(fields)); });
  if (problem) return std::nullopt;
  return parsed;
}

const Value* Find(const Object& object, std::string_view name) {
  const auto found =
      std::find_if(object.begin(), object.end(), [&](const Member& it) { return it.first == name; });
  return found == object.end() ? nullptr : &found->second;
}

// Of an outcome what a result may tell: the link's MAC and MTU, and those of its other end.
Value Told(const Object& outcome) {
  Object told;
  for (const char* name : {"mac", "mtu", "peer"}) {
    const Value* member = Find(outcome, name);
    if (member == nullptr) continue;
    const auto* peer = member->As<Object>();
    told.emplace_back(name, peer != nullptr ? Told(*peer) : *member);
  }
  return told;
}

std::string MillisecondsNow() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

const char* Replay::Run(Fd connection, const std::stop_token& stop) {
  connection_ = std::move(connection);
  const std::string_view given_up = Do(stop);
  connection_ = Fd();
  record_ = Fd();
  if (!given_up.empty()) Release();
  return given_up.data();
}

const char* Replay::Do(const std::stop_token& stop) {
  auto& filling = call_.filling;
  names_ = NamesOf({recipe_->network, filling[kContainerId], filling[kIfname]}, recipe_->type,
                   recipe_->machine_id);
  filling[kHostEnd] = names_.host_end;
  filling[kHostMac] = names_.host_mac;
  filling[kPodMac] = names_.pod_mac;
  if (!Enter(stop)) return "namespace";
  if (!Lock()) return "lock";
  if (!Observe()) return "facts";
  if (!IsCallerThere()) return "caller";
  if (!BeginRecord()) return "record";
  if (!Lease(stop)) return "lease";
  if (!IsCallerThere()) return "caller";
  if (!Note(recipe_->footprints.back())) return "record";
  if (const std::string_view given_up = Apply(); !given_up.empty()) return given_up.data();
  if (!IsCallerThere()) return "caller";
  if (!Note(recipe_->complete)) return "record";
  Answer();
  return "";
}

bool Replay::Enter(const std::stop_token& stop) {
  auto namespaces = Namespaces::Open({.host = std::nullopt, .pod = call_.netns}, true);
  if (!namespaces || namespaces->AreOne()) return false;
  session_ = std::make_unique<Session>(std::move(*namespaces));
  session_->Begin(stop);
  return true;
}

bool Replay::Lock() {
  const LockRequest request{
      .path = recipe_->state_dir + "/lock", .timeout = {}, .offset = names_.lock_offset, .shared = false};
  auto lock = locks_->Take(request, {});
  if (!lock || !*lock) return false;
  lock_ = **lock;
  return true;
}

// Whether everything is as it was.
bool Replay::Observe() {
  const auto queries = ParseAll(Filled(recipe_->queries), ParseQuery);
  if (!queries) return false;
  auto answers = trestle::Observe(*session_, *queries);
  if (!answers) return false;
  const auto& known = recipe_->answers;
  return std::find(known.begin(), known.end(), ToJson(*answers)) != known.end();
}

bool Replay::BeginRecord() {
  const std::string path = recipe_->state_dir + "/attachments/" + names_.record;
  record_ = Fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return record_ && WriteAll(record_, Filled(recipe_->record).append("\n"));
}

bool Replay::Lease(const std::stop_token& stop) {
  if (!recipe_->lease) return true;
  const LeaseHolder holder{call_.filling[kContainerId], call_.filling[kIfname]};
  auto addresses = TakeLeases(*recipe_->lease, holder, *locks_, stop);
  if (!addresses) return false;
  for (size_t i = 0; i < addresses->size(); i++) call_.filling.at(kAddress + i) = std::move((*addresses)[i]);
  return true;
}

const char* Replay::Apply() {
  const auto steps = ParseAll(Filled(recipe_->steps), ParseStep);
  if (!steps) return "steps";
  steps_ = steps->size();
  const Value applied = trestle::Apply(*session_, *steps, Mode::kStop);
  Array told;
  for (const Value& outcome : *Find(*applied.As<Object>(), "outcomes")->As<Array>()) {
    // Whatever others had in it is lost.
    if (Find(*outcome.As<Object>(), "madeTable") != nullptr) return "table";
    told.push_back(Told(*outcome.As<Object>()));
  }
  const auto& footprints = recipe_->footprints;
  if (told.size() < std::min(steps->size(), footprints.size() - 1)) {
    // Of what was not done there is nothing to be removed.
    return Note(footprints[told.size()]) ? "steps" : "record";
  }
  return ToJson(told) == Filled(recipe_->outcomes) ? "" : "steps";
}

// As lib/plugin/records.ts does it: a line break closes what may be left of a line.
bool Replay::Note(const std::string& text) {
  return WriteAll(record_, "\n" + Filled(text) + "\n");
}

// An ADD that is complete stays, be it that the launcher has just ended. There is room for the answer: the
// daemon has said nothing but "claimed". Were there none, the launcher must not wait for the rest.
void Replay::Answer() {
  is_done_ = true;
  std::string frame;
  AppendFrame(frame, FRAME_ANSWER, std::string(1, '\0') + Filled(recipe_->result));
  // Node ignores SIGPIPE.
  const ssize_t sent = write(connection_.get(), frame.data(), frame.size());
  if (sent < 0 || size_t(sent) != frame.size()) shutdown(connection_.get(), SHUT_RDWR);
}

bool Replay::IsCallerThere() const {
  char next = 0;
  const ssize_t got = recv(connection_.get(), &next, sizeof next, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

std::string Replay::Filled(std::string_view text) {
  call_.filling[kNow] = MillisecondsNow();
  return Fill(text, call_.filling);
}

void Replay::Release() {
  if (lock_) locks_->Release(*std::exchange(lock_, std::nullopt));
  session_ = nullptr;
}

}  // namespace trestle
