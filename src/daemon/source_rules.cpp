// SPDX-License-Identifier: Apache-2.0
#include "daemon/source_rules.h"

#include "net/policy_routes.h"
#include "net/socket.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <string>
#include <string_view>

namespace ballast::daemon {

namespace {

/// Of packets that belong to a transparent socket. The table has the same number.
constexpr std::uint32_t mark = 0xba11;

constexpr std::string_view rules =
    R"(# For source = "client". Backends must send what is for clients through this machine.
ip rule add fwmark {mark:#x} lookup {mark}
ip route add local default dev lo table {mark}
ip -6 rule add fwmark {mark:#x} lookup {mark}
ip -6 route add local default dev lo table {mark}
nft -f - <<'END'
table inet ballast {{
    chain divert {{
        type filter hook prerouting priority mangle; policy accept;
        socket transparent 1 meta mark set {mark:#x} accept
    }}
}}
END
# The service also needs the capability, in a drop-in (systemctl edit ballast):
#   [Service]
#   AmbientCapabilities=CAP_NET_ADMIN
#   CapabilityBoundingSet=CAP_NET_ADMIN
)";

bool is_transparent_pool(const config::Pool& pool) {
    return pool.source.kind == config::Source::Kind::client;
}

/// Whether this process may take other machines' addresses.
bool may_be_transparent() {
    const auto socket = net::open_socket(base::Family::ipv4);
    return !socket || net::make_transparent(socket->get(), base::Family::ipv4);
}

std::string key_of(const config::Pool& pool) { return pool.where.key + ".source"; }

/// Backends with a name may have both.
bool has_backend_of(const config::Pool& pool, base::Family family) {
    return std::ranges::any_of(pool.backends, [&](const config::Backend& backend) {
        const auto ip = base::Ip::parse(backend.host);
        return ip ? ip->family() == family : family == base::Family::ipv4;
    });
}

void try_transparent(const config::Config& config, const config::Pool& pool,
                     std::vector<config::Problem>& problems) {
    const auto warn = [&](std::string what, std::string fix) {
        problems.push_back({config.places.of(key_of(pool)), std::move(what), std::move(fix),
                            config::Severity::warning});
    };
    if (!may_be_transparent())
        warn("this process may not use the clients' addresses: it has no CAP_NET_ADMIN",
             "give it to the service, as `ballast check --rules` prints");
    for (const auto& [family, name] :
         {std::pair(base::Family::ipv4, "IPv4"), std::pair(base::Family::ipv6, "IPv6")})
        if (has_backend_of(pool, family) && net::delivers_marked(family, mark) == false)
            warn(fmt::format("no {} route brings here what backends send to clients", name),
                 "run the commands that `ballast check --rules` prints");
}

void try_addresses(const config::Config& config, const config::Pool& pool,
                   std::vector<config::Problem>& problems) {
    for (const auto& ip : pool.source.addresses)
        if (const auto bound = net::bind_to({ip, 0}); !bound)
            problems.push_back({config.places.of(key_of(pool)),
                                fmt::format("connections cannot begin at {} now: {}",
                                            base::to_string(ip), bound.error().code.message()),
                                "use addresses of this machine", config::Severity::warning});
}

}  // namespace

std::string source_rules(const config::Config& config) {
    if (std::ranges::none_of(config.pools, is_transparent_pool)) return {};
    return fmt::format(rules, fmt::arg("mark", mark));
}

void try_sources(const config::Config& config, std::vector<config::Problem>& problems) {
    for (const auto& pool : config.pools) {
        if (config.places.is_refused(key_of(pool))) continue;
        if (is_transparent_pool(pool)) try_transparent(config, pool, problems);
        try_addresses(config, pool, problems);
    }
}

}  // namespace ballast::daemon
