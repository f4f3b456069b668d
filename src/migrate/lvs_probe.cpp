// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_probe.h"

#include "base/number.h"
#include "migrate/lvs_plan.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::migrate {

namespace {

bool is_on(std::string_view value) { return value == "on" || value == "true" || value == "yes"; }

constexpr std::pair<std::string_view, std::string_view> timer_words[] = {
    {"delay_loop", "interval of the probe"},
    {"connect_timeout", "timeout of the probe, and the pool's connect_timeout"},
    {"delay_before_retry", "fast_interval of the probe"},
};

class Drafter {
public:
    Drafter(const LvsService& service, std::uint16_t port, DraftPool& pool, Teller& teller)
        : service_(service), port_(port), pool_(pool), teller_(teller) {}

    void run() {
        for (const auto& server : service_.servers) one(server);
        tell_timers(service_.options);
        if (!service_.has_checks) {
            pool_.probe.set("type", Value::text("banner"), "IPVS alone does not check its servers");
            return;
        }
        if (counts_.check != nullptr) return write(counts_, origin(counts_.check->said));
        teller_.add(service_.said.place, "no check", Outcome::approximated, without_check);
        write(plan_without_check(service_),
              "keepalived does not check these servers; \"none\" turns probes off");
    }

private:
    static constexpr std::string_view no_number =
        "this is not a number that keepalived takes, and its default counts";
    static constexpr std::string_view without_check =
        "keepalived does not check the servers, but Ballast does: they must greet as FTP servers";

    [[nodiscard]] std::uint16_t port_of(const LvsServer& server) const {
        return server.port == 0 ? port_ : server.port;
    }

    /// The first server with a check decides for the pool.
    void one(const LvsServer& server) {
        const auto plan = plan_of(service_, server, port_of(server));
        tell_timers(server.options);
        if (plan.check == nullptr) return;
        const bool is_first = counts_.check == nullptr;
        if (is_first) counts_ = plan;
        const bool is_like = plan.is_like(counts_);
        for (const auto& check : server.checks) {
            if (&check != plan.check || !is_like) {
                tell_unused(check);
            } else {
                tell_kind(check, is_first);
                tell_details(check, server);
            }
        }
    }

    void tell_unused(const LvsCheck& check) {
        teller_.tell(check.said, Outcome::approximated,
                     fmt::format("a pool has one probe for all servers, and that of {} counts; a "
                                 "pool of its own could have another one",
                                 to_string(counts_.check->said.place)));
        for (const auto& [word, said] : check.options.all())
            teller_.tell(said, Outcome::approximated, "it does not count, like its check");
    }

    void tell_kind(const LvsCheck& check, bool is_first) {
        if (!is_first)
            teller_.tell(check.said, Outcome::mapped, "the same probe as the first server's");
        else if (counts_.type == "tcp")
            teller_.tell(check.said, Outcome::mapped,
                         "probe type = \"tcp\"; \"banner\" would also test that the server "
                         "greets, \"login\" that users can log in");
        else if (counts_.type == "script")
            teller_.tell(check.said, Outcome::mapped,
                         "probe type = \"script\": the script runs as Ballast's user, with the "
                         "server's address and port as its arguments");
        else
            teller_.tell(check.said, Outcome::approximated,
                         "probe type = \"banner\": the server must greet as an FTP server; "
                         "\"login\" would test more");
    }

    void tell_details(const LvsCheck& check, const LvsServer& server) {
        if (const auto* const said = check.options.find("connect_port"))
            tell_target(*said, said->value == fmt::to_string(port_of(server)));
        if (const auto* const said = check.options.find("connect_ip"))
            tell_target(*said, said->value == base::to_string(server.ip));
        if (const auto* const said = check.options.find("misc_path"))
            tell_path(*said, check, server);
        if (const auto* const said = check.options.find("misc_timeout"))
            tell_timeout(*said, check, server);
        if (const auto* const said = check.options.find("misc_dynamic"))
            teller_.tell(*said, Outcome::unsupported,
                         "a probe passes or fails, and changes no weight: the script is not used "
                         "(`ballast weight` changes weights)");
        tell_timers(check.options);
        teller_.tell_rest(check.options, check.kind);
    }

    void tell_target(const Said& said, bool is_own) {
        if (is_own)
            teller_.tell(said, Outcome::mapped, "the probe goes to the server's own address");
        else
            teller_.tell(said, Outcome::approximated,
                         "the probe goes to the FTP server itself, not to another place");
    }

    void tell_path(const Said& path, const LvsCheck& check, const LvsServer& server) {
        if (script_of(check, server, port_of(server)))
            teller_.tell(path, Outcome::mapped, "script of the probe");
        else if (check.options.find("misc_dynamic") != nullptr)
            teller_.tell(path, Outcome::unsupported, "see misc_dynamic");
        else
            teller_.tell(path, Outcome::unsupported,
                         "a probe's script gets the server's address and port and no other "
                         "arguments: write a script that needs no others, and set type and script "
                         "of the probe");
    }

    void tell_timeout(const Said& timeout, const LvsCheck& check, const LvsServer& server) {
        if (!script_of(check, server, port_of(server)))
            teller_.tell(timeout, Outcome::unsupported, "the script is not used");
        else
            tell_timer(timeout, "timeout of a probe with the script");
    }

    void tell_timer(const Said& said, std::string_view meaning) {
        const auto time = seconds_in(said.value, 2 * config::time_max);
        if (!time)
            teller_.tell(said, Outcome::unsupported, no_number);
        else if (*time > config::time_max)
            teller_.tell(said, Outcome::approximated,
                         fmt::format("{}: it has its maximum", meaning));
        else
            teller_.tell(said, Outcome::mapped, meaning);
    }

    /// Timers of a virtual server, a server or a check.
    void tell_timers(const Options& options) {
        for (const auto& [word, meaning] : timer_words) {
            const auto* const said = options.find(word);
            if (said != nullptr) tell_timer(*said, meaning);
        }
        if (const auto* const said = options.find("retry"); said != nullptr) tell_retry(*said);
        const auto* const said = options.find("alpha");
        if (said != nullptr && (said->value.empty() || is_on(said->value)))
            teller_.tell(*said, Outcome::approximated,
                         "the very first probe, which is sent at once, decides alone whether a "
                         "server is up");
    }

    void tell_retry(const Said& said) {
        const bool is_number = base::parse_number<std::uint32_t>(said.value).has_value();
        teller_.tell(
            said, is_number ? Outcome::mapped : Outcome::unsupported,
            is_number ? "fall of the probe, which counts the first failure too" : no_number);
    }

    void write(const Plan& plan, const std::string& why) {
        auto& probe = pool_.probe;
        probe.set("type", Value::text(plan.type), why);
        if (plan.type == "script") probe.set("script", Value::text(plan.script));
        probe.set("interval", Value::time(plan.interval.value), plan.interval.why());
        const auto fast = std::min(plan.retry_delay.value, plan.interval.value);
        if (fast != plan.interval.value)
            probe.set("fast_interval", Value::time(fast), plan.retry_delay.why());
        probe.set("timeout", Value::time(plan.timeout.value), plan.timeout.why());
        probe.set("rise", Value::number(1), "one success is enough for keepalived");
        probe.set("fall", Value::number(plan.fall.value), plan.fall.why());
        // The timeout of a check is also how long a connection may take.
        if (plan.timeout.said != nullptr && plan.type != "script")
            pool_.settings.set("connect_timeout", Value::time(plan.timeout.value),
                               plan.timeout.why());
    }

    const LvsService& service_;
    const std::uint16_t port_;
    DraftPool& pool_;
    Teller& teller_;
    Plan counts_;  ///< without a check until a server has one
};

}  // namespace

void draft_probe(const LvsService& service, std::uint16_t port, DraftPool& pool, Teller& teller) {
    Drafter(service, port, pool, teller).run();
}

}  // namespace ballast::migrate
