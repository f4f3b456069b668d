// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"
#include "guard/ledger.h"
#include "loop/worker_loop.h"
#include "metrics/backend_figures.h"
#include "metrics/histogram.h"
#include "net/acceptor.h"
#include "net/proxy_intake.h"
#include "net/socket_network.h"
#include "relay/porter.h"
#include "session/directory.h"
#include "session/warm_legs.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace ballast::daemon {

/// One thread with one loop, and the sessions that live on it.
class Worker {
public:
    Worker(net::PassivePorts& ports, std::uint32_t index);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // From any thread.
    void start();
    /// Ends the loop and joins the thread, which destroys its sessions. If the thread does not end
    /// within five seconds, the process ends at once with a failure.
    void end();
    /// Counts and logs a turn of the loop that does not end, and measures how long work waits for
    /// its turn. Call once a second.
    void look_at_turn();
    [[nodiscard]] const metrics::Histogram& lag() const { return lag_; }
    /// How long the current turn has taken so far; zero between turns.
    [[nodiscard]] loop::Time::duration in_turn_for() const { return loop_.in_turn_for(); }
    [[nodiscard]] net::SocketNetwork& network() { return network_; }
    [[nodiscard]] relay::Porter& porter() { return porter_; }
    /// The load: sessions count, and running transfers count more.
    [[nodiscard]] std::uint32_t load() const { return load_.sessions + 4 * load_.transfers; }
    [[nodiscard]] std::uint32_t sessions() const { return load_.sessions; }
    [[nodiscard]] std::uint32_t transfers() const { return load_.transfers; }

    /// Accepts on a listening socket. `take` is called on this worker's thread. Clients get
    /// `last_words`, if not empty, when no descriptors are left. Control thread.
    using AcceptorId = std::uint64_t;
    AcceptorId accept_on(base::OwnedFd listening, net::Acceptor::Take take, std::string last_words);
    /// Sessions that began there go on.
    void stop_accepting(AcceptorId id);
    /// Stops listening on passive ports that nobody needs any more. Call now and then.
    void retire_ports();
    /// Stops accepting on passive ports. `take` is called on this worker's thread.
    void release_ports(
        std::move_only_function<void(std::vector<net::SocketNetwork::ReleasedPort>)> take);
    void adopt_port(const net::PassivePorts::Key& key, base::OwnedFd listening);
    /// What a new client of a listener gets.
    struct Service {
        std::shared_ptr<const config::Listener> listener;
        std::shared_ptr<const session::Pools> pools;
        guard::Ledger* ledger;
        const session::PublicNames* public_names;
        session::Notices* notices;
        std::shared_ptr<const net::TlsServer> tls;
        bool begins_with_tls;
        std::shared_ptr<metrics::ListenerFigures> figures = {};
        session::Stories* stories = nullptr;
        std::shared_ptr<nat::Forwarder> forwarder = {};
    };
    /// Begins a session with an accepted client. `accepted` is its place among all sessions.
    void adopt(base::OwnedFd client, base::Address peer, Service service, std::string id,
               guard::Ledger::Held accepted);
    /// Takes no new sessions and tells the running ones to stop. `empty` is called on this worker's
    /// thread when the last one has ended.
    void stop_sessions(std::function<void()> empty);
    /// Keeps its part of the control connections that these pools want before clients come.
    void keep_warm(std::shared_ptr<const session::Pools> pools, std::uint32_t workers);
    /// Tells the present sessions to end as soon as they are idle. New ones may come.
    void end_sessions();
    /// Calls with the session of this id, or null if it is not here, on this worker's thread.
    void with_session(std::string id, std::move_only_function<void(session::Session*)> call);
    /// A slice of its sessions' views, see `session::Directory::slice`. `take` is called on this
    /// worker's thread.
    void read_sessions(std::string after, std::size_t max,
                       std::move_only_function<void(std::vector<session::View>)> take);
    using TakeStory =
        std::move_only_function<void(std::optional<session::Directory::Running> story)>;
    /// The story of a session, if this worker has it. `take` is called on this worker's thread.
    void read_story(std::string id, TakeStory take);
    using TakeFound = std::move_only_function<void(session::Directory::Found found)>;
    /// Searches the stories of a slice of its sessions, likewise.
    void search_stories(session::StoryQuery query, std::string after, std::size_t max,
                        TakeFound take);

private:
    struct Newcomer {
        guard::Ledger::Held carried;  ///< its part of the load
        base::OwnedFd socket;
        base::Address peer;
        std::optional<base::Address> reached;  ///< where the client connected, from a proxy
        Service service;
        std::string id;
        guard::Ledger::Held accepted;
        std::optional<base::Address> proxy = {};
    };
    /// Reads the proxy's header first, if there is a proxy.
    void take_in(Newcomer client);
    void begin_session(Newcomer client);
    void refuse(const Newcomer& client, const base::Error& reason);
    void turn_away(Newcomer client, const base::Error& reason);
    void session_ended(const std::string& id);
    void clear();
    void note_long_turn(loop::Time::duration took);
    void measure_lag();
    [[nodiscard]] std::uint64_t index() const { return index_; }

    const std::uint32_t index_;
    std::uint64_t long_turns_ = 0;  // since the last line about them
    loop::Time long_turns_noted_at_{};
    std::binary_semaphore has_ended_{0};
    metrics::Histogram lag_{metrics::latency_scale};
    std::atomic_flag lag_is_measured_;
    session::Load load_;  // clients on their way through the loop count too
    loop::WorkerLoop loop_;
    net::SocketNetwork network_;
    net::ProxyIntake intake_;
    relay::Porter porter_;
    session::WarmLegs warm_;
    AcceptorId last_acceptor_ = 0;  // of the control thread
    std::unordered_map<AcceptorId, std::unique_ptr<net::Acceptor>> acceptors_;
    session::Directory sessions_;
    std::function<void()> empty_;  // called once
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace ballast::daemon
