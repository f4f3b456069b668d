// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_probe.h"

#include "base/number.h"
#include "config/limits.h"
#include "migrate/lvs_time.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <utility>

namespace ballast::migrate {

namespace {

using namespace std::chrono_literals;
using config::Duration;

constexpr std::string_view better =
    "; \"banner\" would also test that the server greets, \"login\" that users can log in";

/// A value, and what said it; null: keepalived's default.
template <typename T>
struct Sourced {
    T value{};
    const Said* said = nullptr;

    [[nodiscard]] std::string why() const {
        return said == nullptr ? "keepalived's default" : origin(*said);
    }
};

/// What a check means as a probe.
struct Plan {
    std::string type;
    std::string script = {};
    Sourced<Duration> interval = {};
    Sourced<Duration> timeout = {};
    Sourced<Duration> retry_delay = {};
    Sourced<std::uint32_t> fall = {};
    const LvsCheck* check = nullptr;

    [[nodiscard]] bool is_like(const Plan& other) const {
        return type == other.type && script == other.script &&
               interval.value == other.interval.value && timeout.value == other.timeout.value &&
               retry_delay.value == other.retry_delay.value && fall.value == other.fall.value;
    }
};

/// keepalived's defaults, which depend on the check.
struct Defaults {
    std::uint32_t retry = 1;
    Duration retry_delay = 1s;
};
Defaults defaults_of(const LvsCheck* check, Duration interval) {
    if (check == nullptr) return {};
    if (check->kind == "DNS_CHECK") return {.retry = 3, .retry_delay = interval};
    if (check->kind == "MISC_CHECK") return {.retry = 0};
    if (check->kind.ends_with("_GET")) return {.retry_delay = 3s};
    return {};
}

class Planner {
public:
    Planner(const LvsService& service, std::uint16_t port, Teller& teller)
        : service_(service), port_(port), teller_(teller) {}

    /// The plan for one server; empty if it has no check.
    std::optional<Plan> plan(const LvsServer& server) {
        const auto* const check = main_check(server);
        if (check == nullptr) return std::nullopt;
        Plan plan{.type = "banner", .check = check};
        choose_type(plan, server, *check);
        timers(plan, &server, check);
        return plan;
    }

    /// A directive of the check, of its server or of the virtual server.
    const Said* find(std::string_view word, const LvsServer* server, const LvsCheck* check) const {
        const Said* said = check == nullptr ? nullptr : check->options.find(word);
        if (said == nullptr && server != nullptr) said = server->options.find(word);
        return said != nullptr ? said : service_.options.find(word);
    }

    void timers(Plan& plan, const LvsServer* server, const LvsCheck* check) const {
        plan.interval = time("delay_loop", 60s, server, check);
        plan.timeout = time("connect_timeout", 5s, server, check);
        if (plan.type == "script") {
            const auto* const said = check->options.find("misc_timeout");
            plan.timeout = {plan.interval.value, plan.interval.said};
            if (said != nullptr)
                plan.timeout = {seconds_in(said->value).value_or(plan.interval.value), said};
        }
        const bool is_other =
            plan.type == "banner" && check != nullptr && check->kind == "MISC_CHECK";
        const auto defaults = defaults_of(is_other ? nullptr : check, plan.interval.value);
        plan.retry_delay = time("delay_before_retry", defaults.retry_delay, server, check);
        const auto* const retry = find("retry", server, check);
        const auto count =
            retry == nullptr ? std::nullopt : base::parse_number<std::uint32_t>(retry->value);
        constexpr std::uint32_t fall_max = 100;
        plan.fall = {std::min(count.value_or(defaults.retry), fall_max - 1) + 1,
                     count ? retry : nullptr};
    }

    /// Tells that the checks of a server do not count, because of the first server's.
    void tell_other(const LvsServer& server, const Plan& plan, const Plan& counts) {
        for (const auto& check : server.checks) {
            const bool is_same = &check == plan.check && plan.is_like(counts);
            if (is_same) {
                teller_.tell(check.said, Outcome::mapped, "the same probe as the first server's");
                told_as_mapped(check);
            } else {
                teller_.tell(check.said, Outcome::approximated,
                             fmt::format("a pool has one probe for all servers, and that of {} "
                                         "counts; a pool of its own could have another one",
                                         to_string(counts.check->said.place)));
                not_counted(check);
            }
        }
    }

    void tell_first(const LvsServer& server, const Plan& plan) {
        for (const auto& check : server.checks) {
            if (&check == plan.check) {
                tell_main(check, plan);
                told_as_mapped(check);
                continue;
            }
            teller_.tell(
                check.said, Outcome::approximated,
                fmt::format("a backend has one probe, and {} counts", plan.check->said.text));
            not_counted(check);
        }
    }

private:
    Sourced<Duration> time(std::string_view word, Duration otherwise, const LvsServer* server,
                           const LvsCheck* check) const {
        const auto* const said = find(word, server, check);
        const auto value = said == nullptr ? std::nullopt : seconds_in(said->value);
        return {value.value_or(otherwise), value ? said : nullptr};
    }

    /// The one that says most about FTP.
    static const LvsCheck* main_check(const LvsServer& server) {
        for (const std::string_view kind : {"MISC_CHECK", "TCP_CHECK"}) {
            const auto found = std::ranges::find(server.checks, kind, &LvsCheck::kind);
            if (found != server.checks.end()) return &*found;
        }
        return server.checks.empty() ? nullptr : &server.checks.front();
    }

    /// Ballast gives a script the address and the port, so nothing else may be needed.
    void choose_type(Plan& plan, const LvsServer& server, const LvsCheck& check) const {
        if (check.kind == "TCP_CHECK") plan.type = "tcp";
        const auto* const path = check.options.find("misc_path");
        if (check.kind != "MISC_CHECK" || path == nullptr ||
            check.options.find("misc_dynamic") != nullptr)
            return;
        const auto blank = path->value.find(' ');
        const auto program = path->value.substr(0, blank);
        const auto arguments =
            blank == std::string::npos ? std::string() : path->value.substr(blank + 1);
        // A path that Ballast would refuse, or write otherwise than it is.
        if (!program.starts_with('/') || shown(program, config::path_bytes_max) != program) return;
        const auto ip = base::to_string(server.ip);
        if (arguments.empty() || arguments == ip ||
            arguments == fmt::format("{} {}", ip, port_of(server))) {
            plan.type = "script";
            plan.script = program;
        }
    }

    [[nodiscard]] std::uint16_t port_of(const LvsServer& server) const {
        return server.port == 0 ? port_ : server.port;
    }

    void tell_main(const LvsCheck& check, const Plan& plan) {
        if (plan.type == "tcp")
            return teller_.tell(check.said, Outcome::mapped,
                                fmt::format("probe type = \"tcp\"{}", better));
        if (plan.type == "script")
            return teller_.tell(check.said, Outcome::mapped,
                                "probe type = \"script\": the script runs as Ballast's user, with "
                                "the server's address and port as its arguments");
        teller_.tell(check.said, Outcome::approximated,
                     "probe type = \"banner\": the server must greet as an FTP server; \"login\" "
                     "would test more");
    }

    /// The details of a check that became the probe.
    void told_as_mapped(const LvsCheck& check) {
        for (const std::string_view word : {"connect_port", "connect_ip"})
            if (const auto* const said = check.options.find(word)) tell_target(check, word, *said);
        if (const auto* const path = check.options.find("misc_path")) tell_path(check, *path);
        if (const auto* const said = check.options.find("misc_timeout"))
            teller_.tell(*said, Outcome::mapped, "timeout of a probe with the script");
        if (const auto* const said = check.options.find("misc_dynamic"))
            teller_.tell(*said, Outcome::unsupported,
                         "a probe passes or fails, and changes no weight: the script is not used "
                         "(`ballast weight` changes weights)");
        tell_timers(check.options, Outcome::mapped, "the probe's");
        teller_.tell_rest(check.options, check.kind);
    }

    void tell_target(const LvsCheck& check, std::string_view word, const Said& said) {
        const auto* const server = owner_of(check);
        const bool is_own = word == "connect_port" ? said.value == fmt::to_string(port_of(*server))
                                                   : said.value == base::to_string(server->ip);
        if (is_own)
            teller_.tell(said, Outcome::mapped, "the probe goes to the server's own address");
        else
            teller_.tell(said, Outcome::approximated,
                         "the probe goes to the FTP server itself, not to another place");
    }

    [[nodiscard]] const LvsServer* owner_of(const LvsCheck& check) const {
        const auto has = [&](const LvsServer& server) {
            return std::ranges::any_of(server.checks,
                                       [&](const auto& each) { return &each == &check; });
        };
        return &*std::ranges::find_if(service_.servers, has);
    }

    void tell_path(const LvsCheck& check, const Said& path) {
        Plan plan;
        choose_type(plan, *owner_of(check), check);
        if (plan.type == "script")
            teller_.tell(path, Outcome::mapped, "script of the probe");
        else if (check.options.find("misc_dynamic") != nullptr)
            teller_.tell(path, Outcome::unsupported, "see misc_dynamic");
        else
            teller_.tell(path, Outcome::unsupported,
                         "a probe's script gets the server's address and port and no other "
                         "arguments: write a script that needs no others, and set type and script "
                         "of the probe");
    }

    void tell_timers(const Options& options, Outcome outcome, std::string_view of) {
        for (const auto& [word, key] : timer_words)
            if (const auto* const said = options.find(word)) {
                if (seconds_in(said->value))
                    teller_.tell(*said, outcome, fmt::format("{} {}", of, key));
                else
                    teller_.tell(*said, Outcome::unsupported,
                                 "this is not a number, and keepalived's default counts");
            }
        if (const auto* const said = options.find("alpha")) tell_alpha(*said);
    }

public:
    void tell_alpha(const Said& said) {
        teller_.tell(said, Outcome::approximated,
                     "the very first probe, which is sent at once, decides alone whether a server "
                     "is up");
    }
    /// Timers of a virtual server or a server.
    void tell_timers_of(const Options& options) { tell_timers(options, Outcome::mapped, "probe:"); }

private:
    void not_counted(const LvsCheck& check) {
        for (const auto& [word, said] : check.options.all())
            teller_.tell(said, Outcome::approximated, "it does not count, like its check");
    }

    static constexpr std::pair<std::string_view, std::string_view> timer_words[] = {
        {"delay_loop", "interval"},
        {"connect_timeout", "timeout, and the pool's connect_timeout"},
        {"retry", "fall, which counts the first failure too"},
        {"delay_before_retry", "fast_interval"},
    };

    const LvsService& service_;
    const std::uint16_t port_;
    Teller& teller_;
};

void write(const Plan& plan, DraftPool& pool, std::string_view why) {
    auto& probe = pool.probe;
    probe.set("type", Value::text(plan.type), std::string(why));
    if (plan.type == "script") probe.set("script", Value::text(plan.script));
    probe.set("interval", Value::time(plan.interval.value), plan.interval.why());
    const auto fast = std::min(plan.retry_delay.value, plan.interval.value);
    if (fast != plan.interval.value)
        probe.set("fast_interval", Value::time(fast), plan.retry_delay.why());
    probe.set("timeout", Value::time(plan.timeout.value), plan.timeout.why());
    probe.set("rise", Value::number(1), "one success is enough for keepalived");
    probe.set("fall", Value::number(plan.fall.value), plan.fall.why());
}

/// The timeout of a check is also how long a connection may take.
void write_connect_timeout(const Plan& plan, DraftPool& pool) {
    if (plan.timeout.said == nullptr || plan.type == "script") return;
    pool.settings.set("connect_timeout", Value::time(plan.timeout.value), plan.timeout.why());
}

}  // namespace

void draft_probe(const LvsService& service, std::uint16_t port, DraftPool& pool, Teller& teller) {
    Planner planner(service, port, teller);
    std::optional<Plan> first;
    for (const auto& server : service.servers) {
        auto plan = planner.plan(server);
        if (plan && first) planner.tell_other(server, *plan, *first);
        if (plan && !first) {
            planner.tell_first(server, *plan);
            first = std::move(plan);
        }
        planner.tell_timers_of(server.options);
    }
    planner.tell_timers_of(service.options);
    if (first) {
        write(*first, pool, origin(first->check->said));
        return write_connect_timeout(*first, pool);
    }
    Plan plan{.type = "banner"};
    planner.timers(plan, nullptr, nullptr);
    if (!service.has_checks) {
        pool.probe.set("type", Value::text("banner"), "IPVS alone does not check its servers");
        return;
    }
    write(plan, pool, "keepalived does not check these servers; \"none\" turns probes off");
}

}  // namespace ballast::migrate
