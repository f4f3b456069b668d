// SPDX-License-Identifier: Apache-2.0
#include "net/passive_ports.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace ballast::net {

void PassivePorts::forget_expired(Port& port, loop::Time now) {
    // Clients that come only once leave entries behind. Do not let the table grow with them.
    constexpr std::size_t tidy_above = 64;
    if (port.clients.size() < tidy_above) return;
    std::erase_if(port.clients, [&](const auto& entry) { return !entry.second.counts(now); });
}

bool PassivePorts::is_free(const Port& port, const DataPeers& peers, loop::Time now) {
    if (port.unusable_until > now || port.exclusive.counts(now)) return false;
    // A port in quarantine still expects a late connection.
    if (peers.is_exclusive())
        return std::ranges::none_of(port.clients,
                                    [&](const auto& each) { return each.second.counts(now); });
    const auto waiting = port.clients.find(peers.address);
    return waiting == port.clients.end() || !waiting->second.counts(now);
}

std::optional<loop::Time> PassivePorts::quarantined_until(const Port& port, const DataPeers& peers,
                                                          loop::Time now) {
    loop::Time last = now;
    bool is_only_kept = port.unusable_until <= now;
    const auto look = [&](const Waiting& waiting) {
        if (!waiting.counts(now)) return;
        is_only_kept = is_only_kept && waiting.is_quarantine;
        last = std::max(last, waiting.until);
    };
    look(port.exclusive);
    if (peers.is_exclusive()) {
        for (const auto& [client, waiting] : port.clients) look(waiting);
    } else if (const auto own = port.clients.find(peers.address); own != port.clients.end()) {
        look(own->second);
    }
    if (!is_only_kept || last == now) return std::nullopt;
    return last;
}

bool PassivePorts::is_kept_by(const Port& port, const DataPeers& peers, LeaseId holder,
                              loop::Time now) {
    if (port.exclusive.counts(now)) return port.exclusive.holder == holder;
    const auto own = port.clients.find(peers.address);
    return own != port.clients.end() && own->second.holder == holder;
}

PassivePorts::Usage PassivePorts::usage(const base::PortRange& range, loop::Time now) const {
    std::unordered_map<std::uint16_t, bool> is_lent;  // by number; false: kept
    const std::lock_guard lock(mutex_);
    for (const auto& [key, port] : ports_) {
        if (!range.contains(key.port)) continue;
        const auto look = [&](const Waiting& waiting) {
            if (waiting.counts(now)) is_lent[key.port] |= !waiting.is_quarantine;
        };
        look(port.exclusive);
        for (const auto& [client, waiting] : port.clients) look(waiting);
    }
    const auto lent = static_cast<std::uint32_t>(
        std::ranges::count_if(is_lent, [](const auto& entry) { return entry.second; }));
    return {lent, static_cast<std::uint32_t>(is_lent.size()) - lent};
}

bool PassivePorts::has_its_share(const base::PortRange& range, const base::Ip& local,
                                 const DataPeers& peers, loop::Time now) const {
    // Only exclusive ports are scarce; other ports serve every address at once. Backends, which ask
    // for `exclusive`, are exempt: they are few, and each serves many sessions.
    if (!peers.is_exclusive() || peers.exclusive) return false;
    const auto share = range.size() - range.size() / 4;
    std::uint32_t pending = 0;
    for (std::uint32_t number = range.first; number <= range.last; ++number) {
        const auto port = ports_.find({local, static_cast<std::uint16_t>(number)});
        if (port != ports_.end() && port->second.exclusive.is_pending(now) &&
            port->second.exclusive_for.address == peers.address)
            ++pending;
    }
    return pending >= share;
}

std::optional<PassivePorts::Lent> PassivePorts::lend(const base::PortRange& range,
                                                     const base::Ip& local, const DataPeers& peers,
                                                     WorkerIndex worker, loop::Time now,
                                                     LeaseId holder) {
    const std::lock_guard lock(mutex_);
    if (has_its_share(range, local, peers, now)) return std::nullopt;
    const auto size = range.size();
    const auto start = static_cast<std::uint32_t>(random_() % size);
    Port* second_best = nullptr;
    std::uint16_t second_best_number = 0;
    bool second_best_is_spared = false;
    std::uint32_t quarantined = 0;
    loop::Time oldest = loop::Time::max();
    std::uint16_t oldest_number = 0;
    bool oldest_is_own = false;
    const auto give = [&](Port& port, std::uint16_t number) {
        const bool needs_listening = !port.listener.has_value();
        if (needs_listening) port.listener = worker;
        forget_expired(port, now);
        const auto id = ++last_id_;
        const Waiting waiting{id, holder != 0 ? holder : id, worker, false, now + lent_for};
        if (peers.is_exclusive()) {
            port.exclusive = waiting;
            port.exclusive_for = peers;
        } else {
            port.clients[peers.address] = waiting;
        }
        return Lent{id, number, needs_listening, waiting.holder, waiting.until};
    };
    for (std::uint32_t i = 0; i < size; ++i) {
        const auto number = static_cast<std::uint16_t>(range.first + (start + i) % size);
        Port& port = ports_[{local, number}];
        if (!is_free(port, peers, now)) {
            const auto until = quarantined_until(port, peers, now);
            if (!until) continue;
            ++quarantined;
            const bool is_own = holder != 0 && is_kept_by(port, peers, holder, now);
            if (std::tuple(!is_own, *until) < std::tuple(!oldest_is_own, oldest)) {
                oldest = *until;
                oldest_number = number;
                oldest_is_own = is_own;
            }
            continue;
        }
        const bool is_spared = port.spared_until > now;
        const bool is_ours = !port.listener || *port.listener == worker;
        if (is_ours && !is_spared) return give(port, number);
        if (second_best == nullptr || (second_best_is_spared && !is_spared)) {
            second_best_is_spared = is_spared;
            second_best = &port;
            second_best_number = number;
        }
    }
    if (second_best != nullptr) return give(*second_best, second_best_number);
    const auto quarantines_share = std::max<std::uint32_t>(1, size / 10);
    if (!oldest_is_own && quarantined <= quarantines_share) return std::nullopt;
    Port& port = ports_[{local, oldest_number}];
    port.exclusive = {};
    if (peers.is_exclusive()) port.clients.clear();
    return give(port, oldest_number);
}

PassivePorts::Admitted PassivePorts::admit(const Admissions::Range& range, const base::Ip& client,
                                           WorkerIndex worker, loop::Time now) {
    const std::lock_guard lock(mutex_);
    Admitted admitted{++last_id_, {}, {}, {}};
    auto [traffic, share] = admissions_.admit(range, client, {worker, admitted.id});
    admitted.traffic = std::move(traffic);
    admitted.share = std::move(share);
    if (owner_) {
        if (is_handed_over_) owner_->admit(admitted.id, range, client);
        return admitted;
    }
    for (std::uint32_t number = range.ports.first; number <= range.ports.last; ++number) {
        Port& port = ports_[{range.local, static_cast<std::uint16_t>(number)}];
        if (port.listener || port.unusable_until > now) continue;
        port.listener = worker;
        admitted.needs_listening.push_back(static_cast<std::uint16_t>(number));
    }
    return admitted;
}

void PassivePorts::dismiss(const Admissions::Range& range, const base::Ip& client, LeaseId id) {
    const std::lock_guard lock(mutex_);
    if (is_handed_over_) owner_->dismiss(id);
    admissions_.dismiss(range, client, id);
}

bool PassivePorts::Ports::contain(const Key& key) const {
    return range.contains(key.port) && std::ranges::any_of(addresses, [&](const base::Ip& each) {
               return each == key.local || (each.is_any() && each.family() == key.local.family());
           });
}

void PassivePorts::configure(Settings settings) {
    const std::lock_guard lock(mutex_);
    // Sessions of the former configuration still expect the headers of their proxies.
    for (auto& former : settings_.proxies) {
        const auto is_same = [&](const Ports& each) { return each.range == former.ports.range; };
        if (std::ranges::none_of(settings.in_use, is_same))
            settings.proxies.push_back(std::move(former));
    }
    settings_ = std::move(settings);
}

PassivePorts::Rates PassivePorts::rates() const {
    const std::lock_guard lock(mutex_);
    return settings_.rates;
}

std::optional<std::chrono::milliseconds> PassivePorts::proxy_timeout(const Key& key,
                                                                     const base::Ip& peer) const {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(settings_.proxies, [&](const Proxies& each) {
        return each.ports.contain(key) &&
               std::ranges::any_of(each.networks,
                                   [&](const auto& network) { return network.contains(peer); });
    });
    if (found == settings_.proxies.end()) return std::nullopt;
    return found->timeout;
}

bool PassivePorts::retire(const Key& key, loop::Time now, bool is_foreign) {
    const std::lock_guard lock(mutex_);
    const auto is_there = [&](const Ports& each) { return each.contain(key); };
    const bool is_in_use = !is_foreign && std::ranges::any_of(settings_.in_use, is_there);
    if (is_in_use || admissions_.cover({key.local, key.port})) return false;
    const auto port = ports_.find(key);
    if (port == ports_.end()) return true;
    const auto counts = [&](const auto& each) { return each.second.counts(now); };
    if (port->second.exclusive.counts(now) || std::ranges::any_of(port->second.clients, counts))
        return false;
    ports_.erase(port);
    return true;
}

bool PassivePorts::spare(const Key& key, loop::Time now) {
    const std::lock_guard lock(mutex_);
    const bool is_new = ports_[key].spared_until <= now;
    ports_[key].spared_until = now + spared_for;
    return is_new;
}

void PassivePorts::listening_failed(const Key& key, const base::Ip& client,
                                    loop::Time unusable_until) {
    const std::lock_guard lock(mutex_);
    Port& port = ports_[key];
    port.listener.reset();
    port.unusable_until = unusable_until;
    port.clients.erase(client);
    port.exclusive = {};
}

std::optional<PassivePorts::Taker> PassivePorts::arrived_exclusive(Port& port,
                                                                   const base::Ip& from) {
    // A connection from a stranger does not end the lending: the expected one may still arrive.
    if (!port.exclusive_for.admits(from)) return std::nullopt;
    const Waiting found = std::exchange(port.exclusive, {});
    if (found.is_quarantine) return std::nullopt;
    return Taker{found.worker, found.id};
}

std::optional<PassivePorts::Taker> PassivePorts::arrived(const Key& key, const base::Ip& client,
                                                         loop::Time now) {
    const std::lock_guard lock(mutex_);
    if (const auto guest = admissions_.arrived({key.local, key.port}, client)) return guest;
    const auto port = ports_.find(key);
    if (port == ports_.end()) return std::nullopt;
    if (port->second.exclusive.counts(now)) return arrived_exclusive(port->second, client);
    const auto waiting = port->second.clients.find(client);
    if (waiting == port->second.clients.end()) return std::nullopt;
    const Waiting found = waiting->second;
    // A late connection ends the quarantine.
    port->second.clients.erase(waiting);
    if (!found.is_pending(now)) return std::nullopt;
    return Taker{found.worker, found.id};
}

PassivePorts::Waiting* PassivePorts::find(const Key& key, const base::Ip& client, LeaseId id) {
    const auto port = ports_.find(key);
    if (port == ports_.end()) return nullptr;
    if (port->second.exclusive.id == id) return &port->second.exclusive;
    const auto waiting = port->second.clients.find(client);
    const bool is_there = waiting != port->second.clients.end() && waiting->second.id == id;
    return is_there ? &waiting->second : nullptr;
}

void PassivePorts::end(const Key& key, const base::Ip& client, LeaseId id) {
    const Waiting* const waiting = find(key, client, id);
    if (waiting == nullptr) return;
    Port& port = ports_[key];
    if (waiting == &port.exclusive)
        port.exclusive = {};
    else
        port.clients.erase(client);
}

void PassivePorts::keep(const Key& key, const base::Ip& client, LeaseId id, loop::Time until) {
    const std::lock_guard lock(mutex_);
    if (is_handed_over_) return owner_->keep(id, until);
    if (Waiting* const waiting = find(key, client, id)) waiting->until = until;
}

void PassivePorts::give_back(const Key& key, const base::Ip& client, LeaseId id, loop::Time now) {
    const std::lock_guard lock(mutex_);
    if (is_handed_over_) {
        // The owner knows of those that have come.
        if (elsewhere_.erase(id) > 0) owner_->give_back(id);
        return;
    }
    Waiting* const waiting = find(key, client, id);
    if (waiting == nullptr) return;
    // An expired lending has already waited that long.
    if (!waiting->counts(now)) return end(key, client, id);
    waiting->is_quarantine = true;
    waiting->until = now + quarantined_for;
    note_quarantine(key, client, *waiting, now);
}

void PassivePorts::end_elsewhere(const Key& key, const base::Ip& client, LeaseId id) {
    const std::lock_guard lock(mutex_);
    end(key, client, id);
}

void PassivePorts::note_quarantine(const Key& key, const base::Ip& client, const Waiting& waiting,
                                   loop::Time now) {
    forget_holders(now);
    auto& own = quarantines_[waiting.holder];
    // Drop quarantines that have ended meanwhile.
    std::erase_if(own, [&](const Quarantine& each) {
        return each.until <= now || find(each.key, each.client, each.id) == nullptr;
    });
    own.push_back({key, client, waiting.id, waiting.until});
    if (own.size() <= quarantines_per_holder_max) return;
    // The latest one is the most likely to see a late connection, and the first ones keep their
    // full time. So end the last but one.
    const auto last_but_one = own.end() - 2;
    const Quarantine ended = *last_but_one;
    own.erase(last_but_one);
    end(ended.key, ended.client, ended.id);
}

void PassivePorts::forget_holders(loop::Time now) {
    constexpr std::size_t tidy_above = 64;
    if (quarantines_.size() < forget_above_) return;
    std::erase_if(quarantines_,
                  [&](const auto& entry) { return entry.second.back().until <= now; });
    forget_above_ = std::max(tidy_above, 2 * quarantines_.size());
}

void PassivePorts::lend_elsewhere(std::shared_ptr<PortOwner> owner) {
    const std::lock_guard lock(mutex_);
    owner_ = std::move(owner);
}

std::shared_ptr<PortOwner> PassivePorts::owner() const {
    const std::lock_guard lock(mutex_);
    return owner_;
}

PassivePorts::HandedOver PassivePorts::hand_over(loop::Time now) {
    const std::lock_guard lock(mutex_);
    HandedOver all;
    if (!owner_) return all;
    const auto add = [&](const Key& key, const DataPeers& peers, const Waiting& waiting) {
        if (!waiting.counts(now)) return;
        all.pending.push_back(
            {key, peers, waiting.id, waiting.holder, waiting.is_quarantine, waiting.until});
        if (!waiting.is_quarantine) elsewhere_[waiting.id] = waiting.worker;
    };
    for (const auto& [key, port] : ports_) {
        add(key, port.exclusive_for, port.exclusive);
        for (const auto& [client, waiting] : port.clients)
            add(key, {.address = client, .network = {}}, waiting);
    }
    all.standing = admissions_.standing();
    ports_.clear();
    quarantines_.clear();
    is_handed_over_ = true;
    return all;
}

void PassivePorts::take_back() {
    const std::lock_guard lock(mutex_);
    owner_.reset();
    is_handed_over_ = false;
    elsewhere_.clear();
}

std::vector<PassivePorts::Key> PassivePorts::to_listen_again(WorkerIndex worker) {
    const std::lock_guard lock(mutex_);
    std::vector<Key> keys;
    for (const auto& [id, range, client] : admissions_.standing()) {
        for (std::uint32_t number = range.ports.first; number <= range.ports.last; ++number) {
            const Key key{range.local, static_cast<std::uint16_t>(number)};
            Port& port = ports_[key];
            if (port.listener) continue;
            port.listener = worker;
            keys.push_back(key);
        }
    }
    return keys;
}

PassivePorts::LeaseId PassivePorts::begin_borrowing(WorkerIndex worker) {
    const std::lock_guard lock(mutex_);
    elsewhere_[++last_id_] = worker;
    return last_id_;
}

std::optional<PassivePorts::Taker> PassivePorts::arrived_elsewhere(LeaseId id) {
    const std::lock_guard lock(mutex_);
    if (const auto guest = admissions_.arrived_elsewhere(id)) return guest;
    const auto waiting = elsewhere_.extract(id);
    if (waiting.empty()) return std::nullopt;
    return Taker{waiting.mapped(), id};
}

void PassivePorts::adopt_listener(const Key& key, WorkerIndex worker) {
    const std::lock_guard lock(mutex_);
    ports_[key].listener = worker;
    ports_[key].unusable_until = {};
}

PassivePorts::LeaseId PassivePorts::adopt(const Pending& pending, WorkerIndex worker) {
    const std::lock_guard lock(mutex_);
    Port& port = ports_[pending.key];
    const auto id = ++last_id_;
    const Waiting waiting{.id = id,
                          .holder = pending.holder != 0 ? pending.holder : id,
                          .worker = worker,
                          .is_quarantine = pending.is_quarantine,
                          .until = pending.until};
    if (pending.peers.is_exclusive()) {
        port.exclusive = waiting;
        port.exclusive_for = pending.peers;
    } else {
        port.clients[pending.peers.address] = waiting;
    }
    return waiting.id;
}

std::size_t PassivePorts::pending() const {
    const std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [key, port] : ports_) {
        sum += port.exclusive.id != 0 && !port.exclusive.is_quarantine ? 1 : 0;
        for (const auto& [client, waiting] : port.clients) sum += waiting.is_quarantine ? 0 : 1;
    }
    return sum;
}

}  // namespace ballast::net
