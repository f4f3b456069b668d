// SPDX-License-Identifier: Apache-2.0
#include "guard/ledger.h"

#include "base/subnet.h"
#include "ftp/telnet.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::guard {

namespace {

/// Who has one IPv6 address has a whole network of them, but for the addresses of a link, and of
/// IPv4 clients behind a translator (RFC 6052).
base::Ip client_of(const base::Ip& address) {
    static const auto of_one_each = {base::Subnet::parse("fe80::/10").value(),
                                     base::Subnet::parse("64:ff9b::/96").value()};
    constexpr int network_bits = 64;
    const bool is_one =
        address.is_v4() || std::ranges::any_of(of_one_each, [&](const auto& network) {
            return network.contains(address);
        });
    return is_one ? address : base::Subnet::around(address, network_bits).first();
}

std::string key_of(const Ledger::User& user) {
    // No name has a line end in it, which would end the command. A name may be as long as a
    // command.
    constexpr std::size_t name_bytes_max = 128;
    // Telnet commands within a name make no other user of it: some servers take them out.
    const auto name = ftp::without_telnet(user.name);
    return fmt::format("{}\n{}", user.pool, std::string_view(name).substr(0, name_bytes_max));
}

/// What an attacker with very many networks can fill; then failures are forgotten.
constexpr std::size_t failures_max = 200'000;

}  // namespace

std::string_view to_string(Limit limit) {
    switch (limit) {
        case Limit::sessions: return "too many sessions";
        case Limit::session_rate: return "too many new sessions at once";
        case Limit::memory: return "short of memory";
        case Limit::sessions_of_listener: return "too many sessions here";
        case Limit::sessions_of_address: return "too many sessions from your address";
        case Limit::session_rate_of_address:
            return "too many new sessions at once from your address";
        case Limit::banned_address: return "too many failed log-ins from your address";
        case Limit::sessions_of_user: return "too many sessions of this user";
        case Limit::banned_user: return "too many failed log-ins of this user";
        case Limit::transfers: return "too many transfers";
    }
    return "?";
}

Ledger::Ledger(const config::Limits& limits, std::uint32_t sessions_max, Time now)
    : limits_(limits),
      sessions_max_(sessions_max),
      arrivals_(std::max(1U, limits.session_rate), now) {}

Ledger::~Ledger() = default;

std::expected<Ledger::Held, Limit> Ledger::accept(Time now) {
    if (short_of_memory_) return std::unexpected(Limit::memory);
    if (limits_.session_rate != 0) {
        const std::lock_guard lock(mutex_);
        if (!arrivals_.take(now)) return std::unexpected(Limit::session_rate);
    }
    if (sessions_.fetch_add(1) >= sessions_max_) {
        --sessions_;
        return std::unexpected(Limit::sessions);
    }
    return Held([this] { --sessions_; });
}

std::expected<Ledger::Held, Limit> Ledger::enter(const config::Listener& listener,
                                                 const base::Ip& client, Time now) {
    const auto who = client_of(client);
    const std::lock_guard lock(mutex_);
    if (is_banned(failures_of_addresses_, base::to_string(who), now))
        return std::unexpected(Limit::banned_address);
    auto& of_listener = listeners_[&listener];
    if (listener.max_sessions != 0 && of_listener >= listener.max_sessions)
        return std::unexpected(Limit::sessions_of_listener);
    clients_.sweep([&](auto& each) { return each.sessions == 0 && each.arrivals.is_full(now); });
    const double rate = std::max(1U, limits_.session_rate_per_address);
    auto& of_client =
        clients_.entries.try_emplace(who, 0U, base::TokenBucket(rate, now)).first->second;
    if (limits_.sessions_per_address != 0 && of_client.sessions >= limits_.sessions_per_address)
        return std::unexpected(Limit::sessions_of_address);
    if (limits_.session_rate_per_address != 0 && !of_client.arrivals.take(now))
        return std::unexpected(Limit::session_rate_of_address);
    ++of_listener;
    ++of_client.sessions;
    return Held([this, where = &listener, who] {
        const std::lock_guard lock_again(mutex_);
        --listeners_[where];
        --clients_.entries.at(who).sessions;
    });
}

bool Ledger::is_banned(const FailuresOf& failures, const std::string& key, Time now) {
    const auto found = failures.entries.find(key);
    return found != failures.entries.end() && found->second.banned_until > now;
}

std::optional<Limit> Ledger::ban_of(const User& user, const base::Ip& client, Time now) {
    const auto who = base::to_string(client_of(client));
    const std::lock_guard lock(mutex_);
    if (is_banned(failures_of_addresses_, who, now)) return Limit::banned_address;
    if (is_banned(failures_of_users_, who + '\n' + key_of(user), now)) return Limit::banned_user;
    return std::nullopt;
}

bool Ledger::login_failed(const User& user, const base::Ip& client, Time now) {
    const auto who = base::to_string(client_of(client));
    const std::lock_guard lock(mutex_);
    const bool bans_address =
        fail(failures_of_addresses_, who, limits_.failed_logins_per_address, now);
    if (user.name.empty()) return bans_address;
    const bool bans_user =
        fail(failures_of_users_, who + '\n' + key_of(user), limits_.failed_logins_per_user, now);
    return bans_address || bans_user;
}

bool Ledger::fail(FailuresOf& failures, std::string key, std::uint32_t allowed, Time now) const {
    if (allowed == 0) return false;
    failures.sweep([&](const auto& each) {
        return each.banned_until <= now && now - each.first_at > limits_.failed_login_window;
    });
    // What is no ban goes first, then the older bans; so much that it is not looked through again
    // with the next failure.
    for (const auto kept_until : {now, now + limits_.ban_time / 2, Time::max()}) {
        if (failures.entries.size() < failures_max - failures_max / 4) break;
        if (kept_until == now && failures.entries.size() < failures_max) break;
        std::erase_if(failures.entries,
                      [&](const auto& entry) { return entry.second.banned_until <= kept_until; });
    }
    auto& entry = failures.entries[std::move(key)];
    if (entry.count == 0 || now - entry.first_at > limits_.failed_login_window)
        entry = {0, now, entry.banned_until};
    if (++entry.count < allowed) return false;
    entry = {0, {}, now + limits_.ban_time};
    return true;
}

std::expected<Ledger::Held, Limit> Ledger::logged_in(const User& user) {
    if (limits_.sessions_per_user == 0) return Held();
    const std::lock_guard lock(mutex_);
    auto& sessions = users_[key_of(user)];
    if (sessions >= limits_.sessions_per_user) return std::unexpected(Limit::sessions_of_user);
    ++sessions;
    return Held([this, key = key_of(user)] {
        const std::lock_guard lock_again(mutex_);
        const auto found = users_.find(key);
        if (--found->second == 0) users_.erase(found);
    });
}

std::expected<Ledger::Held, Limit> Ledger::begin_transfer() {
    if (transfers_.fetch_add(1) >= limits_.transfers && limits_.transfers != 0) {
        --transfers_;
        return std::unexpected(Limit::transfers);
    }
    return Held([this] { --transfers_; });
}

std::shared_ptr<Bandwidth> Ledger::bandwidth(const std::string& name,
                                             std::size_t bytes_per_second) {
    if (bytes_per_second == 0) return nullptr;
    const std::lock_guard lock(mutex_);
    bandwidths_.sweep([](const auto& each) { return each.expired(); });
    auto& entry = bandwidths_.entries[name];
    auto shared = entry.lock();
    if (shared)
        shared->set_rate(bytes_per_second);
    else
        entry = shared = std::make_shared<Bandwidth>(bytes_per_second);
    return shared;
}

}  // namespace ballast::guard
