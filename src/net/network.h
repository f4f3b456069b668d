// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "net/admissions.h"
#include "net/data_peers.h"
#include "net/stream.h"

#include <chrono>
#include <optional>

/// The outside world as sessions and probes see it. The daemon gives them sockets; a test gives
/// them a network in memory, with a clock of its own.
namespace ballast::net {

/// A connection to open.
struct Dial {
    base::Address to;
    std::optional<base::Ip> from;               ///< source address; empty: the system's choice
    std::uint16_t source_port = 0;              ///< 0: ephemeral
    base::Fault fault = base::Fault::internal;  ///< whose fault a failure is
    /// For the other end to acknowledge what was sent; 0: the system's, many minutes.
    std::chrono::milliseconds user_timeout{0};
    enum class Purpose : std::uint8_t { control, data };
    Purpose purpose = Purpose::data;
};

/// What a passive data connection is expected on.
struct LendRequest {
    base::PortRange range;
    base::Ip local;  ///< the address that the control connection came to
    DataPeers peers;
    std::uint64_t holder = 0;  ///< that of the session's earlier leases; 0: it had none
    bool free_bind = false;    ///< `local` need not be this machine's at the moment
};

/// Whose data connections are expected on which ports, see `Admission`.
struct AdmitRequest {
    Admissions::Range range;
    base::Ip client;
    bool free_bind = false;  ///< as above
};

/// A port lent to one client address until its one data connection has come. Destroying the lease
/// gives the port back; if nothing has come, something still may, and the port is not lent to the
/// same address for a while. So it is when the lease expires, a minute after it was made. Belongs
/// to the thread that asked for it.
class Lease {
public:
    Lease() = default;
    virtual ~Lease() = default;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    [[nodiscard]] virtual std::uint16_t port() const = 0;
    /// Who is told when the connection comes; null: nobody.
    virtual void attach(loop::Signal* signal) = 0;
    [[nodiscard]] virtual bool has_arrived() const = 0;
    /// The connection, once; null before it has come. A raw descriptor underneath, not yet known to
    /// any event loop.
    [[nodiscard]] virtual std::unique_ptr<Stream> take() = 0;
    /// Nothing has come in time: nobody is waited for on the port any more.
    [[nodiscard]] virtual bool has_expired() const = 0;
    /// A transfer waits for the connection, and has its own deadline: the lease does not expire
    /// meanwhile. False: it has already.
    [[nodiscard]] virtual bool keep() = 0;
    /// It was no transfer, and the lease expires when it would have.
    virtual void keep_no_longer() = 0;
    /// Names the session in its next request.
    [[nodiscard]] virtual std::uint64_t holder() const = 0;
};

/// All data connections of one client address to a range of ports. Ends when destroyed; what nobody
/// took is reset. Belongs to the thread that asked for it.
class Admission {
public:
    Admission() = default;
    virtual ~Admission() = default;
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;

    /// Who is told when a connection comes; null: nobody.
    virtual void attach(loop::Signal* signal) = 0;
    /// The next one, whose local port says where it came to; null: none is there. Several
    /// admissions of one client address take turns.
    [[nodiscard]] virtual std::unique_ptr<Stream> take() = 0;
    /// What all admissions of this client address to this range share.
    [[nodiscard]] virtual const std::shared_ptr<DataTraffic>& traffic() const = 0;
    /// What this one was given and still has: for its owner to set right.
    [[nodiscard]] virtual DataShare& share() = 0;
};

class Network {
public:
    Network() = default;
    virtual ~Network() = default;
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    [[nodiscard]] virtual loop::Loop& loop() = 0;
    [[nodiscard]] virtual loop::Task<base::Result<std::unique_ptr<Stream>>> dial(
        Dial dial, loop::Deadline deadline) = 0;
    /// Whether this process has begun a control connection between these two, on any thread.
    [[nodiscard]] virtual bool is_own(const base::Address& from, const base::Address& to) const = 0;
    /// An error's fault is `internal` if the range is exhausted.
    [[nodiscard]] virtual loop::Task<base::Result<std::unique_ptr<Lease>>> lend(
        LendRequest request) = 0;
    /// Ports that cannot be listened on are logged, and left out.
    [[nodiscard]] virtual std::unique_ptr<Admission> admit(const AdmitRequest& request) = 0;
};

}  // namespace ballast::net
