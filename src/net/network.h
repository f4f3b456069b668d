// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "net/admissions.h"
#include "net/binding.h"
#include "net/data_peers.h"
#include "net/stream.h"

#include <chrono>
#include <optional>
#include <string>

/// The network as sessions and probes see it. The daemon's consists of sockets; a test's is in
/// memory and has its own clock.
namespace ballast::net {

/// A connection to open.
struct Dial {
    base::Address to;
    std::optional<base::Ip> from;               ///< source address; empty: the system's choice
    bool is_transparent = false;                ///< `from` is another machine's address
    std::uint16_t source_port = 0;              ///< 0: ephemeral
    base::Fault fault = base::Fault::internal;  ///< whose fault a failure is
    /// How long the other end may take to acknowledge sent bytes; 0: the system's default, many
    /// minutes.
    std::chrono::milliseconds user_timeout{0};
    enum class Purpose : std::uint8_t { control, data };
    Purpose purpose = Purpose::data;
};

/// Where a passive data connection is expected.
struct LendRequest {
    base::PortRange range;
    base::Ip local;  ///< the address that the control connection came to
    DataPeers peers;
    std::uint64_t holder = 0;  ///< from the session's earlier leases; 0: none
    Binding binding = Binding::strict;
};

/// Which client's data connections are expected on which ports; see `Admission`.
struct AdmitRequest {
    Admissions::Range range;
    base::Ip client;
    Binding binding = Binding::strict;
};

/// A port lent to one client address until its data connection arrives. Destroying the lease
/// returns the port. If no connection came, a late one still may, so the port is not lent to the
/// same address for a while. A lease expires a minute after it was made, with the same effect.
/// Belongs to the thread that asked for it.
class Lease {
public:
    Lease() = default;
    virtual ~Lease() = default;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    [[nodiscard]] virtual std::uint16_t port() const = 0;
    /// The signal to raise when the connection arrives; null for none.
    virtual void attach(loop::Signal* signal) = 0;
    [[nodiscard]] virtual bool has_arrived() const = 0;
    /// Returns the connection once; null before it arrives. Until then it is a raw descriptor that
    /// no event loop knows.
    [[nodiscard]] virtual std::unique_ptr<Stream> take() = 0;
    /// The connection did not arrive in time, and the port no longer waits for it.
    [[nodiscard]] virtual bool has_expired() const = 0;
    /// Keeps the lease from expiring while a transfer with its own deadline waits for the
    /// connection. False if it has already expired.
    [[nodiscard]] virtual bool keep() = 0;
    /// There was no transfer: the lease expires at its first deadline after all.
    virtual void keep_no_longer() = 0;
    /// The connection has come and the kernel led it elsewhere: the port is free at once.
    virtual void end_elsewhere() = 0;
    /// Identifies the session in its next request.
    [[nodiscard]] virtual std::uint64_t holder() const = 0;
};

/// All data connections of one client address to a range of ports. Destroying it ends the admission
/// and resets connections that were not taken. Belongs to the thread that asked for it.
class Admission {
public:
    Admission() = default;
    virtual ~Admission() = default;
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;

    /// The signal to raise when a connection arrives; null for none.
    virtual void attach(loop::Signal* signal) = 0;
    /// The next connection, or null. Its local port says where it arrived. Several admissions of
    /// one client address take turns.
    [[nodiscard]] virtual std::unique_ptr<Stream> take() = 0;
    /// Shared by all admissions of this client address to this range.
    [[nodiscard]] virtual const std::shared_ptr<DataTraffic>& traffic() const = 0;
    /// How many connections this admission has. Its owner corrects the number.
    [[nodiscard]] virtual DataShare& share() = 0;
};

class Network {
public:
    Network() = default;
    virtual ~Network() = default;
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    [[nodiscard]] virtual loop::Loop& loop() = 0;
    /// Waits on `signal`, which others may raise too. An `interrupt` ends the wait.
    [[nodiscard]] virtual loop::Task<base::Result<std::unique_ptr<Stream>>> dial(
        Dial dial, loop::Deadline deadline, loop::Signal& signal, Interrupt interrupt) = 0;
    /// Waits on a signal of its own.
    [[nodiscard]] loop::Task<base::Result<std::unique_ptr<Stream>>> dial(Dial dial,
                                                                         loop::Deadline deadline);
    /// Connects to a Unix socket, which needs no waiting. Both addresses of the stream are empty.
    /// An error's fault is `internal`. A network without such sockets refuses.
    [[nodiscard]] virtual base::Result<std::unique_ptr<Stream>> dial_path(const std::string& path);
    /// Whether this process opened a control connection between these two, on any thread.
    [[nodiscard]] virtual bool is_own(const base::Address& from, const base::Address& to) const = 0;
    /// If the range is exhausted, the error's fault is `internal`.
    [[nodiscard]] virtual loop::Task<base::Result<std::unique_ptr<Lease>>> lend(
        LendRequest request) = 0;
    /// Ports that cannot be opened are logged and left out.
    [[nodiscard]] virtual std::unique_ptr<Admission> admit(const AdmitRequest& request) = 0;
};

}  // namespace ballast::net
