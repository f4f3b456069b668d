// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/port_range.h"
#include "base/subnet.h"
#include "loop/loop.h"
#include "net/admissions.h"
#include "net/data_peers.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ballast::net {

/// Who waits for what on which passive port: one table for the whole process, because two owners of
/// one port would give data to strangers. It knows no sockets. The key of a lending is (local
/// address, port, client address), so one port serves many clients at once and only several pending
/// transfers of one client address need different ports; except where others than one address may
/// come: then the port is that one transfer's alone. Any thread may call; nothing blocks.
class PassivePorts {
public:
    using WorkerIndex = std::uint32_t;
    using LeaseId = std::uint64_t;

    /// Of connections to one port, per second.
    struct Rates {
        std::uint32_t accepts = 1000;
        std::uint32_t strays = 20;  ///< that nobody waits for
    };

    /// Whose connections to these ports begin with a PROXY header.
    struct Proxies {
        std::vector<base::Ip>
            addresses;  ///< of ours; an unspecified one stands for all of its family
        base::PortRange ports;
        std::vector<base::Subnet> networks;
        std::chrono::milliseconds timeout;  ///< for the header to come
    };

    static constexpr auto spared_for = std::chrono::seconds(10);
    /// What is lent, and not used by then, may be lent to others.
    static constexpr auto lent_for = std::chrono::seconds(60);
    /// A late connection shall not meet somebody else's transfer: a lending that ends without its
    /// connection leaves its port in quarantine.
    static constexpr auto quarantined_for = std::chrono::seconds(60);
    /// Of one holder; the next one ends its last but one.
    static constexpr std::size_t quarantines_per_holder_max = 8;
    static constexpr auto unusable_for = std::chrono::seconds(10);

    struct Key {
        base::Ip local;
        std::uint16_t port = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Lent {
        LeaseId id = 0;
        std::uint16_t port = 0;
        bool needs_listening = false;  ///< no worker listens on it yet: the caller must
        LeaseId holder = 0;            ///< to be named in the next request of the same session
        loop::Time until;              ///< when the lending expires, unless it is kept
    };
    using Taker = Admissions::Taker;

    explicit PassivePorts(std::uint64_t seed) : PassivePorts(seed, Rates()) {}
    explicit PassivePorts(std::uint64_t seed, Rates rates, std::vector<Proxies> proxies = {})
        : rates_(rates), proxies_(std::move(proxies)), random_(seed) {}
    [[nodiscard]] const Rates& rates() const { return rates_; }
    /// Null if `peer` is no proxy there.
    [[nodiscard]] const Proxies* proxies_at(const Key& key, const base::Ip& peer) const;

    /// Ports are tried from a random one on (RFC 2577 3), those that `worker` listens on itself, or
    /// nobody yet, first, and spared ones last. When none is free, a quarantine of the same
    /// holder ends early, or, where all of them have more than their share of the range, the oldest
    /// one: they must not lock out the neighbours behind one address. Empty: none is free for this
    /// client. `holder` is that of an earlier lending of the same session, 0 for its first.
    [[nodiscard]] std::optional<Lent> lend(const base::PortRange& range, const base::Ip& local,
                                           const DataPeers& peers, WorkerIndex worker,
                                           loop::Time now, LeaseId holder = 0);
    /// Until when the lending holds, if it is not over: as long as a transfer waits, for ever.
    void keep(const Key& key, const base::Ip& client, LeaseId id, loop::Time until);
    /// Listening on a port that `lend` gave with `needs_listening` failed (another program has it):
    /// the lending ends and the port is left alone for a while.
    void listening_failed(const Key& key, const base::Ip& client, loop::Time unusable_until);
    /// Somebody floods the port: others are lent first for a while. False if that is so already.
    bool spare(const Key& key, loop::Time now);

    struct Admitted {
        LeaseId id = 0;
        std::shared_ptr<DataTraffic> traffic;
        std::shared_ptr<DataShare> share;
        std::vector<std::uint16_t> needs_listening;  ///< no worker listens on them yet
    };
    /// Every port of a range, which is lent to nobody, for all connections of one client address
    /// until `dismiss`.
    [[nodiscard]] Admitted admit(const Admissions::Range& range, const base::Ip& client,
                                 WorkerIndex worker, loop::Time now);
    void dismiss(const Admissions::Range& range, const base::Ip& client, LeaseId id);

    /// A connection has come: whose is it? The lending ends. Empty: nobody's.
    [[nodiscard]] std::optional<Taker> arrived(const Key& key, const base::Ip& client,
                                               loop::Time now);
    /// The lease was given up, before or after the connection came. Before: the client may still
    /// come, and the port is kept from it (an exclusive one from all) for a while.
    void give_back(const Key& key, const base::Ip& client, LeaseId id, loop::Time now);

    [[nodiscard]] std::size_t pending() const;

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
        bool is_quarantine = false;  ///< nobody waits, the port is only kept from this client
        loop::Time until;

        [[nodiscard]] bool counts(loop::Time now) const { return id != 0 && until > now; }
        [[nodiscard]] bool is_pending(loop::Time now) const {
            return counts(now) && !is_quarantine;
        }
    };
    /// Where a quarantine is, for its holder.
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
    /// When the last quarantine ends that keeps the port from these; empty: something else does.
    static std::optional<loop::Time> quarantined_until(const Port& port, const DataPeers& peers,
                                                       loop::Time now);
    /// Whether the quarantine there is of this holder.
    static bool is_kept_by(const Port& port, const DataPeers& peers, LeaseId holder,
                           loop::Time now);
    /// Whether the address has its share of a range whose ports are lent to one transfer each.
    [[nodiscard]] bool has_its_share(const base::PortRange& range, const base::Ip& local,
                                     const DataPeers& peers, loop::Time now) const;
    void note_quarantine(const Key& key, const base::Ip& client, const Waiting& waiting,
                         loop::Time now);
    void forget_holders(loop::Time now);
    /// Ends the lending or quarantine with this id, if it is there.
    void end(const Key& key, const base::Ip& client, LeaseId id);
    static std::optional<Taker> arrived_exclusive(Port& port, const base::Ip& from);
    /// The lending with this id; null if it is over.
    Waiting* find(const Key& key, const base::Ip& client, LeaseId id);

    const Rates rates_;
    const std::vector<Proxies> proxies_;
    mutable std::mutex mutex_;
    std::unordered_map<Key, Port, KeyHash> ports_;
    Admissions admissions_;
    std::mt19937_64 random_;
    LeaseId last_id_ = 0;
    std::unordered_map<LeaseId, std::deque<Quarantine>> quarantines_;  // by holder, oldest first
    std::size_t forget_above_ = 64;
};

}  // namespace ballast::net
