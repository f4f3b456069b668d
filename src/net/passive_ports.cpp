// SPDX-License-Identifier: Apache-2.0
#include "net/passive_ports.h"

#include <algorithm>
#include <utility>

namespace ballast::net {

void PassivePorts::forget_expired(Port& port, loop::Time now) {
    // What stays behind when clients come once and never again; the table must not grow with them.
    constexpr std::size_t tidy_above = 64;
    if (port.clients.size() < tidy_above) return;
    std::erase_if(port.clients, [&](const auto& entry) { return !entry.second.counts(now); });
}

bool PassivePorts::is_free(const Port& port, const DataPeers& peers, loop::Time now) {
    if (port.unusable_until > now || port.exclusive.counts(now)) return false;
    // One that is kept from a client still expects its late connection.
    if (peers.is_exclusive())
        return std::ranges::none_of(port.clients,
                                    [&](const auto& each) { return each.second.counts(now); });
    const auto waiting = port.clients.find(peers.address);
    return waiting == port.clients.end() || !waiting->second.counts(now);
}

std::optional<PassivePorts::Lent> PassivePorts::lend(const base::PortRange& range,
                                                     const base::Ip& local, const DataPeers& peers,
                                                     WorkerIndex worker, loop::Time now) {
    const std::lock_guard lock(mutex_);
    const auto size = range.size();
    const auto start = static_cast<std::uint32_t>(random_() % size);
    Port* second_best = nullptr;
    std::uint16_t second_best_number = 0;
    bool second_best_is_spared = false;
    const auto give = [&](Port& port, std::uint16_t number) {
        const bool needs_listening = !port.listener.has_value();
        if (needs_listening) port.listener = worker;
        forget_expired(port, now);
        const Waiting waiting{++last_id_, worker, {}};
        if (peers.is_exclusive()) {
            port.exclusive = waiting;
            port.exclusive_for = peers;
        } else {
            port.clients[peers.address] = waiting;
        }
        return Lent{last_id_, number, needs_listening};
    };
    for (std::uint32_t i = 0; i < size; ++i) {
        const auto number = static_cast<std::uint16_t>(range.first + (start + i) % size);
        Port& port = ports_[{local, number}];
        if (!is_free(port, peers, now)) continue;
        const bool is_spared = port.spared_until > now;
        const bool is_ours = !port.listener || *port.listener == worker;
        if (is_ours && !is_spared) return give(port, number);
        if (second_best == nullptr || (second_best_is_spared && !is_spared)) {
            second_best_is_spared = is_spared;
            second_best = &port;
            second_best_number = number;
        }
    }
    if (second_best == nullptr) return std::nullopt;
    return give(*second_best, second_best_number);
}

PassivePorts::Admitted PassivePorts::admit(const Admissions::Range& range, const base::Ip& client,
                                           WorkerIndex worker, loop::Time now) {
    const std::lock_guard lock(mutex_);
    Admitted admitted{++last_id_, {}, {}};
    admitted.traffic = admissions_.admit(range, client, {worker, admitted.id});
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
    admissions_.dismiss(range, client, id);
}

const PassivePorts::Proxies* PassivePorts::proxies_at(const Key& key, const base::Ip& peer) const {
    const auto is_ours = [&](const base::Ip& address) {
        return address == key.local || (address.is_any() && address.family() == key.local.family());
    };
    const auto found = std::ranges::find_if(proxies_, [&](const Proxies& each) {
        return each.ports.contains(key.port) && std::ranges::any_of(each.addresses, is_ours) &&
               std::ranges::any_of(each.networks,
                                   [&](const auto& network) { return network.contains(peer); });
    });
    return found == proxies_.end() ? nullptr : &*found;
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
    // A stranger ends nothing: who is waited for may still come.
    if (!port.exclusive_for.admits(from)) return std::nullopt;
    const Waiting found = std::exchange(port.exclusive, {});
    if (found.id == 0) return std::nullopt;
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
    // A quarantined port has served its purpose when the late connection has come.
    port->second.clients.erase(waiting);
    if (found.id == 0) return std::nullopt;
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

void PassivePorts::give_back(const Key& key, const base::Ip& client, LeaseId id, bool quarantine,
                             loop::Time now) {
    const std::lock_guard lock(mutex_);
    Waiting* const waiting = find(key, client, id);
    if (waiting == nullptr) return;
    Port& port = ports_[key];
    const bool is_exclusive = waiting == &port.exclusive;
    *waiting = {};
    if (quarantine)
        waiting->until = now + quarantined_for;
    else if (!is_exclusive)
        port.clients.erase(client);
}

std::size_t PassivePorts::pending() const {
    const std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [key, port] : ports_) {
        sum += port.exclusive.id != 0 ? 1 : 0;
        for (const auto& [client, waiting] : port.clients) sum += waiting.id != 0 ? 1 : 0;
    }
    return sum;
}

}  // namespace ballast::net
