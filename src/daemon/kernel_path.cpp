// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel_path.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

namespace ballast::daemon {

namespace {

using config::Carrier;
using config::Severity;

constexpr std::string_view capability_fix =
    "give it to the service (systemctl edit ballast): [Service] AmbientCapabilities=CAP_NET_ADMIN "
    "CapabilityBoundingSet=CAP_NET_ADMIN";

bool is_wanted(const config::Config& config) {
    return std::ranges::any_of(config.listeners, [](const config::Listener& listener) {
        return listener.data_path != Carrier::relay;
    });
}

bool serves(const config::Listener& listener, base::Family family) {
    const auto is_of = [&](const base::Address& address) { return address.ip.family() == family; };
    return std::ranges::any_of(listener.bind, is_of) ||
           (listener.tls && std::ranges::any_of(listener.tls->implicit_bind, is_of));
}

/// What is missing, and what would be right.
struct Lack {
    std::string what;
    std::string fix;
};

Lack lack_of(const base::Error& error) {
    if (error.code == std::errc::operation_not_permitted)
        return {
            "the kernel does not let this process forward data connections: it has no "
            "CAP_NET_ADMIN",
            std::string(capability_fix)};
    return {fmt::format("the kernel cannot forward data connections: {}", base::to_string(error)),
            "provide it (see docs/kernel-path.md), or use data_path = \"relay\""};
}

/// The listener's packets would not be forwarded.
void look_at_forwarding(const config::Config& config, const config::Listener& listener,
                        std::vector<config::Problem>& problems) {
    constexpr std::pair<base::Family, std::string_view> settings[] = {
        {base::Family::ipv4, "net.ipv4.ip_forward"},
        {base::Family::ipv6, "net.ipv6.conf.all.forwarding"}};
    const auto is_off = [&](const auto& setting) {
        return serves(listener, setting.first) && !nat::machine_forwards(setting.first);
    };
    const bool has_one = std::ranges::any_of(settings, [&](const auto& setting) {
        return serves(listener, setting.first) && nat::machine_forwards(setting.first);
    });
    for (const auto& setting : settings)
        if (is_off(setting))
            problems.push_back(
                {config.places.of(listener.where.key + ".data_path"),
                 fmt::format("this machine forwards no {} packets, so these data are relayed",
                             setting.first == base::Family::ipv4 ? "IPv4" : "IPv6"),
                 fmt::format("sysctl {}=1, and a firewall that lets them pass", setting.second),
                 listener.data_path == Carrier::kernel && !has_one ? Severity::error
                                                                   : Severity::warning});
}

std::vector<config::Problem> problems_of(const config::Config& config, const base::Error* error) {
    std::vector<config::Problem> problems;
    for (const auto& listener : config.listeners) {
        const auto key = listener.where.key + ".data_path";
        if (listener.data_path == Carrier::relay || config.places.is_refused(key)) continue;
        if (error != nullptr) {
            auto lack = lack_of(*error);
            problems.push_back(
                {config.places.of(key), std::move(lack.what), std::move(lack.fix),
                 listener.data_path == Carrier::kernel ? Severity::error : Severity::warning});
        } else {
            look_at_forwarding(config, listener, problems);
        }
    }
    return problems;
}

}  // namespace

std::vector<config::Problem> KernelPath::prepare(const config::Config& config) {
    if (!is_wanted(config)) return {};
    base::Error error;
    if (!gateway_) {
        auto opened = nat::Gateway::open();
        if (opened)
            gateway_ = std::move(*opened);
        else
            error = std::move(opened.error());
    }
    auto problems = problems_of(config, gateway_ ? nullptr : &error);
    // The trial before has said the warnings.
    std::erase_if(problems, [](const config::Problem& problem) {
        return problem.severity != Severity::error;
    });
    return problems;
}

void KernelPath::use(const config::Config& config) { is_wanted_ = is_wanted(config); }

/// Only copies make copies, so the last one stays the last one.
void KernelPath::look() {
    if (!is_wanted_ && gateway_.use_count() == 1) gateway_.reset();
}

std::shared_ptr<nat::Forwarder> KernelPath::forwarder(const config::Listener& listener) const {
    return listener.data_path == Carrier::relay ? nullptr : gateway_;
}

void try_kernel_path(const config::Config& config, std::vector<config::Problem>& problems) {
    if (!is_wanted(config)) return;
    const auto opened = nat::Gateway::open({.is_trial = true});
    std::ranges::move(problems_of(config, opened ? nullptr : &opened.error()),
                      std::back_inserter(problems));
}

}  // namespace ballast::daemon
