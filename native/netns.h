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

// The open namespaces of one call, shared by its threads. Must be made on a thread that is in the process's
// own one.
class Namespaces {
 public:
  // Opens the pod's only if `with_pod`: a DEL without a pod never asks for it.
  static Result<Namespaces> Open(const Where& where, bool with_pod);

  [[nodiscard]] int fd(Ns ns) const { return ns == Ns::kHost ? host_.get() : pod_.get(); }
  // Puts the calling thread into `ns`. Never to be called on the main thread or on one that others share.
  [[nodiscard]] Status Enter(Ns ns) const;

 private:
  Fd host_;
  Fd pod_;
};

// " in the pod" or "": how the place of a thing is told in a fault.
const char* PlaceInWords(Ns ns);

}  // namespace trestle
