// SPDX-License-Identifier: Apache-2.0
#include "daemon/worker.h"

#include "net/socket_stream.h"

namespace ballast::daemon {

Worker::Worker(net::PassivePorts& ports, std::uint32_t index) : network_(loop_, ports, index) {}

Worker::~Worker() { end(); }

void Worker::start() {
    thread_ = std::thread([this] {
        loop_.run();
        clear();
    });
}

void Worker::end() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
}

void Worker::clear() {
    acceptors_.clear();
    sessions_.clear();
    network_.close_ports();
}

void Worker::accept_on(net::OwnedFd listening, net::Acceptor::Take take, std::string last_words) {
    loop_.post([this, listening = std::move(listening), take = std::move(take),
                last_words = std::move(last_words)]() mutable {
        acceptors_.push_back(std::make_unique<net::Acceptor>(
            loop_, std::move(listening), std::move(take), std::move(last_words)));
    });
}

void Worker::adopt(net::OwnedFd client, base::Address peer, Service service, std::string id,
                   guard::Ledger::Held accepted) {
    ++load_.sessions;  // before it is on its way, so that the next one sees it
    loop_.post([this, client = std::move(client), peer, service = std::move(service),
                id = std::move(id), accepted = std::move(accepted)]() mutable {
        begin_session(std::move(client), peer, service, id, std::move(accepted));
    });
}

void Worker::begin_session(net::OwnedFd client, base::Address peer, const Service& service,
                           const std::string& id, guard::Ledger::Held accepted) {
    net::prepare_control(client.get());
    const auto local = net::local_address(client.get());
    auto stream = std::make_unique<net::SocketStream>(loop_, std::move(client), local, peer);
    auto session = std::make_unique<session::Session>(
        session::Surroundings{network_, *service.listener, *service.pools, service.tls,
                              service.begins_with_tls, load_, *service.ledger, std::move(accepted)},
        std::move(stream), id, [this, id] { loop_.post([this, id] { session_ended(id); }); });
    auto& begun = *(sessions_[id] = std::move(session));
    begun.start();
    if (is_stopping_) begun.stop();
}

void Worker::session_ended(const std::string& id) {
    sessions_.erase(id);
    --load_.sessions;
    if (sessions_.empty() && empty_) std::exchange(empty_, {})();
}

void Worker::stop_sessions(std::function<void()> empty) {
    loop_.post([this, empty = std::move(empty)] {
        acceptors_.clear();
        is_stopping_ = true;
        empty_ = empty;
        for (const auto& [id, session] : sessions_) session->stop();
        if (sessions_.empty()) std::exchange(empty_, {})();
    });
}

}  // namespace ballast::daemon
