// SPDX-License-Identifier: Apache-2.0
#include "daemon/doors.h"

#include "base/log.h"
#include "events/bus.h"
#include "net/acceptor.h"
#include "net/listeners.h"
#include "net/presence.h"
#include "net/socket_stream.h"
#include "session/limit_note.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <sys/socket.h>
#include <utility>

namespace ballast::daemon {

namespace {

constexpr int control_backlog = 1024;

struct Wanted {
    std::string_view listener;  ///< empty: for operators
    base::Address address;
    std::string key;
    bool begins_with_tls;
    bool free_bind;
};

std::vector<Wanted> addresses_of(const config::Config& config) {
    std::vector<Wanted> all;
    for (const auto& listener : config.listeners) {
        const auto add = [&](const auto& addresses, std::string_view key, bool begins_with_tls) {
            for (const auto& address : addresses)
                all.push_back({listener.name, address,
                               fmt::format("{}.{}", listener.where.key, key), begins_with_tls,
                               listener.free_bind});
        };
        add(listener.bind, "bind", false);
        add(listener.implicit_bind, "implicit_bind", true);
        if (listener.tls) add(listener.tls->implicit_bind, "tls.implicit_bind", true);
    }
    for (const auto& address : config.admin.bind)
        all.push_back({{}, address, "admin.bind", false, false});
    return all;
}

void log_listening(std::string_view listener, const base::Address& address) {
    const auto text = base::to_string(address);
    if (listener.empty())
        log::write_each(log::Level::info, "listening for operators", {{"address", text}});
    else
        log::write_each(log::Level::info, "listening", {{"listener", listener}, {"address", text}});
}

}  // namespace

std::string last_words(bool begins_with_tls, guard::Limit limit) {
    if (begins_with_tls) return {};
    return fmt::format("421 {}\r\n", session::refusal_text(limit));
}

Doors::Door* Doors::find(const base::Address& address) {
    const auto found = std::ranges::find(doors_, address, &Door::address);
    // Port 0 is another port each time.
    return found == doors_.end() || address.port == 0 ? nullptr : &*found;
}

/// Whether an address that is given up is in the way: `0.0.0.0:21` that becomes `192.0.2.1:21`.
bool Doors::waits_for_another(const base::Address& address) const {
    return std::ranges::any_of(doors_, [&](const Door& door) {
        return net::is_in_the_way({.address = door.address, .instance = {}}, address);
    });
}

base::Result<> Doors::bind(Door& door) {
    auto opened = net::listen_on(door.address, control_backlog, net::binding_of(door.free_bind));
    if (!opened) return std::unexpected(opened.error());
    door.socket = std::move(*opened);
    if (const auto local = net::local_address(door.socket.get()))
        door.announced = net::announce(*local);
    return {};
}

std::vector<config::Problem> Doors::prepare(const config::Config& config,
                                            std::vector<Inheritance::Listener> inherited) {
    std::vector<config::Problem> problems;
    next_.clear();
    for (const auto& [listener, address, key, begins_with_tls, free_bind] : addresses_of(config)) {
        auto& door = next_.emplace_back(std::string(listener), address, begins_with_tls, free_bind);
        if (find(address) != nullptr) continue;
        const auto given = std::ranges::find(inherited, address, &Inheritance::Listener::address);
        if (given != inherited.end() && given->socket) {
            door.socket = std::move(given->socket);
            door.is_activated = given->is_activated;
            door.announced = net::announce(address);
            continue;
        }
        const auto bound = bind(door);
        if (bound || waits_for_another(address)) continue;
        problems.push_back({config.places.of(key), base::to_string(bound.error()),
                            inherited.empty()
                                ? "stop the program that uses it, or choose another address"
                                : "reload first, then upgrade: the running process may hold it"});
    }
    for (const auto& each : inherited)
        if (each.socket && each.is_activated)
            problems.push_back(
                {config.places.of("listener"),
                 fmt::format("the service manager passes {}, which no listener binds",
                             base::to_string(each.address)),
                 "add it to `bind`, or take it out of ballast.socket: its clients would wait"});
    if (!problems.empty()) next_.clear();
    return problems;
}

void Doors::switch_over() {
    auto former = std::exchange(doors_, {});
    for (auto& door : next_) {
        const auto same = std::ranges::find_if(former, [&](const Door& each) {
            return each.socket && each.address == door.address && !door.socket;
        });
        if (same == former.end()) continue;
        door.socket = std::move(same->socket);
        door.is_activated = same->is_activated;
        door.announced = std::move(same->announced);
        const bool is_changed =
            door.listener != same->listener || door.begins_with_tls != same->begins_with_tls;
        if (is_changed) {
            stop_accepting(*same);
        } else {
            door.is_open = same->is_open;
            door.worker = same->worker;
            door.accepting = same->accepting;
        }
    }
    for (auto& door : former) {
        if (!door.socket) continue;
        close(door);
        const auto address = base::to_string(door.address);
        if (door.is_for_operators()) {
            log::write_each(log::Level::info, "no longer listening for operators",
                            {{"address", address}});
            continue;
        }
        log::write_each(log::Level::info, "no longer listening, sessions go on",
                        {{"listener", door.listener}, {"address", address}});
        events::publish(events::Kind::listener_closed,
                        {{"listener", door.listener}, {"address", address}});
    }
    former.clear();
    doors_ = std::exchange(next_, {});
    for (auto& door : doors_)
        if (!door.is_open) open(door);
}

void Doors::open(Door& door) {
    if (!door.socket)
        if (const auto bound = bind(door); !bound)
            return log::write_each(log::Level::error, "an address cannot be listened on",
                                   {{"listener", door.listener},
                                    {"address", base::to_string(door.address)},
                                    {"reason", base::to_string(bound.error())}});
    auto copy = door.socket.copy();
    if (!copy)
        return log::write_each(
            log::Level::error, "an address cannot be listened on",
            {{"listener", door.listener},
             {"address", base::to_string(door.address)},
             {"reason", std::error_code(errno, std::system_category()).message()}});
    log_listening(door.listener, door.address);
    // Its connections inherit the options. Another process may have opened it.
    net::prepare_control(door.socket.get());
    door.is_open = true;
    if (door.is_for_operators()) return operators_.open(door.address, std::move(copy));
    events::publish(events::Kind::listener_opened,
                    {{"listener", door.listener}, {"address", base::to_string(door.address)}});
    door.worker = workers_[opened_++ % workers_.size()].get();
    door.accepting = door.worker->accept_on(
        std::move(copy),
        [take = take_, listener = door.listener, begins_with_tls = door.begins_with_tls](
            base::OwnedFd client, base::Address peer) {
            take(std::move(client), peer, listener, begins_with_tls);
        },
        last_words(door.begins_with_tls, guard::Limit::sessions));
}

void Doors::stop_accepting(Door& door) {
    if (!std::exchange(door.is_open, false)) return;
    if (door.is_for_operators())
        operators_.close(door.address);
    else
        std::exchange(door.worker, nullptr)->stop_accepting(door.accepting);
}

/// The worker closes its copy of the socket a moment later, but the address is free now. At an
/// activated socket clients wait for the next process.
void Doors::close(Door& door) {
    stop_accepting(door);
    if (!door.is_activated) ::shutdown(door.socket.get(), SHUT_RD);
    door.socket = base::OwnedFd();
    door.announced = base::OwnedFd();
}

std::vector<Inheritance::Listener> Doors::copies() const {
    std::vector<Inheritance::Listener> all;
    for (const auto& door : doors_)
        if (auto copy = door.socket.copy())
            all.push_back({door.address, std::move(copy), door.is_activated});
    return all;
}

void Doors::pause() {
    for (auto& door : doors_) stop_accepting(door);
}

void Doors::resume() {
    for (auto& door : doors_)
        if (!door.is_open) open(door);
}

void Doors::leave() {
    for (auto& door : doors_) stop_accepting(door);
    doors_.clear();
}

/// Operators may look until the end.
void Doors::close_to_clients() {
    for (auto& door : doors_)
        if (door.socket && !door.is_for_operators()) close(door);
    std::erase_if(doors_, [](const Door& door) { return !door.is_for_operators(); });
}

}  // namespace ballast::daemon
