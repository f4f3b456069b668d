// SPDX-License-Identifier: Apache-2.0
#include "config/check_routes.h"

#include "config/pool_name.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <string_view>

namespace ballast::config {

namespace {

bool is_any_text(std::string_view pattern) {
    return !pattern.empty() && pattern.find_first_not_of('*') == std::string_view::npos;
}

/// A session may have no host, SNI or certificate, so no pattern for these matches for certain.
/// Every session has a user and an address.
bool matches_everything(const RouteMatch& match) {
    const auto has_all_of = [&](std::string_view network) {
        return std::ranges::find(match.network, base::Subnet::parse(network)) !=
               match.network.end();
    };
    const bool any_user = match.user.empty() || std::ranges::any_of(match.user, is_any_text);
    const bool any_network =
        match.network.empty() || (has_all_of("0.0.0.0/0") && has_all_of("::/0"));
    return any_user && any_network && match.host.empty() && match.sni.empty() &&
           match.certificate.empty();
}

class RoutesCheck {
public:
    RoutesCheck(const Config& config, const Listener& listener, Findings findings)
        : config_(config), listener_(listener), findings_(findings) {}

    void run() {
        const auto& key = listener_.where.key;
        check_pool_name(config_, key + ".pool", listener_.pool, findings_);
        if (listener_.pool.empty() && listener_.routes.empty() && findings_.holds(key + ".pool") &&
            findings_.holds(key + ".route"))
            findings_.add(key + ".pool", "there is neither pool nor route",
                          fmt::format("add pool, the name of a pool, or [[{}.route]] tables", key));
        const Route* last = nullptr;
        for (const auto& route : listener_.routes) {
            if (last != nullptr)
                findings_.add(route.where.key, "the route can never match",
                              fmt::format("{} matches everything before it: put this one first, "
                                          "or remove one of them",
                                          last->where.key));
            else if (findings_.holds(route.where.key + ".match") &&
                     matches_everything(route.match) && is_for_everyone(route))
                last = &route;
            destination(route);
            empty_match(route);
            needs_of_match(route);
        }
    }

private:
    /// A user who names a pool skips the routes to other pools.
    [[nodiscard]] bool is_for_everyone(const Route& route) const {
        return !listener_.user_at_pool || !route.reject.empty();
    }

    void destination(const Route& route) {
        const auto& key = route.where.key;
        if (!findings_.holds(key + ".pool") || !findings_.holds(key + ".reject")) return;
        check_pool_name(config_, key + ".pool", route.pool, findings_);
        if (route.pool.empty() && route.reject.empty())
            findings_.add(key, "the route leads nowhere",
                          "add pool, the name of a pool, or reject = \"530 Not from here.\"");
        if (!route.pool.empty() && !route.reject.empty())
            findings_.add(key + ".reject", "the route has both pool and reject", "remove one");
        if (route.counts_as_failure && route.reject.empty())
            findings_.add(key + ".counts_as_failure",
                          "counts_as_failure has no effect without reject",
                          "add reject, the reply to those that match, or remove counts_as_failure");
    }

    /// It would match every session, which is never intended.
    void empty_match(const Route& route) {
        const auto match = route.where.key + ".match";
        if (!findings_.is_said(match) || !findings_.holds(match)) return;
        bool is_any_said = false;
        const auto look = [&](const char* name, const auto& values) {
            const auto key = fmt::format("{}.{}", match, name);
            is_any_said |= findings_.is_said(key);
            if (findings_.is_said(key) && values.empty())
                findings_.warn(key, fmt::format("{} is empty, so it asks for nothing", name),
                               fmt::format("name at least one, or remove {}", name));
        };
        look("user", route.match.user);
        look("network", route.match.network);
        look("host", route.match.host);
        look("sni", route.match.sni);
        look("certificate", route.match.certificate);
        if (!is_any_said)
            findings_.warn(match, "match is empty, so the route takes every session",
                           "say what has to match, or remove match if this is intended");
    }

    void needs_of_match(const Route& route) {
        const auto& key = listener_.where.key;
        if (!findings_.holds(key + ".tls")) return;
        const auto match = route.where.key + ".match";
        if (listener_.mode == ListenerMode::passthrough) return;
        if (!route.match.sni.empty() && !listener_.tls)
            findings_.add(match + ".sni", "sni never matches without TLS",
                          fmt::format("add [{}.tls], or remove sni", key));
        const bool asks =
            listener_.tls && listener_.tls->client_certificate != ClientCertificate::none;
        if (!route.match.certificate.empty() && !asks &&
            findings_.holds(key + ".tls.client_certificate"))
            findings_.add(match + ".certificate",
                          "certificate never matches, because clients are not asked for one",
                          fmt::format("add client_certificate = \"request\" or \"require\" to "
                                      "[{}.tls], or remove certificate",
                                      key));
    }

    const Config& config_;
    const Listener& listener_;
    Findings findings_;
};

}  // namespace

void check_routes(const Config& config, const Listener& listener, Findings findings) {
    RoutesCheck(config, listener, findings).run();
}

}  // namespace ballast::config
