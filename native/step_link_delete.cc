// `ip link delete`, always by ifindex and only after a look at what has it.
#include <cerrno>
#include <optional>
#include <string>

#include "links.h"
#include "steps.h"

namespace trestle {
namespace {

struct LinkDelete {
  Ns ns = Ns::kHost;
  std::string name;
  std::optional<uint32_t> ifindex;
  std::optional<Mac> mac;
  std::optional<std::string> kind;
  bool keep_if_missing = false;
};

std::string InWords(const LinkDelete& step) {
  return "delete link " + step.name + PlaceInWords(step.ns);
}

bool IsMeant(const LinkDelete& step, const Link& link) {
  return (!step.mac || link.mac == ToText(*step.mac)) && (!step.kind || link.kind == *step.kind);
}

Result<Outcome> Missing(const LinkDelete& step) {
  if (step.keep_if_missing) return Outcome{};
  std::string what = "\"" + step.name + "\"" + PlaceInWords(step.ns);
  if (step.ifindex) what += " with ifindex " + std::to_string(*step.ifindex);
  if (step.mac) what += " with MAC " + ToText(*step.mac);
  if (step.kind) what += " that is a " + *step.kind;
  return Fault{InWords(step), ENODEV, "there is no link " + what, ""};
}

Result<Outcome> Run(Session& session, const LinkDelete& step) {
  auto socket = session.Route(step.ns);
  if (!socket) return socket.fault();
  auto link = step.ifindex ? FindLink(**socket, step.name, int(*step.ifindex))
                           : FindLink(session, step.ns, step.name);
  if (!link) return link.fault();
  if (!*link || !IsMeant(step, **link)) return Missing(step);
  Request request(RTM_DELLINK, 0, LinkHeader((*link)->ifindex));
  auto deleted = (*socket)->Change(InWords(step), request);
  if (!deleted && deleted.fault().code == ENODEV) return Missing(step);
  if (!deleted) return deleted.fault();
  session.created().erase({step.ns, step.name});
  return Outcome{"deleted", {{"ifindex", (*link)->ifindex}, {"mac", (*link)->mac}}};
}

}  // namespace

Step ParseLinkDelete(Fields& fields) {
  LinkDelete step;
  step.ns = fields.Namespace("ns");
  step.name = fields.LinkName("name");
  step.ifindex = fields.OptionalNumber("ifindex", 1, INT32_MAX);
  step.mac = fields.OptionalMac("mac");
  step.kind = fields.OptionalText("kind", 64);
  step.keep_if_missing = KeepsIf(fields, "ifMissing");
  return {.uses_pod = step.ns == Ns::kPod, .parallel = true, .run = [step](Session& session) {
            return Run(session, step);
          }};
}

}  // namespace trestle
