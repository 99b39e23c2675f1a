// Waiting for a link, and telling its neighbours of it.
#include <linux/if.h>
#include <linux/if_bridge.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

#include "links.h"
#include "steps.h"

namespace trestle {
namespace {

using std::chrono::steady_clock;

struct LinkWait {
  Ns ns = Ns::kHost;
  std::string name;
  std::chrono::milliseconds timeout{0};
};

// A port listens and learns only where the spanning tree has its own delay, half a minute of it: that is not
// ours to wait for.
bool IsEnabled(uint8_t port_state) {
  return port_state == BR_STATE_FORWARDING || port_state == BR_STATE_LISTENING ||
         port_state == BR_STATE_LEARNING;
}

// Where the operstate is unknown, running is the best there is to know: some drivers never tell one, and in
// Linux 6.1 a bridge none either whose carrier was never off. But a veth begins without a carrier, and 6.1
// tells it "unknown", and running, until linkwatch has come to look.
bool IsUp(const Link& link) {
  const bool tells = link.kind == "veth";
  return link.operstate == IF_OPER_UP || (!tells && link.operstate == IF_OPER_UNKNOWN && link.running);
}

// A bridge has its carrier from the first port that forwards, but drops what it is to send until the kernel
// has come to look at it as well (linkwatch, which waits its turn for the RTNL lock): tens of milliseconds on
// a busy machine.
Result<bool> CarriesTraffic(Session& session, Ns ns, const Link& link) {
  if (!IsUp(link)) return false;
  if (!link.port || link.port->state != BR_STATE_FORWARDING) return !link.port || IsEnabled(link.port->state);
  auto socket = session.Route(ns);
  if (!socket) return socket.fault();
  const auto bridge = FindLink(**socket, "", int(link.master));
  if (!bridge) return bridge.fault();
  return !*bridge || IsUp(**bridge);
}

Result<Outcome> Run(Session& session, const LinkWait& step) {
  const std::string op = "wait for link " + step.name + PlaceInWords(step.ns);
  const auto deadline = steady_clock::now() + step.timeout;
  std::chrono::microseconds pause(200);
  for (;;) {
    auto link = NeedLink(session, step.ns, step.name, op);
    if (!link) return link.fault();
    const auto ready = CarriesTraffic(session, step.ns, *link);
    if (!ready) return ready.fault();
    if (*ready) {
      return Outcome{"kept", {{"ifindex", link->ifindex}, {"mac", link->mac}, {"mtu", link->mtu}}};
    }
    if (steady_clock::now() >= deadline || session.stopped()) {
      return Fault{op, ETIMEDOUT,
                   "it carries no traffic after " + std::to_string(step.timeout.count()) + " ms", ""};
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 3 / 2, std::chrono::microseconds(10'000));
  }
}

Result<Outcome> Announce(Session& session, Ns ns, const std::string& name) {
  const std::string op = "announce the addresses of link " + name + PlaceInWords(ns);
  auto link = NeedKnownLink(session, ns, name, op);
  if (!link) return link.fault();
  auto socket = session.Route(ns);
  if (!socket) return socket.fault();
  const auto mac = ParseMac(link->mac);
  if (!mac) return Fault{op, EOPNOTSUPP, "it has no MAC address", ""};
  Request request(RTM_SETLINK, 0, LinkHeader(link->ifindex));
  request.attributes().Raw(IFLA_ADDRESS, *mac);
  if (auto set = (*socket)->Change(op, request); !set) return set.fault();
  return Outcome{"changed", {{"ifindex", link->ifindex}, {"mac", link->mac}, {"mtu", link->mtu}}};
}

}  // namespace

Step ParseLinkWait(Fields& fields) {
  LinkWait step;
  step.ns = fields.Namespace("ns");
  step.name = fields.LinkName("name");
  step.timeout = std::chrono::milliseconds(fields.Number("timeoutMs", 0, INT32_MAX));
  return {.uses_pod = step.ns == Ns::kPod, .run = [step](Session& session) { return Run(session, step); }};
}

Step ParseLinkAnnounce(Fields& fields) {
  const Ns ns = fields.Namespace("ns");
  return {.uses_pod = ns == Ns::kPod, .run = [ns, name = fields.LinkName("name")](Session& session) {
            return Announce(session, ns, name);
          }};
}

}  // namespace trestle
