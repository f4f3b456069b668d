// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/port_range.h"
#include "base/subnet.h"
#include "loop/loop.h"
#include "net/admissions.h"
#include "net/data_peers.h"
#include "net/port_owner.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ballast::net {

/// Which worker waits for which client on which passive port. One table for the whole process,
/// because two owners of one port could give data to strangers. It knows no sockets. The key of a
/// lending is (local address, port, client address). So one port serves many clients at once, and
/// only concurrent transfers of one client address need different ports. If several addresses may
/// connect, the port belongs to that transfer alone. Any thread may call; nothing blocks.
class PassivePorts {
public:
    using WorkerIndex = std::uint32_t;
    using LeaseId = std::uint64_t;

    struct Key {
        base::Ip local;
        std::uint16_t port = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };

    /// Connections to one port per second.
    struct Rates {
        std::uint32_t accepts = 1000;
        std::uint32_t strays = 20;  ///< those that nobody waits for
    };

    /// Ports on local addresses. An unspecified address stands for all of its family.
    struct Ports {
        std::vector<base::Ip> addresses;
        base::PortRange range;

        [[nodiscard]] bool contain(const Key& key) const;
    };
    /// Proxies whose connections to these ports begin with a PROXY header.
    struct Proxies {
        Ports ports;
        std::vector<base::Subnet> networks;
        std::chrono::milliseconds timeout;  ///< for the header to arrive
    };

    static constexpr auto spared_for = std::chrono::seconds(10);
    /// A lent port that is unused for this long may be lent to others.
    static constexpr auto lent_for = std::chrono::seconds(60);
    /// A lending that ends without its connection leaves its port in quarantine, so that a late
    /// connection cannot end up in another transfer.
    static constexpr auto quarantined_for = std::chrono::seconds(60);
    /// How many one holder may have. Another one ends the last but one.
    static constexpr std::size_t quarantines_per_holder_max = 8;
    static constexpr auto unusable_for = std::chrono::seconds(10);

    struct Lent {
        LeaseId id = 0;
        std::uint16_t port = 0;
        bool needs_listening = false;  ///< no worker listens on it yet, so the caller must
        LeaseId holder = 0;            ///< for the next request of the same session
        loop::Time until;              ///< when the lending expires, unless it is kept
    };
    using Taker = Admissions::Taker;

    /// Those of the configuration.
    struct Settings {
        Rates rates = {};
        std::vector<Proxies> proxies = {};
        std::vector<Ports> in_use = {};  ///< others may be closed when nobody waits there
    };

    explicit PassivePorts(std::uint64_t seed) : random_(seed) {}
    PassivePorts(std::uint64_t seed, Settings settings)
        : settings_(std::move(settings)), random_(seed) {}
    void configure(Settings settings);
    [[nodiscard]] Rates rates() const;
    /// How long the header of a proxy at this address may take. Empty if it is not a proxy there.
    [[nodiscard]] std::optional<std::chrono::milliseconds> proxy_timeout(
        const Key& key, const base::Ip& peer) const;

    /// Tries ports starting at a random one (RFC 2577 3). Ports that `worker` or nobody listens on
    /// come first, spared ones last. If none is free, a quarantine of the same holder ends early.
    /// If quarantines have more than their share of the range, the oldest ends, so that they cannot
    /// lock out others behind the same address. Empty if no port is free for this client. `holder`
    /// comes from an earlier lending of the same session and is 0 for its first.
    [[nodiscard]] std::optional<Lent> lend(const base::PortRange& range, const base::Ip& local,
                                           const DataPeers& peers, WorkerIndex worker,
                                           loop::Time now, LeaseId holder = 0);
    /// Sets when the lending ends, unless it is over. While a transfer waits, never.
    void keep(const Key& key, const base::Ip& client, LeaseId id, loop::Time until);
    /// Listening on a port from `lend` failed (another program has it). Ends the lending and avoids
    /// the port for a while.
    void listening_failed(const Key& key, const base::Ip& client, loop::Time unusable_until);
    /// Somebody floods the port: lend others first for a while. False if this is already so.
    bool spare(const Key& key, loop::Time now);

    struct Admitted {
        LeaseId id = 0;
        std::shared_ptr<DataTraffic> traffic;
        std::shared_ptr<DataShare> share;
        std::vector<std::uint16_t> needs_listening;  ///< no worker listens on them yet
    };
    /// Admits one client address to all ports of a range until `dismiss`. Such ports are never
    /// lent.
    [[nodiscard]] Admitted admit(const Admissions::Range& range, const base::Ip& client,
                                 WorkerIndex worker, loop::Time now);
    void dismiss(const Admissions::Range& range, const base::Ip& client, LeaseId id);

    struct Usage {
        std::uint32_t lent = 0;  ///< a connection is expected
        std::uint32_t kept = 0;  ///< only in quarantine
    };
    /// How many port numbers of the range are in use, on any address. Looks at each port in use:
    /// not for hot paths.
    [[nodiscard]] Usage usage(const base::PortRange& range, loop::Time now) const;

    /// Whether the port is not of the configuration any more, or is on another machine's address
    /// (`is_foreign`), and nobody waits there. The caller listens on it, and stops at once: the
    /// next lending listens again.
    [[nodiscard]] bool retire(const Key& key, loop::Time now, bool is_foreign = false);

    /// A connection arrived: returns its owner and ends the lending. Empty if nobody waits for it.
    [[nodiscard]] std::optional<Taker> arrived(const Key& key, const base::Ip& client,
                                               loop::Time now);
    /// The lease was given up, before or after the connection arrived. If before, the client may
    /// still connect, so the port goes into quarantine for it (an exclusive one for everybody).
    void give_back(const Key& key, const base::Ip& client, LeaseId id, loop::Time now);

    /// The connection has come and was led past this process: the lending ends without a
    /// quarantine.
    void end_elsewhere(const Key& key, const base::Ip& client, LeaseId id);

    [[nodiscard]] std::size_t pending() const;

    // Another process takes the ports over. First `lend_elsewhere`; then every worker stops
    // listening; then `hand_over`.

    /// From now on this process lends no ports and listens on none.
    void lend_elsewhere(std::shared_ptr<PortOwner> owner);
    /// Null: this process owns the ports.
    [[nodiscard]] std::shared_ptr<PortOwner> owner() const;
    /// A lending or quarantine, for its new owner.
    struct Pending {
        Key key;
        DataPeers peers;
        LeaseId id = 0;
        LeaseId holder = 0;
        bool is_quarantine = false;
        loop::Time until;
    };
    struct HandedOver {
        std::vector<Pending> pending;
        std::vector<Admissions::Standing> standing;
    };
    /// Everything that waits. It belongs to the owner now, who is told when it ends. Nothing
    /// happens if the owner has gone.
    [[nodiscard]] HandedOver hand_over(loop::Time now);
    /// The owner has gone: this process lends again. What waited there waits in vain.
    void take_back();
    /// The ports of standing admissions that nobody listens on. This worker listens there from now
    /// on.
    [[nodiscard]] std::vector<Key> to_listen_again(WorkerIndex worker);
    /// A new id for a port to be borrowed for this worker.
    [[nodiscard]] LeaseId begin_borrowing(WorkerIndex worker);
    /// For a connection that arrived at the owner: whose it is. Empty if nobody waits any more.
    [[nodiscard]] std::optional<Taker> arrived_elsewhere(LeaseId id);

    // This process takes the ports of another over.

    /// The port is listened on already, by this worker now.
    void adopt_listener(const Key& key, WorkerIndex worker);
    /// The worker waits for the other process. Returns the id here.
    [[nodiscard]] LeaseId adopt(const Pending& pending, WorkerIndex worker);

private:
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept {
            return std::hash<base::Address>{}({key.local, key.port});
        }
    };
    struct Waiting {
        LeaseId id = 0;
        LeaseId holder = 0;
        WorkerIndex worker = 0;
        bool is_quarantine = false;  ///< nobody waits, but this client does not get the port
        loop::Time until;

        [[nodiscard]] bool counts(loop::Time now) const { return id != 0 && until > now; }
        [[nodiscard]] bool is_pending(loop::Time now) const {
            return counts(now) && !is_quarantine;
        }
    };
    /// A quarantine in its holder's list.
    struct Quarantine {
        Key key;
        base::Ip client;
        LeaseId id = 0;
        loop::Time until;
    };
    struct Port {
        std::optional<WorkerIndex> listener;
        loop::Time unusable_until;
        loop::Time spared_until;
        std::unordered_map<base::Ip, Waiting> clients;
        Waiting exclusive;
        DataPeers exclusive_for;
    };
    static void forget_expired(Port& port, loop::Time now);
    static bool is_free(const Port& port, const DataPeers& peers, loop::Time now);
    /// When the last quarantine ends that blocks the port for these peers. Empty if something else
    /// blocks it.
    static std::optional<loop::Time> quarantined_until(const Port& port, const DataPeers& peers,
                                                       loop::Time now);
    /// Whether the quarantine belongs to this holder.
    static bool is_kept_by(const Port& port, const DataPeers& peers, LeaseId holder,
                           loop::Time now);
    /// Whether the address already has its share of a range whose ports serve one transfer each.
    [[nodiscard]] bool has_its_share(const base::PortRange& range, const base::Ip& local,
                                     const DataPeers& peers, loop::Time now) const;
    void note_quarantine(const Key& key, const base::Ip& client, const Waiting& waiting,
                         loop::Time now);
    void forget_holders(loop::Time now);
    /// Ends the lending or quarantine with this id, if there is one.
    void end(const Key& key, const base::Ip& client, LeaseId id);
    static std::optional<Taker> arrived_exclusive(Port& port, const base::Ip& from);
    /// The lending with this id; null if it is over.
    Waiting* find(const Key& key, const base::Ip& client, LeaseId id);

    mutable std::mutex mutex_;
    Settings settings_;
    std::unordered_map<Key, Port, KeyHash> ports_;
    Admissions admissions_;
    std::mt19937_64 random_;
    LeaseId last_id_ = 0;
    std::unordered_map<LeaseId, std::deque<Quarantine>> quarantines_;  // by holder, oldest first
    std::size_t forget_above_ = 64;
    std::shared_ptr<PortOwner> owner_;
    bool is_handed_over_ = false;
    std::unordered_map<LeaseId, WorkerIndex> elsewhere_;  // who waits for a connection at the owner
};

}  // namespace ballast::net
