#include "session.h"

#include "thread.h"

namespace trestle {

Session::~Session() {
  for (auto& socket : netfilter_)
    if (socket) CloseAside(std::move(*socket).TakeFd());
}

void Session::Begin(std::stop_token stop) {
  stop_ = std::move(stop);
  inside_.reset();
  created_.clear();
}

std::unique_ptr<Session> Session::Beside() const {
  std::unique_ptr<Session> session(new Session(namespaces_));
  session->stop_ = stop_;
  session->created_ = created_;
  return session;
}

Status Session::Enter(Ns ns) {
  if (inside_ == ns) return Done{};
  auto entered = namespaces_->Enter(ns);
  if (entered) inside_ = ns;
  return entered;
}

Result<Socket*> Session::Open(Sockets& sockets, Ns ns, int protocol) {
  auto& socket = sockets.at(size_t(ns));
  if (socket) return &*socket;
  if (auto entered = Enter(ns); !entered) return entered.fault();
  auto opened = Socket::Open(protocol);
  if (!opened) return opened.fault();
  return &socket.emplace(std::move(*opened));
}

}  // namespace trestle
