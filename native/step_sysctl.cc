#include <cerrno>
#include <string>

#include "steps.h"
#include "sysctl.h"

namespace trestle {
namespace {

struct SysctlSet {
  Ns ns = Ns::kHost;
  std::string key;
  std::string value;
  bool keep_if_missing = false;
  bool keep_if_read_only = false;
};

Result<Outcome> Run(Session& session, const SysctlSet& step) {
  const std::string op = "set sysctl " + step.key + " to " + step.value + PlaceInWords(step.ns);
  if (auto entered = session.Enter(step.ns); !entered) return entered.fault();
  auto sysctl = Sysctl::Open(step.key, true);
  if (!sysctl) return sysctl.fault();
  if (!*sysctl && step.keep_if_missing) return Outcome{};
  if (!*sysctl) return KernelFault(op, ENOENT);
  auto found = (*sysctl)->Read();
  if (!found) return found.fault();
  // Reading first also means that a read-only /proc/sys is no obstacle where the value is right already.
  if (SameSysctlValue(*found, step.value)) return Outcome{};
  if (auto written = (*sysctl)->Write(step.value); !written) {
    const int code = written.fault().code;
    return code == EROFS && step.keep_if_read_only ? Result<Outcome>(Outcome{}) : KernelFault(op, code);
  }
  return Outcome{"changed", {{"previous", Object{{"value", *found}}}}};
}

}  // namespace

Step ParseSysctlSet(Fields& fields) {
  SysctlSet step;
  step.ns = fields.Namespace("ns");
  step.key = fields.Text("key");
  if (!IsSysctlKey(step.key)) fields.Complain("key", "is no name of a sysctl: \"" + step.key + "\"");
  step.value = fields.Text("value", 4095);
  step.keep_if_missing = KeepsIf(fields, "ifMissing");
  step.keep_if_read_only = fields.Has("ifReadOnly") && KeepsIf(fields, "ifReadOnly");
  return {.uses_pod = step.ns == Ns::kPod, .run = [step](Session& session) { return Run(session, step); }};
}

}  // namespace trestle
