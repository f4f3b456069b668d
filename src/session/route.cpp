// SPDX-License-Identifier: Apache-2.0
#include "session/route.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/pattern.h"
#include "ftp/telnet.h"

#include <algorithm>

namespace ballast::session {

namespace {

using base::LetterCase;

bool matches_any(const std::vector<std::string>& patterns, std::string_view text,
                 LetterCase letter_case) {
    if (patterns.empty()) return true;
    return std::ranges::any_of(patterns, [&](const auto& pattern) {
        return !text.empty() && base::matches(pattern, text, letter_case);
    });
}

bool holds(const std::vector<base::Subnet>& networks, const base::Ip& address) {
    return networks.empty() || std::ranges::any_of(networks, [&](const auto& network) {
               return network.contains(address);
           });
}

bool matches(const config::RouteMatch& wanted, const Applicant& applicant) {
    // Match every server's reading: Telnet commands in the name must not evade a route.
    const auto readings = ftp::telnet_readings(applicant.user);
    const bool is_user = std::ranges::any_of(readings, [&](std::string_view user) {
        return matches_any(wanted.user, user, LetterCase::matters);
    });
    return holds(wanted.network, applicant.address) && is_user &&
           matches_any(wanted.host, applicant.host, LetterCase::ignored) &&
           matches_any(wanted.sni, applicant.server_name, LetterCase::ignored) &&
           matches_any(wanted.certificate, applicant.certificate, LetterCase::matters);
}

/// Whether a route will match a client that has not sent USER.
enum class Chance : std::uint8_t { none, some, certain };

Chance chance(const config::RouteMatch& wanted, const Applicant& who, bool is_secured) {
    const bool is_told_host = !who.host.empty() || !who.server_name.empty();
    const auto host = who.host.empty() ? who.server_name : who.host;
    if (!holds(wanted.network, who.address) ||
        (is_told_host && !matches_any(wanted.host, host, LetterCase::ignored)) ||
        (is_secured && (!matches_any(wanted.sni, who.server_name, LetterCase::ignored) ||
                        !matches_any(wanted.certificate, who.certificate, LetterCase::matters))))
        return Chance::none;
    const bool is_certain = wanted.user.empty() && (wanted.host.empty() || !who.host.empty()) &&
                            (is_secured || (wanted.sni.empty() && wanted.certificate.empty()));
    return is_certain ? Chance::certain : Chance::some;
}

/// `text` is like "530 Not from here."
ftp::Reply reply_of(std::string_view text) {
    constexpr std::size_t code_bytes = 3;
    const auto code = base::parse_number<std::uint16_t>(text.substr(0, code_bytes)).value_or(530);
    return ftp::make_reply(code, text.substr(std::min(text.size(), code_bytes + 1)));
}

Routing refused(ftp::Reply reply, const config::Route* rejected_by = nullptr) {
    return {.pool = {},
            .user = {},
            .host = {},
            .refusal = std::move(reply),
            .rejected_by = rejected_by};
}

/// Adds each name once.
void add(std::vector<std::string_view>& names, std::string_view name) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
}

/// The text behind the last `mark`, if there is text on both sides.
std::optional<std::string_view> behind_last(std::string_view text, char mark) {
    const auto at = text.rfind(mark);
    if (at == std::string_view::npos || at == 0 || at + 1 == text.size()) return std::nullopt;
    return text.substr(at + 1);
}

}  // namespace

std::string_view name_of_route(const Routing& routing) {
    return routing.by != nullptr ? std::string_view(routing.by->where.key)
                                 : "the listener's own pool";
}

std::vector<std::string_view> pools_of(const config::Listener& listener) {
    std::vector<std::string_view> names;
    for (const auto& route : listener.routes) add(names, route.pool);
    add(names, listener.pool);
    return names;
}

std::vector<std::string_view> pools_ahead(const config::Listener& listener, const Applicant& who,
                                          bool is_secured) {
    Applicant client = who;
    if (listener.user_at_host) client.host = {};  // USER may name another host
    std::vector<std::string_view> names;
    for (const auto& route : listener.routes) {
        const auto will_match = chance(route.match, client, is_secured);
        if (will_match == Chance::none) continue;
        add(names, route.pool);
        // USER may name a pool. Then routes to other pools are skipped.
        const bool is_last = !route.reject.empty() || !listener.user_at_pool;
        if (will_match == Chance::certain && is_last) return names;
    }
    add(names, listener.pool);
    return names;
}

bool knows_host(const config::Listener& listener, std::string_view host) {
    bool any_asks = false;
    for (const auto& route : listener.routes) {
        if (route.match.host.empty()) continue;
        any_asks = true;
        if (matches_any(route.match.host, host, LetterCase::ignored)) return true;
    }
    return !any_asks;
}

Routing route(const config::Listener& listener, const Applicant& applicant) {
    Applicant who = applicant;
    std::string_view wanted_pool;
    if (const auto pool = behind_last(who.user, '@'); listener.user_at_pool && pool) {
        // Other names with an @ are kept whole, for example mail addresses.
        const auto reachable = pools_of(listener);
        if (std::ranges::find(reachable, *pool) != reachable.end()) {
            wanted_pool = *pool;
            who.user.remove_suffix(pool->size() + 1);
        }
    }
    if (const auto host = behind_last(who.user, '%');
        listener.user_at_host && host && knows_host(listener, *host)) {
        who.host = *host;
        who.user.remove_suffix(host->size() + 1);
    }
    // RFC 7151 3.2.2: HOST before AUTH, or the host in the user's name, must not contradict SNI.
    if (!who.server_name.empty() && !who.host.empty() &&
        !base::is_same_but_for_case(who.server_name, who.host))
        return refused(ftp::make_reply(530, "The host differs from that of the TLS handshake."));
    const auto to = [&](const std::string& pool, const config::Route* by) {
        return Routing{.pool = pool,
                       .user = std::string(who.user),
                       .host = std::string(who.host),
                       .refusal = {},
                       .by = by};
    };
    // A client that asks for a pool gets that pool or none.
    const auto may_have = [&](std::string_view pool) {
        return wanted_pool.empty() || pool == wanted_pool;
    };
    for (const auto& route : listener.routes) {
        if (!matches(route.match, who)) continue;
        if (!route.reject.empty()) return refused(reply_of(route.reject), &route);
        if (may_have(route.pool)) return to(route.pool, &route);
    }
    if (!listener.pool.empty() && may_have(listener.pool)) return to(listener.pool, nullptr);
    return refused(ftp::make_reply(530, "This user cannot log in here."));
}

}  // namespace ballast::session
