// SPDX-License-Identifier: Apache-2.0
#include "net/socket_network.h"

#include "base/log.h"
#include "base/owned_fd.h"
#include "base/shortage.h"
#include "base/token_bucket.h"
#include "metrics/counters.h"
#include "net/port_lease.h"
#include "net/presence.h"
#include "net/socket_stream.h"

#include <cerrno>
#include <deque>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sys/un.h>

namespace ballast::net {

namespace {

constexpr int passive_backlog = 128;

/// Binds the source side of a dial. If a fixed port is in use, an ephemeral one replaces it: the
/// same pair of ports may still be in TIME_WAIT when a client reuses its ports.
base::Result<> bind_source(int native, const Dial& dial) {
    if (!dial.from && dial.source_port == 0) return {};
    const auto source_ip = dial.from.value_or(base::Ip::any(dial.to.ip.family()));
    const int on = 1;
    if (dial.is_transparent && !make_transparent(native, source_ip.family()))
        return std::unexpected(base::last_error(
            base::Fault::internal,
            "taking the source address " + base::to_string(source_ip) + " of another machine"));
    if (dial.source_port != 0) {
        ::setsockopt(native, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const SystemAddress fixed({source_ip, dial.source_port});
        if (::bind(native, fixed.get(), fixed.length) == 0) return {};
        metrics::count(metrics::Counter::active_source_port_busy);
    }
    // Let connect() choose the port, because it may share one among destinations.
    ::setsockopt(native, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const SystemAddress any_port({source_ip, 0});
    if (::bind(native, any_port.get(), any_port.length) != 0)
        return std::unexpected(
            base::last_error(base::Fault::internal, "binding to " + base::to_string(source_ip)));
    return {};
}

void set_user_timeout(int native, std::chrono::milliseconds timeout) {
    const auto value = static_cast<unsigned int>(timeout.count());
    ::setsockopt(native, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value);
}

std::error_code pending_error(int native) {
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(native, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    return {error, std::system_category()};
}

base::Error no_port_in(const base::PortRange& range) {
    return {base::Fault::internal, std::make_error_code(std::errc::address_in_use),
            "no free passive port in " + base::to_string(range)};
}

}  // namespace

class SocketNetwork::PassiveLease final : public PortLease {
public:
    PassiveLease(SocketNetwork& network, PassivePorts::Key key, const base::Ip& client,
                 const PassivePorts::Lent& lent)
        : PortLease(network.loop_, network.ports_, key, client, lent), network_(network) {
        network_.leases_[id()] = this;
    }
    ~PassiveLease() override {
        network_.leases_.erase(id());
        // Nobody took it, so its end must not look proper.
        if (socket_) reset_on_close(socket_.get());
    }
    PassiveLease(const PassiveLease&) = delete;
    PassiveLease& operator=(const PassiveLease&) = delete;

    [[nodiscard]] bool has_arrived() const override { return static_cast<bool>(socket_); }
    [[nodiscard]] std::unique_ptr<Stream> take() override {
        if (!socket_) return nullptr;
        return std::make_unique<SocketStream>(network_.loop_, std::move(socket_), local_, peer_);
    }

    void arrive(base::OwnedFd socket, base::Address local, base::Address peer) {
        socket_ = std::move(socket);
        local_ = local;
        peer_ = peer;
        note_arrival();
    }

private:
    SocketNetwork& network_;
    base::OwnedFd socket_;
    base::Address local_;
    base::Address peer_;
};

class SocketNetwork::StandingAdmission final : public Admission {
public:
    StandingAdmission(SocketNetwork& network, const Admissions::Range& range, base::Ip client,
                      const PassivePorts::Admitted& admitted)
        : network_(network),
          range_(range),
          client_(client),
          id_(admitted.id),
          traffic_(admitted.traffic),
          share_(admitted.share) {
        network_.admissions_[id_] = this;
    }
    ~StandingAdmission() override {
        network_.admissions_.erase(id_);
        network_.ports_.dismiss(range_, client_, id_);
    }
    StandingAdmission(const StandingAdmission&) = delete;
    StandingAdmission& operator=(const StandingAdmission&) = delete;

    void attach(loop::Signal* signal) override { signal_ = signal; }
    [[nodiscard]] std::unique_ptr<Stream> take() override {
        if (arrived_.empty()) return nullptr;
        auto next = std::move(arrived_.front());
        arrived_.pop_front();
        return std::make_unique<SocketStream>(network_.loop_, std::move(next.socket), next.local,
                                              next.peer);
    }
    [[nodiscard]] const std::shared_ptr<DataTraffic>& traffic() const override { return traffic_; }
    [[nodiscard]] DataShare& share() override { return *share_; }

    void arrive(base::OwnedFd socket, base::Address local, base::Address peer) {
        arrived_.push_back({std::move(socket), local, peer});
        if (signal_ != nullptr) signal_->raise();
    }

private:
    struct Arrived {
        base::OwnedFd socket;
        base::Address local;
        base::Address peer;
    };
    SocketNetwork& network_;
    Admissions::Range range_;
    base::Ip client_;
    PassivePorts::LeaseId id_;
    std::shared_ptr<DataTraffic> traffic_;
    std::shared_ptr<DataShare> share_;
    std::deque<Arrived> arrived_;
    loop::Signal* signal_ = nullptr;
};

/// A passive port that this worker listens on.
struct SocketNetwork::PassivePort {
    PassivePort(PassivePorts::Key where, const PassivePorts::Rates& rates, loop::Time now)
        : key(where), accepts(rates.accepts, now), strays(rates.strays, now) {}

    PassivePorts::Key key;
    base::TokenBucket accepts;
    base::TokenBucket strays;
    std::optional<Acceptor> acceptor;
    base::OwnedFd announced;
    bool is_foreign = false;  ///< of another machine
    bool is_adopted = false;  ///< of another process, which may not have prepared it
};

SocketNetwork::SocketNetwork(loop::WorkerLoop& loop, PassivePorts& ports,
                             PassivePorts::WorkerIndex index, Descriptors descriptors)
    : loop_(loop), ports_(ports), index_(index), descriptors_(descriptors), intake_(loop) {}

SocketNetwork::~SocketNetwork() = default;

void SocketNetwork::retire_ports() {
    std::erase_if(passive_ports_, [&](const auto& port) {
        return ports_.retire(port->key, loop_.now(), port->is_foreign);
    });
}

void SocketNetwork::close_ports() {
    intake_.clear();
    passive_ports_.clear();
}

loop::Task<base::Result<std::unique_ptr<Stream>>> SocketNetwork::dial(Dial dial,
                                                                      loop::Deadline deadline,
                                                                      loop::Signal& signal,
                                                                      Interrupt interrupt) {
    const auto doing = "connecting to " + base::to_string(dial.to);
    auto opened = open_socket(dial.to.ip.family(), descriptors_);
    if (!opened) {
        if (opened.error().code == std::errc::address_family_not_supported)
            co_return std::unexpected(base::Error{dial.fault, opened.error().code, doing});
        co_return std::unexpected(opened.error());
    }
    if (dial.purpose == Dial::Purpose::data) prepare_data(opened->get());
    if (auto bound = bind_source(opened->get(), dial); !bound)
        co_return std::unexpected(bound.error());

    const SystemAddress to(dial.to);
    if (::connect(opened->get(), to.get(), to.length) != 0 && errno != EINPROGRESS) {
        // TIME_WAIT shows up here, not at bind(): the same two ports were connected a moment ago.
        const auto error = base::last_error(dial.fault, doing);
        const bool is_taken = error.code == std::errc::address_not_available ||
                              error.code == std::errc::address_in_use;
        if (!is_taken) co_return std::unexpected(error);
        if (dial.source_port != 0) {
            metrics::count(metrics::Counter::active_source_port_busy);
            dial.source_port = 0;
            co_return co_await this->dial(dial, deadline, signal, std::move(interrupt));
        }
        // The same error can mean that this host has no source address to reach it.
        const auto fault = has_way_to(dial.to) ? base::Fault::internal : dial.fault;
        co_return std::unexpected(base::Error{fault, error.code, doing});
    }

    const int native = opened->get();
    const auto local = local_address(native);
    if (!local) co_return std::unexpected(local.error());
    // Note it before sending anything, so that the other side finds the entry when bytes arrive.
    auto own =
        dial.purpose == Dial::Purpose::control ? note_own_connection(*local, dial.to) : nullptr;
    auto watched = loop::Descriptor::open(loop_, native, loop::Descriptor::Origin::dialled);
    if (!watched) co_return std::unexpected(watched.error());
    (void)opened->release();
    auto& descriptor = *watched;
    descriptor.attach(&signal);
    descriptor.watch_writable();
    while (descriptor.is_watching_writable()) {
        const bool is_interrupted = interrupt && interrupt();
        if (is_interrupted || !co_await signal.wait(deadline))
            co_return std::unexpected(
                base::Error{dial.fault,
                            std::make_error_code(is_interrupted ? std::errc::operation_canceled
                                                                : std::errc::timed_out),
                            doing});
    }
    // Nothing special has been reported: it is connected.
    const auto error = descriptor.is_special() ? pending_error(native) : std::error_code();
    if (error)
        co_return std::unexpected(base::Error{base::fault_of(error, dial.fault), error, doing});
    descriptor.attach(nullptr);
    if (dial.purpose == Dial::Purpose::control) prepare_control(native);
    if (dial.user_timeout.count() > 0) set_user_timeout(native, dial.user_timeout);
    co_return std::make_unique<SocketStream>(std::move(descriptor), *local, dial.to,
                                             std::move(own));
}

base::Result<std::unique_ptr<Stream>> SocketNetwork::dial_path(const std::string& path) {
    const auto doing = "connecting to " + path;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (path.size() >= sizeof to.sun_path)
        return std::unexpected(base::Error{
            base::Fault::internal, std::make_error_code(std::errc::filename_too_long), doing});
    path.copy(std::data(to.sun_path), sizeof to.sun_path - 1);
    base::OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
        return std::unexpected(base::last_error(base::Fault::internal, doing));
    return std::make_unique<SocketStream>(loop_, std::move(socket), base::Address(),
                                          base::Address());
}

loop::Task<base::Result<std::unique_ptr<Lease>>> SocketNetwork::lend(LendRequest request) {
    const auto lent = co_await obtain(request, index_);
    if (!lent) {
        metrics::count(metrics::Counter::passive_ports_exhausted);
        co_return std::unexpected(lent.error());
    }
    metrics::count(metrics::Counter::passive_ports_lent);
    const PassivePorts::Key key{request.local, lent->port};
    co_return std::make_unique<PassiveLease>(*this, key, request.peers.address, *lent);
}

loop::Task<base::Result<PassivePorts::Lent>> SocketNetwork::obtain(
    LendRequest request, PassivePorts::WorkerIndex worker) {
    if (auto owner = ports_.owner()) {
        auto borrowed = co_await borrow(std::move(owner), request, worker);
        // If the owner has gone meanwhile, the ports are ours again.
        if (borrowed || ports_.owner()) co_return borrowed;
    }
    // Each round either ends or takes one port of the range out of use for a while.
    for (std::uint32_t tries = 0; tries < request.range.size(); ++tries) {
        const auto lent = ports_.lend(request.range, request.local, request.peers, worker,
                                      loop_.now(), request.holder);
        if (!lent) break;
        if (!lent->needs_listening) co_return *lent;
        const auto listening =
            listen({request.local, lent->port}, request.peers.address, request.binding);
        if (listening == Listening::yes) co_return *lent;
        if (listening == Listening::no_descriptors) break;  // the other ports would fail too
    }
    co_return std::unexpected(no_port_in(request.range));
}

namespace {

/// A request to the owner of the ports that has not become a lease yet.
struct Asking {
    Asking(loop::Loop& of, PortOwner& from, PassivePorts& table, PortOwner::LeaseId number)
        : signal(of), owner(from), ports(table), id(number) {}
    ~Asking() {
        *waits = false;
        if (!has_become_lease) ports.give_back({}, {}, id, signal.loop().now());
    }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;

    loop::Signal signal;
    PortOwner& owner;
    PassivePorts& ports;
    const PortOwner::LeaseId id;
    std::optional<PortOwner::Granted> granted;
    bool is_answered = false;
    bool has_become_lease = false;
    std::shared_ptr<bool> waits = std::make_shared<bool>(true);  // of this thread
};

}  // namespace

loop::Task<base::Result<PassivePorts::Lent>> SocketNetwork::borrow(
    std::shared_ptr<PortOwner> owner, LendRequest request, PassivePorts::WorkerIndex worker) {
    constexpr auto patience = std::chrono::seconds(5);
    Asking asking(loop_, *owner, ports_, ports_.begin_borrowing(worker));
    owner->lend({.id = asking.id,
                 .range = request.range,
                 .local = request.local,
                 .peers = request.peers,
                 .holder = request.holder,
                 .binding = request.binding},
                [this, &asking, waits = asking.waits](std::optional<PortOwner::Granted> granted) {
                    loop_.post([&asking, waits, granted] {
                        if (!*waits) return;
                        asking.granted = granted;
                        asking.is_answered = true;
                        asking.signal.raise();
                    });
                });
    const auto deadline = loop_.after(patience);
    while (!asking.is_answered && co_await asking.signal.wait(deadline)) {
    }
    if (!asking.granted) co_return std::unexpected(no_port_in(request.range));
    asking.has_become_lease = true;
    co_return PassivePorts::Lent{.id = asking.id,
                                 .port = asking.granted->port,
                                 .needs_listening = false,
                                 .holder = asking.granted->holder,
                                 .until = loop_.now() + PassivePorts::lent_for};
}

std::unique_ptr<Admission> SocketNetwork::admit(const AdmitRequest& request) {
    const auto& range = request.range;
    const auto& client = request.client;
    const auto admitted = ports_.admit(range, client, index_, loop_.now());
    listen_on_all(admitted.needs_listening, request);
    return std::make_unique<StandingAdmission>(*this, range, client, admitted);
}

void SocketNetwork::listen_on_all(const std::vector<std::uint16_t>& ports,
                                  const AdmitRequest& request) {
    for (const auto port : ports)
        (void)listen({request.range.local, port}, request.client, request.binding);
}

SocketNetwork::Listening SocketNetwork::listen(PassivePorts::Key key, const base::Ip& client,
                                               Binding binding) {
    // Announce before listening, so that a program that finds the port in use can find out who uses
    // it.
    auto announced = announce({key.local, key.port});
    auto opened =
        listen_on({key.local, key.port}, passive_backlog, binding, descriptors_, prepare_data);
    auto watched =
        opened ? loop::Descriptor::open(loop_, opened->get()) : std::unexpected(opened.error());
    if (!watched) {
        const auto& error = watched.error();
        log::warning("a passive port cannot be used",
                     {{"port", std::uint64_t{key.port}}, {"reason", base::to_string(error)}});
        // A shortage of descriptors is not the port's fault.
        const bool is_shortage =
            base::is_shortage(error.code) && error.code != std::errc::address_not_available;
        const auto for_long = is_shortage ? std::chrono::seconds(0)
                                          : std::chrono::seconds(PassivePorts::unusable_for);
        ports_.listening_failed(key, client, loop_.now() + for_long);
        return is_shortage ? Listening::no_descriptors : Listening::not_there;
    }
    (void)opened->release();
    accept_on(key, std::move(*watched), std::move(announced));
    return Listening::yes;
}

void SocketNetwork::accept_on(PassivePorts::Key key, loop::Descriptor listening,
                              base::OwnedFd announced) {
    const auto& port = passive_ports_.emplace_back(
        std::make_shared<PassivePort>(key, ports_.rates(), loop_.now()));
    port->is_foreign = is_transparent(listening.native(), key.local.family());
    port->announced = std::move(announced);
    port->acceptor.emplace(
        loop_, std::move(listening),
        [this, weak = std::weak_ptr(port)](base::OwnedFd socket, base::Address peer) {
            if (const auto same = weak.lock()) take_data_connection(same, std::move(socket), peer);
        });
}

void SocketNetwork::adopt_port(const PassivePorts::Key& key, base::OwnedFd listening) {
    auto watched = loop::Descriptor::open(loop_, listening.get());
    if (!watched) {
        log::warning(
            "a passive port cannot be used",
            {{"port", std::uint64_t{key.port}}, {"reason", base::to_string(watched.error())}});
        return ports_.listening_failed(key, {}, {});
    }
    prepare_data(listening.get());
    (void)listening.release();
    ports_.adopt_listener(key, index_);
    accept_on(key, std::move(*watched), announce({key.local, key.port}));
    passive_ports_.back()->is_adopted = true;
}

void SocketNetwork::listen_again() {
    for (const auto& key : ports_.to_listen_again(index_)) (void)listen(key, {}, Binding::free);
}

std::vector<SocketNetwork::ReleasedPort> SocketNetwork::release_ports() {
    std::vector<ReleasedPort> released;
    released.reserve(passive_ports_.size());
    for (auto& port : passive_ports_) released.push_back({port->key, port->acceptor->close()});
    passive_ports_.clear();
    return released;
}

void SocketNetwork::take_data_connection(const std::shared_ptr<PassivePort>& port,
                                         base::OwnedFd socket, base::Address peer) {
    // It may have come before the port was prepared.
    if (port->is_adopted) prepare_data(socket.get());
    const auto now = loop_.now();
    (void)port->accepts.take(now);
    if (const auto next = port->accepts.next(now); next > now) {
        metrics::count(metrics::Counter::passive_accepts_delayed);
        port->acceptor->pause_until(next);
    }
    const auto timeout = ports_.proxy_timeout(port->key, peer.ip);
    if (!timeout) return take_data_connection_of(*port, std::move(socket), peer);
    // The port may be retired before the header is there.
    intake_.take(std::move(socket), *timeout,
                 [this, port, peer](base::Result<base::OwnedFd> with_header,
                                    const ProxiedConnection& proxied) {
                     if (with_header)
                         take_data_connection_of(*port, std::move(*with_header),
                                                 proxied.from.value_or(peer));
                     else
                         note_stray(*port, peer);
                 });
}

/// `peer` is the client.
void SocketNetwork::take_data_connection_of(PassivePort& port, base::OwnedFd socket,
                                            base::Address peer) {
    const auto taker = ports_.arrived(port.key, peer.ip, loop_.now());
    if (taker) return hand_over(*taker, std::move(socket), {port.key.local, port.key.port}, peer);
    note_stray(port, peer);
}

void SocketNetwork::note_stray(PassivePort& port, const base::Address& peer) {
    metrics::count(metrics::Counter::data_connections_stray);
    log::debug("a data connection that nobody waits for was reset",
               {{"from", base::to_string(peer)}, {"port", std::uint64_t{port.key.port}}});
    const auto now = loop_.now();
    if (port.strays.take(now) || !ports_.spare(port.key, now)) return;
    metrics::count(metrics::Counter::passive_ports_spared);
    log::warning("a passive port is flooded, others are used first",
                 {{"port", std::uint64_t{port.key.port}}, {"from", base::to_string(peer)}});
}

void SocketNetwork::hand_over(PassivePorts::Taker taker, base::OwnedFd socket, base::Address local,
                              base::Address peer) {
    if (taker.worker == index_) return deliver(taker.id, std::move(socket), local, peer);
    workers_.at(taker.worker)->hand(taker.id, std::move(socket), local, peer);
}

void SocketNetwork::hand(std::uint64_t id, base::OwnedFd socket, const base::Address& local,
                         const base::Address& peer) {
    loop_.post([this, id, socket = std::move(socket), local, peer]() mutable {
        deliver(id, std::move(socket), local, peer);
    });
}

void SocketNetwork::deliver(PassivePorts::LeaseId id, base::OwnedFd socket, base::Address local,
                            base::Address peer) {
    const auto lease = leases_.find(id);
    if (lease != leases_.end()) return lease->second->arrive(std::move(socket), local, peer);
    const auto admission = admissions_.find(id);
    if (admission != admissions_.end())
        return admission->second->arrive(std::move(socket), local, peer);
    // The lease was given up while the connection was on its way between two workers.
    metrics::count(metrics::Counter::data_connections_stray);
}

}  // namespace ballast::net
