// SPDX-License-Identifier: Apache-2.0
#include "guard/limit.h"

#include "guard/rules.h"

#include <array>
#include <cstddef>

namespace ballast::guard {

namespace {

using base::Blame;
using config::Limits;
using config::Listener;
using metrics::Counter;

constexpr std::string_view raise = "raise it, 0 is no limit";
constexpr std::string_view nat = "raise it if clients share an address, 0 is no limit";
constexpr std::string_view ban = "wait for ban_time, or raise it if no one guesses passwords";

/// The value of the setting, in [limits] or in the listener.
template <auto Pointer>
std::uint64_t said(const Rules& rules, const Listener& listener) {
    if constexpr (requires { listener.*Pointer; })
        return listener.*Pointer;
    else
        return (*rules.limits).*Pointer;
}

constexpr auto rows = std::to_array<LimitRow>({
    {Limit::sessions, Counter::limit_sessions, "too many sessions", "limits.sessions",
     "raise it, and the limit of open files with it (LimitNOFILE)", Blame::configuration,
     [](const Rules& rules, const Listener&) { return std::uint64_t{rules.sessions_max}; }},
    {Limit::session_rate, Counter::limit_session_rate, "too many new sessions at once",
     "limits.session_rate", raise, Blame::configuration, said<&Limits::session_rate>},
    {Limit::memory, Counter::limit_memory, "short of memory", "limits.memory",
     "give the machine more memory, or raise it", Blame::ballast,
     [](const Rules& rules, const Listener&) { return std::uint64_t{rules.memory_max}; }},
    {Limit::sessions_of_listener, Counter::limit_sessions, "too many sessions here",
     ".max_sessions", "raise it, 0 is no limit but limits.sessions", Blame::configuration,
     said<&Listener::max_sessions>},
    {Limit::sessions_of_address, Counter::limit_sessions_per_address,
     "too many sessions from your address", "limits.sessions_per_address", nat, Blame::client,
     [](const Rules& rules, const Listener& listener) {
         return std::uint64_t{rules.sessions_per_address(listener)};
     }},
    {Limit::session_rate_of_address, Counter::limit_session_rate_per_address,
     "too many new sessions at once from your address", "limits.session_rate_per_address", nat,
     Blame::client,
     [](const Rules& rules, const Listener&) {
         return std::uint64_t{rules.session_rate_per_address()};
     }},
    {Limit::banned_address, Counter::refused_by_ban, "too many failed logins from your address",
     "limits.failed_logins_per_address", ban, Blame::client,
     said<&Limits::failed_logins_per_address>},
    {Limit::sessions_of_user, Counter::limit_sessions_per_user, "too many sessions of this user",
     "limits.sessions_per_user", raise, Blame::client, said<&Limits::sessions_per_user>},
    {Limit::banned_user, Counter::refused_by_ban, "too many failed logins of this user",
     "limits.failed_logins_per_user", ban, Blame::client, said<&Limits::failed_logins_per_user>},
    {Limit::login_rate, Counter::limit_login_rate, "too many logins at once", "limits.login_rate",
     "raise it if the backends can take it, 0 is no limit", Blame::configuration,
     said<&Limits::login_rate>},
    {Limit::login_rate_of_address, Counter::limit_login_rate_per_address,
     "too many logins at once from your address", "limits.login_rate_per_address", nat,
     Blame::client, said<&Limits::login_rate_per_address>},
    {Limit::transfers, Counter::limit_transfers, "too many transfers", "limits.transfers", raise,
     Blame::configuration, said<&Limits::transfers>},
    {Limit::login_attempts, std::nullopt, "too many login attempts", ".login_attempts",
     "raise it if a client tries so often", Blame::client, said<&Listener::login_attempts>},
    {Limit::command_rate, Counter::commands_delayed, "too many commands at once", ".command_rate",
     raise, Blame::client, said<&Listener::command_rate>},
    {Limit::command_bytes, Counter::limit_command_bytes, "a command is too long",
     ".command_bytes_max", "raise it if the client's names are so long", Blame::client,
     said<&Listener::command_bytes_max>},
});
static_assert(
    [] {
        for (std::size_t i = 0; i < rows.size(); ++i)
            if (static_cast<std::size_t>(rows[i].limit) != i) return false;
        return true;
    }(),
    "each row stands where its limit's value says");

}  // namespace

std::span<const LimitRow> all_limits() { return rows; }

const LimitRow& row_of(Limit limit) { return rows[static_cast<std::size_t>(limit)]; }

}  // namespace ballast::guard
