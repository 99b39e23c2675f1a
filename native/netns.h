// Network namespaces: which ones a call is about, and which one a thread is in.
#pragma once

#include <optional>
#include <string>

#include "handle.h"
#include "result.h"

namespace trestle {

enum class Ns { kHost, kPod };

// Where the two are: paths. Without `host`, the calling process's own.
struct Where {
  std::optional<std::string> host;
  std::optional<std::string> pod;
};

// Opens a network namespace by path; anything else at that path is refused.
Result<Fd> OpenNetns(const std::string& path);

// Remembers the process's own namespace. To be called on the main thread, which never leaves it, before
// anything else here.
void RememberHome();
// Puts the calling thread back into the process's own namespace, if it has left that: as long as it is in
// another, that cannot end. Says whether it is there.
bool ReturnHome();
// A new thread is where the one is that has made it.
void AssumeAway();
// Whether the calling thread is known to be in the process's own namespace.
bool IsHome();

// The open namespaces of a call or visit, shared by its threads.
class Namespaces {
 public:
  // Opens the pod's only if `with_pod`: a DEL without a pod never asks for it.
  static Result<Namespaces> Open(const Where& where, bool with_pod);

  [[nodiscard]] int fd(Ns ns) const;
  // Puts the calling thread into `ns`. Never to be called on the main thread.
  [[nodiscard]] Status Enter(Ns ns) const;
  // Whether the pod's is the host's.
  [[nodiscard]] bool AreOne() const;

 private:
  // Empty: the process's own.
  Fd host_;
  Fd pod_;
};

// " in the pod" or "": how the place of a thing is told in a fault.
const char* PlaceInWords(Ns ns);

}  // namespace trestle
