// SPDX-License-Identifier: Apache-2.0
#include "config/own_addresses.h"

#include "config/destination.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::config {

bool OwnAddresses::is_here(const base::Ip& ip) const {
    // For the unspecified address Linux connects to the loopback address.
    return ip.is_loopback() || ip.is_any() || std::ranges::find(local_, ip) != local_.end();
}

bool OwnAddresses::reaches(const base::Address& bound, const Listener& listener,
                           const base::Address& to) const {
    if (bound.port != to.port || bound.port == 0) return false;
    // The announced address for data is translated to this listener by the clients' network.
    const bool is_announced = std::ranges::any_of(
        listener.public_address, [&](const auto& rule) { return rule.address == to.ip; });
    if (is_announced || bound.ip == to.ip) return true;
    if (bound.ip.family() != to.ip.family()) return false;
    if (bound.ip.is_any()) return is_here(to.ip);
    return to.ip.is_any() && bound.ip.is_loopback();
}

std::optional<std::string> OwnAddresses::listener_at(const base::Address& to) const {
    for (const auto& listener : config_.listeners) {
        const auto any = [&](const std::vector<base::Address>& addresses) {
            return std::ranges::any_of(
                addresses, [&](const auto& bound) { return reaches(bound, listener, to); });
        };
        if (any(listener.bind) || any(listener.implicit_bind) ||
            (listener.tls && any(listener.tls->implicit_bind)))
            return listener.where.key;
    }
    return std::nullopt;
}

std::optional<std::string> OwnAddresses::listener_called(const std::string& host,
                                                         std::uint16_t port) const {
    for (const auto& listener : config_.listeners) {
        const auto is_at_port = [&](const auto& bound) { return bound.port == port; };
        const bool is_told = std::ranges::any_of(
            listener.public_address, [&](const auto& rule) { return rule.name == host; });
        if (is_told &&
            (std::ranges::any_of(listener.bind, is_at_port) ||
             (listener.tls && std::ranges::any_of(listener.tls->implicit_bind, is_at_port))))
            return listener.where.key;
    }
    return std::nullopt;
}

std::string leads_back(const std::string& where, const std::string& listener) {
    return fmt::format("{} is {} itself", where, listener);
}

void check_own_addresses(const Config& config, Findings findings) {
    const OwnAddresses own(config);
    for (const auto& pool : config.pools) {
        for (const auto& backend : pool.backends) {
            const auto key = backend.where.key + ".address";
            if (backend.host.empty() || !findings.holds(key)) continue;
            const auto ip = base::Ip::parse(backend.host);
            const auto listener = ip ? own.listener_at({*ip, backend.port})
                                     : own.listener_called(backend.host, backend.port);
            if (listener)
                findings.add(
                    key, leads_back(to_string(Destination{backend.host, backend.port}), *listener),
                    leads_back_remedy);
        }
    }
}

}  // namespace ballast::config
