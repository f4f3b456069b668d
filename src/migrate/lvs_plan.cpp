// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_plan.h"

#include "base/number.h"
#include "config/limits.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace ballast::migrate {

namespace {

using namespace std::chrono_literals;
using config::Duration;

/// keepalived's defaults, which depend on the check.
struct Defaults {
    std::uint32_t retry = 1;
    Duration retry_delay = 1s;
};
Defaults defaults_of(const Plan& plan) {
    if (plan.type == "script") return {.retry = 0};
    if (plan.check == nullptr) return {};
    if (plan.check->kind == "DNS_CHECK") return {.retry = 3, .retry_delay = plan.interval.value};
    if (plan.check->kind.ends_with("_GET")) return {.retry_delay = 3s};
    return {};
}

/// The blocks around a timer. A check's directive comes before its server's, and that before the
/// virtual server's.
class Scope {
public:
    Scope(const LvsService& service, const LvsServer* server, const LvsCheck* check)
        : service_(service), server_(server), check_(check) {}

    [[nodiscard]] Sourced<Duration> time(std::string_view word, Duration otherwise) const {
        const auto* const said = find(word);
        const auto value = said == nullptr ? std::nullopt : seconds_in(said->value);
        return {value.value_or(otherwise), value ? said : nullptr};
    }

    /// Attempts after the first failure. Only a check may have none.
    [[nodiscard]] Sourced<std::uint32_t> retry(std::uint32_t otherwise) const {
        const auto* const said = find("retry");
        const auto value =
            said == nullptr ? std::nullopt : base::parse_number<std::uint32_t>(said->value);
        if (!value) return {otherwise, nullptr};
        const bool is_of_check = check_ != nullptr && said == check_->options.find("retry");
        return {std::max(*value, is_of_check ? 0U : 1U), said};
    }

private:
    [[nodiscard]] const Said* find(std::string_view word) const {
        const Said* said = check_ == nullptr ? nullptr : check_->options.find(word);
        if (said == nullptr && server_ != nullptr) said = server_->options.find(word);
        return said != nullptr ? said : service_.options.find(word);
    }

    const LvsService& service_;
    const LvsServer* server_;
    const LvsCheck* check_;
};

void set_timers(Plan& plan, const Scope& scope) {
    constexpr Duration usual_interval = 60s;
    constexpr Duration usual_timeout = 5s;
    constexpr std::uint32_t fall_max = 100;
    plan.interval = scope.time("delay_loop", usual_interval);
    plan.timeout = scope.time("connect_timeout", usual_timeout);
    const auto defaults = defaults_of(plan);
    plan.retry_delay = scope.time("delay_before_retry", defaults.retry_delay);
    const auto retry = scope.retry(defaults.retry);
    plan.fall = {std::min(retry.value, fall_max - 1) + 1, retry.said};
}

const LvsCheck* main_check(const LvsServer& server) {
    for (const std::string_view kind : {"MISC_CHECK", "TCP_CHECK"}) {
        const auto found = std::ranges::find(server.checks, kind, &LvsCheck::kind);
        if (found != server.checks.end()) return &*found;
    }
    return server.checks.empty() ? nullptr : &server.checks.front();
}

}  // namespace

bool Plan::is_like(const Plan& other) const {
    return type == other.type && script == other.script && interval.value == other.interval.value &&
           timeout.value == other.timeout.value && retry_delay.value == other.retry_delay.value &&
           fall.value == other.fall.value;
}

Plan plan_of(const LvsService& service, const LvsServer& server, std::uint16_t port) {
    Plan plan{.check = main_check(server)};
    if (plan.check == nullptr) return plan_without_check(service);
    const auto& check = *plan.check;
    if (check.kind == "TCP_CHECK") plan.type = "tcp";
    if (const auto script = script_of(check, server, port)) {
        plan.type = "script";
        plan.script = *script;
    }
    set_timers(plan, {service, &server, &check});
    if (plan.type == "script") {
        const Scope scope(service, nullptr, nullptr);
        plan.timeout = scope.time("delay_loop", plan.interval.value);
        const auto* const said = check.options.find("misc_timeout");
        const auto value = said == nullptr ? std::nullopt : seconds_in(said->value);
        if (value) plan.timeout = {*value, said};
    }
    return plan;
}

Plan plan_without_check(const LvsService& service) {
    Plan plan;
    set_timers(plan, {service, nullptr, nullptr});
    return plan;
}

std::optional<std::string> script_of(const LvsCheck& check, const LvsServer& server,
                                     std::uint16_t port) {
    const auto* const path = check.options.find("misc_path");
    if (path == nullptr || check.options.find("misc_dynamic") != nullptr) return std::nullopt;
    const auto blank = path->value.find(' ');
    const auto program = path->value.substr(0, blank);
    // A path that Ballast would refuse, or write otherwise than it is.
    if (!program.starts_with('/') || shown(program, config::path_bytes_max) != program)
        return std::nullopt;
    const auto arguments =
        blank == std::string::npos ? std::string() : path->value.substr(blank + 1);
    const auto ip = base::to_string(server.ip);
    const bool is_enough =
        arguments.empty() || arguments == ip || arguments == fmt::format("{} {}", ip, port);
    return is_enough ? std::optional(program) : std::nullopt;
}

}  // namespace ballast::migrate
