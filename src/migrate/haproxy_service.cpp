// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_service.h"

#include "base/ascii.h"
#include "migrate/contains.h"
#include "migrate/haproxy_rules.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <string_view>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

constexpr auto ftp_ports = std::to_array<std::uint16_t>({21, 990, 2121});
/// Services that a name with "ftp" in it does not turn into FTP.
constexpr auto other_ports =
    std::to_array<std::uint16_t>({22,  25,  53,  80,   110,  143,  389,  443,  465,  587,
                                  636, 993, 995, 1433, 3306, 3389, 5432, 6379, 8080, 8443});

bool is_ftp_port(std::uint16_t port) { return contains(ftp_ports, port); }
bool is_other_port(std::uint16_t port) { return contains(other_ports, port); }

bool is_called_ftp(string_view name) {
    const auto lower = base::lower(name);
    return lower.contains("ftp") && !lower.contains("sftp") && !lower.contains("tftp");
}
bool is_called_data(string_view name) {
    const auto lower = base::lower(name);
    return std::ranges::any_of(std::to_array<string_view>({"data", "pasv", "passive"}),
                               [&](string_view word) { return lower.contains(word); });
}

/// Numbers of host names, in their order.
using Hosts = std::vector<std::size_t>;

class Search {
public:
    explicit Search(const Proxies& proxies) : proxies_(proxies) {
        for (const auto& proxy : proxies.all) {
            if (!may_be_ftp(proxy)) continue;
            hosts_.emplace(&proxy, read_hosts(proxy));
            if (has_range(proxy)) with_ranges_.push_back(&proxy);
        }
    }

    Services run() {
        for (const auto& proxy : proxies_.all)
            if (may_be_ftp(proxy) && is_control(proxy)) add(proxy);
        for (const auto& proxy : proxies_.all)
            if (may_be_ftp(proxy) && !is_service(proxy)) give_ranges(proxy);
        return std::move(found_);
    }

private:
    static bool may_be_ftp(const Proxy& proxy) {
        return proxy.has_clients() && !proxy.is_web() && !proxy.is_disabled();
    }

    [[nodiscard]] std::vector<const Proxy*> targets(const Proxy& entry) const {
        return targets_of(entry, proxies_);
    }
    Hosts read_hosts(const Proxy& entry) {
        Hosts hosts;
        for (const auto* const target : targets(entry))
            for (const auto& server : target->servers)
                if (!server.host.empty())
                    hosts.push_back(numbers_.try_emplace(base::lower(server.host), numbers_.size())
                                        .first->second);
        std::ranges::sort(hosts);
        const auto [first, last] = std::ranges::unique(hosts);
        hosts.erase(first, last);
        return hosts;
    }
    [[nodiscard]] const Hosts& hosts_of(const Proxy& entry) const { return hosts_.at(&entry); }

    static bool has_range(const Proxy& proxy) {
        return any_address(proxy, [](const BindAddress& address) { return address.is_range(); });
    }

    template <typename Test>
    static bool any_address(const Proxy& proxy, Test test) {
        return std::ranges::any_of(proxy.binds, [&](const Bind& bind) {
            return std::ranges::any_of(bind.addresses, [&](const BindAddress& address) {
                return address.is_socket && test(address);
            });
        });
    }

    [[nodiscard]] bool is_control(const Proxy& proxy) const {
        const auto has_port = [](auto test) {
            return [test](const BindAddress& a) { return !a.is_range() && test(a.ports.first); };
        };
        if (any_address(proxy, has_port(is_ftp_port))) return true;
        const bool has_single =
            any_address(proxy, has_port([](std::uint16_t port) { return !is_other_port(port); }));
        if (!has_single) return false;
        if (leads_to_ftp_port(proxy)) return true;
        if (is_called_ftp(proxy.name) && !is_called_data(proxy.name)) return true;
        return has_companions(proxy);
    }

    [[nodiscard]] bool leads_to_ftp_port(const Proxy& proxy) const {
        return std::ranges::any_of(targets(proxy), [](const Proxy* target) {
            return std::ranges::any_of(target->servers, [](const Server& server) {
                return server.port_kind == PortKind::fixed && is_ftp_port(server.port);
            });
        });
    }

    /// Whether others forward ranges of ports to servers of this one: that is done for FTP alone.
    [[nodiscard]] bool has_companions(const Proxy& proxy) const {
        const auto& hosts = hosts_of(proxy);
        return std::ranges::any_of(with_ranges_, [&](const Proxy* other) {
            return other != &proxy && is_within(hosts_of(*other), hosts);
        });
    }

    static bool is_within(const Hosts& some, const Hosts& all) {
        return !some.empty() && std::ranges::includes(all, some);
    }

    void add(const Proxy& proxy) {
        Service service;
        service.entry = &proxy;
        if (proxy.kind == "listen" && !proxy.servers.empty())
            service.servers = &proxy;
        else if (const auto* const line = proxy.last({"default_backend"}))
            service.servers = proxies_.find_backend(line->word(1));
        for (const auto& bind : proxy.binds)
            for (const auto& address : bind.addresses)
                if (address.is_range()) own_range(service, bind, address.ports);
        found_.all.push_back(std::move(service));
    }

    /// A range of the control connections' own proxy. Rules may divide it among the servers:
    /// `use_backend alf1 if { dst_port 20000:20009 }`.
    void own_range(Service& service, const Bind& bind, base::PortRange ports) const {
        const auto& proxy = *service.entry;
        std::vector<DataRange> parts;
        std::uint32_t covered = 0;
        for (const auto& [line, is_inherited] : proxy.directives) {
            if (line->words.front() != "use_backend") continue;
            const auto condition = condition_of(*line, 2, proxy);
            const auto* const test = only_test(condition);
            const auto* const target = proxies_.find_backend(line->word(1));
            if (target == nullptr || test == nullptr || test->question != Question::port ||
                test->is_negated || target->servers.size() != 1)
                continue;
            for (const auto& part : test->ports) {
                if (part.first < ports.first || part.last > ports.last) continue;
                parts.push_back({&proxy, &bind, part, &target->servers.front()});
                covered += part.size();
            }
        }
        if (covered == ports.size())
            std::ranges::move(parts, std::back_inserter(service.ranges));
        else
            service.ranges.push_back({&proxy, &bind, ports, only_server(proxy)});
    }

    [[nodiscard]] bool is_service(const Proxy& proxy) const {
        return contains(found_.all, &proxy, &Service::entry);
    }

    /// Gives the ports of a proxy to every service with the same servers.
    void give_ranges(const Proxy& proxy) {
        const auto& hosts = hosts_of(proxy);
        bool is_data = false;
        for (auto& service : found_.all) {
            if (!is_within(hosts, hosts_of(*service.entry))) continue;
            for (const auto& bind : proxy.binds)
                for (const auto& address : bind.addresses) {
                    if (!address.is_socket || is_other_port(address.ports.first)) continue;
                    service.ranges.push_back({&proxy, &bind, address.ports, only_server(proxy)});
                    is_data = true;
                }
        }
        if (is_data) found_.data_proxies.push_back(&proxy);
    }

    [[nodiscard]] const Server* only_server(const Proxy& entry) const {
        const Server* only = nullptr;
        for (const auto* const target : targets(entry))
            for (const auto& server : target->servers) {
                if (only != nullptr && only->host != server.host) return nullptr;
                only = &server;
            }
        return only;
    }

    const Proxies& proxies_;
    std::map<string, std::size_t> numbers_;  // of host names
    std::map<const Proxy*, Hosts> hosts_;    // of all servers that a proxy leads to
    std::vector<const Proxy*> with_ranges_;
    Services found_;
};

}  // namespace

std::vector<const Proxy*> targets_of(const Proxy& entry, const Proxies& proxies) {
    std::vector<const Proxy*> targets;
    const auto add = [&](const Proxy* proxy) {
        if (proxy != nullptr && !proxy->is_web() && !contains(targets, proxy))
            targets.push_back(proxy);
    };
    if (entry.kind == "listen" && !entry.servers.empty()) add(&entry);
    if (const auto* const line = entry.last({"default_backend"}))
        add(proxies.find_backend(line->word(1)));
    for (const auto& [line, is_inherited] : entry.directives)
        if (line->words.front() == "use_backend") add(proxies.find_backend(line->word(1)));
    return targets;
}

Services find_services(const Proxies& proxies) { return Search(proxies).run(); }

}  // namespace ballast::migrate::haproxy
