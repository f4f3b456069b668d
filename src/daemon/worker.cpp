// SPDX-License-Identifier: Apache-2.0
#include "daemon/worker.h"

#include "base/log.h"
#include "base/owned_fd.h"
#include "metrics/counters.h"
#include "net/socket_stream.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <pthread.h>
#include <utility>

namespace ballast::daemon {

namespace {

/// A turn of the loop normally takes microseconds. During a longer one no other session is served.
constexpr auto turn_time_max = std::chrono::milliseconds(100);

/// How long a worker may take to end its sessions when its time is over.
constexpr auto end_time_max = std::chrono::seconds(5);

/// A turn that takes this long is logged before it ends, because it may never end.
constexpr auto stuck_time = std::chrono::seconds(1);

std::int64_t milliseconds(loop::Time::duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace

Worker::Worker(net::PassivePorts& ports, std::uint32_t index)
    : index_(index),
      network_(loop_, ports, index),
      intake_(loop_),
      porter_(loop_),
      warm_(network_) {
    loop_.watch_turns(turn_time_max, [this](loop::Time::duration took) { note_long_turn(took); });
}

Worker::~Worker() { end(); }

void Worker::start() {
    thread_ = std::thread([this] {
        // For `top -H` and profilers.
        ::pthread_setname_np(::pthread_self(), fmt::format("worker {}", index_).c_str());
        loop_.run();
        clear();
        has_ended_.release();
    });
}

void Worker::end() {
    if (!thread_.joinable()) return;
    loop_.stop();
    if (!has_ended_.try_acquire_for(end_time_max)) {
        // The thread hangs outside its loop. The kernel closes its connections.
        log::error("a worker does not stop: ending the process without it", {{"worker", index()}});
        log::write_last();
        std::_Exit(EXIT_FAILURE);
    }
    thread_.join();
}

void Worker::note_long_turn(loop::Time::duration took) {
    metrics::count(metrics::Counter::worker_turns_long);
    ++long_turns_;
    if (loop_.now() < long_turns_noted_at_ + std::chrono::seconds(1)) return;
    long_turns_noted_at_ = loop_.now();
    log::warning("a worker's turn took too long: its sessions waited",
                 {{"worker", index()},
                  {"milliseconds", milliseconds(took)},
                  {"turns", std::exchange(long_turns_, 0)}});
}

/// If the loop is stuck, the next measurement waits for this one.
void Worker::measure_lag() {
    if (lag_is_measured_.test_and_set()) return;
    loop_.post([this, asked_at = loop_.now()] {
        lag_.observe(loop_.now() - asked_at);
        lag_is_measured_.clear();
    });
}

void Worker::look_at_turn() {
    measure_lag();
    const auto taken = loop_.in_turn_for();
    if (taken < stuck_time) return;
    metrics::count(metrics::Counter::worker_turns_stuck);
    log::error("a worker is stuck: its sessions wait",
               {{"worker", index()}, {"milliseconds", milliseconds(taken)}});
}

void Worker::clear() {
    acceptors_.clear();
    intake_.clear();
    warm_.clear();
    sessions_.clear();
    porter_.clear();
    network_.close_ports();
}

Worker::AcceptorId Worker::accept_on(base::OwnedFd listening, net::Acceptor::Take take,
                                     std::string last_words) {
    const auto id = ++last_acceptor_;
    loop_.post([this, id, listening = std::move(listening), take = std::move(take),
                last_words = std::move(last_words)]() mutable {
        auto watched = loop::Descriptor::open(loop_, listening.get());
        if (!watched)
            return log::error("a listener cannot accept",
                              {{"reason", base::to_string(watched.error())}});
        (void)listening.release();
        acceptors_.emplace(
            id, std::make_unique<net::Acceptor>(loop_, std::move(*watched), std::move(take),
                                                std::move(last_words)));
    });
    return id;
}

void Worker::stop_accepting(AcceptorId id) {
    loop_.post([this, id] { acceptors_.erase(id); });
}

void Worker::retire_ports() {
    loop_.post([this] { network_.retire_ports(); });
}

void Worker::release_ports(
    std::move_only_function<void(std::vector<net::SocketNetwork::ReleasedPort>)> take) {
    loop_.post([this, take = std::move(take)]() mutable { take(network_.release_ports()); });
}

void Worker::adopt_port(const net::PassivePorts::Key& key, base::OwnedFd listening) {
    loop_.post([this, key, listening = std::move(listening)]() mutable {
        network_.adopt_port(key, std::move(listening));
    });
}

void Worker::adopt(base::OwnedFd client, base::Address peer, Service service, std::string id,
                   guard::Ledger::Held accepted) {
    ++load_.sessions;  // counted at once, so that the next client sees it
    guard::Ledger::Held carried([this] { --load_.sessions; });
    loop_.post([this, newcomer = Newcomer{std::move(carried),
                                          std::move(client),
                                          peer,
                                          {},
                                          std::move(service),
                                          std::move(id),
                                          std::move(accepted)}]() mutable {
        take_in(std::move(newcomer));
    });
}

void Worker::take_in(Newcomer client) {
    const auto& listener = *client.service.listener;
    const bool is_proxy = std::ranges::any_of(
        listener.proxy_from, [&](const auto& network) { return network.contains(client.peer.ip); });
    if (!is_proxy) return begin_session(std::move(client));
    auto socket = std::move(client.socket);
    intake_.take(std::move(socket), listener.proxy_timeout,
                 [this, client = std::move(client)](base::Result<base::OwnedFd> with_header,
                                                    const net::ProxiedConnection& proxied) mutable {
                     if (!with_header) return refuse(client, with_header.error());
                     client.socket = std::move(*with_header);
                     client.proxy = client.peer;
                     client.peer = proxied.from.value_or(client.peer);
                     client.reached = proxied.to;
                     begin_session(std::move(client));
                 });
}

void Worker::refuse(const Newcomer& client, const base::Error& reason) {
    log::warning("a connection of a proxy was closed",
                 {{"session", client.id},
                  {"phase", "proxy header"},
                  {"fault", to_string(base::blame_of(reason))},
                  {"listener", client.service.listener->name},
                  {"from", base::to_string(client.peer)},
                  {"reason", base::to_string(reason)}});
}

/// Ballast is out of descriptors or memory for a session. Tells the client, unless it expects TLS.
void Worker::turn_away(Newcomer client, const base::Error& reason) {
    metrics::count(metrics::Counter::accepts_refused);
    log::warning("no resources for a session", {{"session", client.id},
                                                {"phase", "accepting"},
                                                {"fault", to_string(base::Blame::ballast)},
                                                {"listener", client.service.listener->name},
                                                {"from", base::to_string(client.peer)},
                                                {"reason", base::to_string(reason)}});
    net::refuse(std::move(client.socket),
                client.service.begins_with_tls
                    ? std::string_view()
                    : "421 Service not available, closing control connection.\r\n");
}

/// If memory runs out, nothing of the session is left behind.
void Worker::begin_session(Newcomer client) try {
    net::prepare_accepted_control(client.socket.get());
    const auto local = net::local_address(client.socket.get());
    if (!local) return turn_away(std::move(client), local.error());
    auto watched =
        loop::Descriptor::open(loop_, client.socket.get(), loop::Descriptor::Origin::accepted);
    if (!watched) return turn_away(std::move(client), watched.error());
    (void)client.socket.release();
    const auto& id = client.id;
    auto stream = std::make_unique<net::SocketStream>(std::move(*watched), *local, client.peer);
    const auto& service = client.service;
    auto session = std::make_unique<session::Session>(
        session::Surroundings{network_, service.listener, service.pools, service.tls,
                              service.begins_with_tls, load_, *service.ledger,
                              *service.public_names, *service.notices, std::move(client.accepted),
                              client.reached, client.proxy, service.figures, service.stories,
                              index_, &porter_, &warm_, service.forwarder},
        std::move(stream), id, [this, id] { loop_.post([this, id] { session_ended(id); }); });
    auto& begun = sessions_.add(std::move(session), std::move(client.carried));
    try {
        begun.start();
    } catch (...) {
        sessions_.erase(id);
        throw;
    }
    if (is_stopping_) begun.stop();
} catch (const std::exception& problem) {
    metrics::count(metrics::Counter::sessions_broken);
    log::caught("no memory for a session", problem);
}

void Worker::session_ended(const std::string& id) {
    sessions_.erase(id);
    if (sessions_.is_empty() && empty_) std::exchange(empty_, {})();
}

void Worker::keep_warm(std::shared_ptr<const session::Pools> pools, std::uint32_t workers) {
    loop_.post([this, pools = std::move(pools), workers]() mutable {
        if (!is_stopping_) warm_.use(std::move(pools), workers);
    });
}

void Worker::stop_sessions(std::function<void()> empty) {
    loop_.post([this, empty = std::move(empty)] {
        warm_.clear();
        acceptors_.clear();
        intake_.clear();
        is_stopping_ = true;
        empty_ = empty;
        sessions_.stop();
        if (sessions_.is_empty()) std::exchange(empty_, {})();
    });
}

void Worker::end_sessions() {
    loop_.post([this] { sessions_.stop(); });
}

void Worker::with_session(std::string id, std::move_only_function<void(session::Session*)> call) {
    loop_.post(
        [this, id = std::move(id), call = std::move(call)]() mutable { call(sessions_.find(id)); });
}

void Worker::read_sessions(std::string after, std::size_t max,
                           std::move_only_function<void(std::vector<session::View>)> take) {
    loop_.post([this, after = std::move(after), max, take = std::move(take)]() mutable {
        take(sessions_.slice(after, max));
    });
}

void Worker::read_story(std::string id, TakeStory take) {
    loop_.post([this, id = std::move(id), take = std::move(take)]() mutable {
        take(sessions_.story(id));
    });
}

void Worker::search_stories(session::StoryQuery query, std::string after, std::size_t max,
                            TakeFound take) {
    loop_.post([this, query = std::move(query), after = std::move(after), max,
                take = std::move(take)]() mutable { take(sessions_.search(query, after, max)); });
}

}  // namespace ballast::daemon
