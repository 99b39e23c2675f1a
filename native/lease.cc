#include "lease.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <random>

#include "files.h"
#include "handle.h"

namespace trestle {
namespace {

// After so many leased addresses in a row a look at the folder is cheaper than another try.
constexpr int kMaxTries = 32;

// So long another process is waited for here.
constexpr std::chrono::seconds kPatience(1);

Ip Next(Ip ip) {
  for (size_t i = ip.size(); i-- > 0;)
    if (++ip.bytes.at(i) != 0) break;
  return ip;
}

bool IsIn(const LeaseRange& range, const Ip& ip) {
  return ip.family == range.start.family && range.start.bytes <= ip.bytes && ip.bytes <= range.end.bytes;
}

Ip After(const LeaseRange& range, const Ip& ip) {
  return ip == range.end ? range.start : Next(ip);
}

bool IsSameTime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Whose lease index holds for the folder as it is, as lib/ipam/host-local/index-cache.ts tells it.
class LeaseFolder {
 public:
  LeaseFolder(const LeasePlace& place, const LeaseHolder& holder)
      : place_(place),
        holder_(holder),
        note_(place.index + "/" + holder.container_id + " " + holder.ifname) {}

  // Whether the index is current, and knows of nothing that the holder, or its container in the files of old
  // releases, has already.
  bool IsReady() {
    struct stat folder {};
    struct stat stamp {};
    if (stat(place_.folder.c_str(), &folder) != 0) return false;
    stamp_ = place_.index + "/stamp." + std::to_string(folder.st_dev) + "." + std::to_string(folder.st_ino);
    if (lstat(stamp_.c_str(), &stamp) != 0 || !IsSameTime(folder.st_mtim, stamp.st_mtim)) return false;
    return IsMissing(note_) && IsMissing(place_.index + "/" + holder_.container_id + " ");
  }

  // False: all that were tried have a lease, or something is wrong.
  bool Take(const LeaseRange& range, size_t set) {
    const std::string last_path = place_.folder + "/last_reserved_ip." + std::to_string(set);
    const auto last = ReadShortFile(last_path);
    if (!last && errno != ENOENT) return false;
    const auto known = last ? ParseIp(*last) : std::nullopt;
    if (last && !known) return false;
    Ip ip = known && IsIn(range, *known) ? After(range, *known) : range.start;
    for (int tries = 0; tries < kMaxTries; ip = After(range, ip)) {
      if (ip == range.gateway) {
        if (range.start == range.end) return false;
        continue;
      }
      tries++;
      const auto taken = TakeAddress(ToText(ip));
      if (!taken) return false;
      if (*taken) return WriteFile(last_path, O_CREAT | O_TRUNC, 0644, ToText(ip));
    }
    return false;
  }

  // The last thing done before the lock is let go: equal times say that nothing has happened since.
  [[nodiscard]] bool Seal() const {
    static thread_local std::mt19937_64 random{std::random_device()()};
    constexpr double grain = 64;
    const double ago = std::uniform_real_distribution(1.0, 86'400.0)(random);
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const auto ticks = int64_t((double(now.tv_sec) - ago) * grain);
    timespec time{};
    time.tv_sec = ticks / int64_t(grain);
    time.tv_nsec = ticks % int64_t(grain) * (1'000'000'000 / int64_t(grain));
    const std::array<timespec, 2> times{time, time};
    return utimensat(AT_FDCWD, place_.folder.c_str(), times.data(), 0) == 0 &&
           utimensat(AT_FDCWD, stamp_.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0;
  }

  [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  static bool IsMissing(const std::string& path) {
    struct stat status {};
    return lstat(path.c_str(), &status) != 0 && errno == ENOENT;
  }

  // Whether it was free; nothing where it cannot be leased.
  std::optional<bool> TakeAddress(const std::string& address) {
    const std::string text = holder_.container_id + "\r\n" + holder_.ifname;
    if (!WriteFile(place_.folder + "/" + address, O_CREAT | O_EXCL, 0644, text)) {
      if (errno == EEXIST) return false;
      return std::nullopt;
    }
    addresses_.push_back(address);
    if (!Note()) return std::nullopt;
    return true;
  }

  [[nodiscard]] bool Note() const {
    std::string all;
    for (const std::string& address : addresses_) all.append(all.empty() ? "" : ",").append(address);
    if (addresses_.size() > 1 && unlink(note_.c_str()) != 0) return false;
    return symlink(all.c_str(), note_.c_str()) == 0;
  }

  const LeasePlace& place_;
  const LeaseHolder& holder_;
  std::string note_;
  std::string stamp_;
  std::vector<std::string> addresses_;
};

}  // namespace

std::optional<std::vector<std::string>> TakeLeases(const LeasePlace& place, const LeaseHolder& holder,
                                                   Locks& locks, const std::stop_token& stop) {
  // Among ourselves nobody waits by trying again and again.
  const std::lock_guard guard(*place.turn);
  const LockRequest request{
      .path = place.folder + "/lock", .timeout = kPatience, .offset = std::nullopt, .shared = false};
  const auto lock = locks.Take(request, stop);
  if (!lock || !*lock) return std::nullopt;
  LeaseFolder folder(place, holder);
  bool is_done = folder.IsReady();
  for (size_t set = 0; is_done && set < place.ranges.size(); set++)
    is_done = folder.Take(place.ranges[set], set);
  is_done = is_done && folder.Seal();
  locks.Release(**lock);
  if (!is_done) return std::nullopt;
  return folder.addresses();
}

}  // namespace trestle
