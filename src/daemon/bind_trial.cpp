// SPDX-License-Identifier: Apache-2.0
#include "daemon/bind_trial.h"

#include "daemon/low_ports.h"
#include "daemon/privileges.h"
#include "net/socket.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <iterator>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace ballast::daemon {

namespace {

using config::Listener;

std::string remedy_for_bind(int error, bool free_bind, bool can_free_bind) {
    switch (error) {
        case EADDRNOTAVAIL:
            if (free_bind) return "use an address family that this machine supports";
            if (!can_free_bind) return "use an address of this machine";
            return "use an address of this machine, or set free_bind = true for one that it gets "
                   "later";
        case EACCES:
            return fmt::format("run as root or with CAP_NET_BIND_SERVICE, or use a port above {}",
                               first_unprivileged_port() - 1);
        default: return "see bind(2)";
    }
}

/// Whether the trial of the control ports reports this already: an address that this machine does
/// not have.
bool is_for_bind_to_tell(const Listener& listener, const base::Error& error) {
    return !listener.free_bind && error.code == std::errc::address_not_available;
}

std::optional<base::Ip> an_address_of(const Listener& listener) {
    if (!listener.bind.empty()) return listener.bind.front().ip;
    if (!listener.implicit_bind.empty()) return listener.implicit_bind.front().ip;
    if (listener.tls && !listener.tls->implicit_bind.empty())
        return listener.tls->implicit_bind.front().ip;
    return std::nullopt;
}

bool exclude_each_other(const base::Address& one, const base::Address& other) {
    return net::is_in_the_way({.address = one, .instance = {}}, other);
}

}  // namespace

BindTrial::BindTrial(const config::Config& config, std::string running_file,
                     std::vector<base::Address> inherited, std::vector<config::Problem>& problems)
    : config_(config),
      running_file_(std::move(running_file)),
      inherited_(std::move(inherited)),
      problems_(problems) {}

void BindTrial::run() {
    for (const auto& listener : config_.listeners) {
        const auto& key = listener.where.key;
        try_control(&listener, listener.bind, key + ".bind");
        if (listener.tls)
            try_control(&listener, listener.tls->implicit_bind, key + ".tls.implicit_bind");
        try_control(&listener, listener.implicit_bind, key + ".implicit_bind");
    }
    try_control(nullptr, config_.admin.bind, "admin.bind");
    for (const auto& listener : config_.listeners) {
        const auto ip = an_address_of(listener);
        const auto is_refused = [&](const char* name) {
            return config_.places.is_refused(fmt::format("{}.{}", listener.where.key, name));
        };
        if (!ip || is_refused("mode") || is_refused("plain")) continue;
        if (listener.lends_ports() && !is_refused("passive_ports")) try_passive(listener, *ip);
        if (listener.mode == config::ListenerMode::passthrough) try_slices(listener, *ip);
    }
}

/// The ports stay bound until the end, because two of them may exclude each other.
void BindTrial::try_control(const Listener* listener, const std::vector<base::Address>& addresses,
                            const std::string& key) {
    // If some addresses were refused, the indexes of the others do not match the file.
    const bool is_whole = !config_.places.is_refused(key);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const auto& address = addresses[i];
        // A duplicate has been reported already.
        if (address.port != 0 && std::ranges::find(control_, address) != control_.end()) continue;
        if (std::ranges::find(inherited_, address) != inherited_.end()) {
            control_.push_back(address);
            continue;
        }
        const auto where = is_whole ? fmt::format("{}[{}]", key, i) : key;
        auto opened =
            net::listen_on(address, 1, net::binding_of(listener != nullptr && listener->free_bind));
        const bool is_in_use = !opened && opened.error().code == std::errc::address_in_use;
        const auto earlier = std::ranges::find_if(control_, [&](const base::Address& each) {
            return is_in_use && address.port != 0 && exclude_each_other(each, address);
        });
        if (opened)
            held_.push_back(std::move(*opened));
        else if (earlier != control_.end())
            problems_.push_back(
                {config_.places.of(where), base::to_string(opened.error()),
                 fmt::format("{} in this file conflicts with it: remove one of them",
                             base::to_string(*earlier))});
        else if (is_own(address, opened.error()))
            not_tried_.push_back(address);
        else
            add_problem(where, listener, address, opened.error());
        control_.push_back(address);
    }
}

/// Passive ports are opened when needed, and busy ones are skipped. So only a range without a
/// usable port fails.
void BindTrial::try_passive(const Listener& listener, const base::Ip& ip) {
    const auto& ports = listener.passive_ports;
    for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
        const base::Address address{ip, static_cast<std::uint16_t>(port)};
        const auto bound = net::bind_to(address, net::binding_of(listener.free_bind));
        if (bound || is_for_bind_to_tell(listener, bound.error()) || is_own(address, bound.error()))
            return;
    }
    problems_.push_back({config_.places.of(listener.where.key + ".passive_ports"),
                         fmt::format("no port of {} can be bound", base::to_string(ports)),
                         "choose a range that is free on this machine"});
}

/// The ports of passed-through backends. The backend chooses the port, so each must be usable.
void BindTrial::try_slices(const Listener& listener, const base::Ip& ip) {
    for (const auto& pool : config_.pools) {
        for (const auto& backend : pool.backends) {
            if (!backend.passive_ports) continue;
            const auto& ports = *backend.passive_ports;
            for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
                const base::Address address{ip, static_cast<std::uint16_t>(port)};
                // A control port among them has been reported already.
                if (std::ranges::find(control_, address.port, &base::Address::port) !=
                    control_.end())
                    continue;
                const auto bound = net::bind_to(address, net::binding_of(listener.free_bind));
                if (bound || is_for_bind_to_tell(listener, bound.error())) continue;
                if (is_own(address, bound.error()))
                    not_tried_.push_back(address);
                else
                    add_problem(backend.where.key + ".passive_ports", &listener, address,
                                bound.error());
            }
        }
    }
}

void BindTrial::look() {
    // If the system does not tell, treat every program as another one.
    listening_ = net::listening_sockets().value_or(std::vector<net::Listening>());
    std::ranges::sort(listening_, {}, [](const auto& each) { return each.address.port; });
    for (const auto& each : listening_)
        if (each.instance && is_trusted(each)) trusted_.insert(holder_of(each));
    if (!running_file_.empty() && !own_) choose_own();
}

/// Chooses the running Ballast that was started with this very file. If none was, the file is a
/// copy: chooses the first one that holds one of its addresses.
void BindTrial::choose_own() {
    const auto same_file = std::ranges::find(trusted_, net::file_mark(running_file_),
                                             [](const Holder& each) { return each.instance.file; });
    if (same_file != trusted_.end()) {
        own_ = *same_file;
        return;
    }
    const auto choose = [&](const base::Address& address) {
        for (const auto& each : in_the_way_of(address)) {
            if (own_ || !each.instance || !trusted_.contains(holder_of(each))) continue;
            own_ = holder_of(each);
        }
    };
    for (const auto& listener : config_.listeners) {
        std::ranges::for_each(listener.bind, choose);
        std::ranges::for_each(listener.implicit_bind, choose);
        if (listener.tls) std::ranges::for_each(listener.tls->implicit_bind, choose);
    }
    std::ranges::for_each(config_.admin.bind, choose);
}

/// Anybody can run a program that calls itself Ballast on unprivileged ports. Trusting it would let
/// the check pass and the start fail. So trust only root, the user who checks or is checked for,
/// and programs on privileged ports.
bool BindTrial::is_trusted(const net::Listening& socket) {
    return socket.user == 0 || socket.user == ::geteuid() ||
           socket.address.port < first_unprivileged_port();
}

std::vector<net::Listening> BindTrial::in_the_way_of(const base::Address& address) const {
    const auto at_port = std::ranges::equal_range(
        listening_, address.port, {}, [](const auto& each) { return each.address.port; });
    std::vector<net::Listening> result;
    std::ranges::copy_if(at_port, std::back_inserter(result),
                         [&](const auto& each) { return net::is_in_the_way(each, address); });
    return result;
}

bool BindTrial::is_own(const base::Address& address, const base::Error& error) {
    if (running_file_.empty() || error.code != std::errc::address_in_use) return false;
    const auto is_only_own = [&] {
        const auto sockets = in_the_way_of(address);
        return own_ && !sockets.empty() && std::ranges::all_of(sockets, [&](const auto& each) {
                   return each.instance && holder_of(each) == *own_;
               });
    };
    // It may have started listening since we looked.
    if (!is_only_own()) look();
    return is_only_own();
}

std::string BindTrial::remedy_for_use(const base::Address& address) {
    if (running_file_.empty()) look();
    for (const auto& each : in_the_way_of(address)) {
        if (!each.instance) continue;
        const auto who = fmt::format("a running Ballast, process {} of the user {}",
                                     each.instance->pid, name_of_user(each.user));
        if (running_file_.empty())
            return fmt::format("{}, holds it: stop that one, or choose another port", who);
        if (trusted_.contains(holder_of(each)))
            return fmt::format("{}, holds it and runs another file: choose another port", who);
        return fmt::format("{}, holds it; if it runs this file, check as root with --user {}", who,
                           name_of_user(each.user));
    }
    return "stop the program that uses it, or choose another port";
}

void BindTrial::add_problem(const std::string& key, const Listener* listener,
                            const base::Address& address, const base::Error& error) {
    problems_.push_back(
        {config_.places.of(key), base::to_string(error),
         error.code == std::errc::address_in_use
             ? remedy_for_use(address)
             : remedy_for_bind(error.code.value(), listener != nullptr && listener->free_bind,
                               listener != nullptr)});
}

std::string BindTrial::not_tried() const {
    if (not_tried_.empty() || !own_) return {};
    const auto more = not_tried_.size() - 1;
    return fmt::format(
        "the running Ballast, process {} of the user {}, holds {}{}: binding is not tested there "
        "(--bind tests it)",
        own_->instance.pid, name_of_user(own_->user), base::to_string(not_tried_.front()),
        more == 0 ? "" : fmt::format(" and {} more", more));
}

}  // namespace ballast::daemon
