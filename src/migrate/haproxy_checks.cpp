// SPDX-License-Identifier: Apache-2.0
#include "base/ascii.h"
#include "migrate/contains.h"
#include "migrate/haproxy_translation.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;
using namespace std::chrono_literals;

/// Checks of other protocols, of which only the connection can be meant.
constexpr auto other_checks =
    std::to_array<string_view>({"smtpchk", "ssl-hello-chk", "mysql-check", "pgsql-check",
                                "redis-check", "ldap-check", "spop-check", "httpchk"});

struct Pace {
    string_view parameter;
    string_view key;
};
constexpr auto paces = std::to_array<Pace>({
    {"inter", "interval"},
    {"fastinter", "fast_interval"},
    {"downinter", "down_interval"},
});

class Checks {
public:
    Checks(Translation& it, const Proxy& proxy, std::uint16_t bind_port, DraftPool& pool)
        : it_(it), proxy_(proxy), bind_port_(bind_port), pool_(pool) {}

    void run() {
        find_model();
        pool_.probe.set("type", Value::text("banner"), kind_of_check());
        if (model_ == nullptr) {
            it_.notes.add(proxy_.line, "(no check)", Outcome::approximated,
                          "Ballast reads the greeting of every backend now and then (probe), so it "
                          "notices a dead one");
        } else {
            pace();
            timeout();
            each_server();
        }
        jitter();
        header();
        observe();
        script();
        others();
    }

private:
    /// The pool has one probe, so the first server with a check decides.
    void find_model() {
        for (const auto& server : proxy_.servers)
            if (server.parameters.has("check")) {
                model_ = &server;
                return;
            }
    }

    [[nodiscard]] string kind_of_check() const {
        return "reads the greeting; better still is type = \"login\" with an account of its own";
    }

    void pace() {
        constexpr auto usual = config::Duration(2s);
        interval_ = usual;
        for (const auto& [parameter, key] : paces) {
            const auto* const given = model_->parameters.find(parameter);
            if (given == nullptr) continue;
            const auto time = it_.time(*given);
            if (!time) continue;
            it_.set(pool_.probe, key, Value::time(*time), *given, fmt::format("probe.{}", key));
            if (key == "interval") interval_ = *time;
        }
        if (pool_.probe.find("interval") == nullptr)
            pool_.probe.set("interval", Value::time(usual), "HAProxy's default");
        constexpr std::uint64_t count_max = 100;
        for (const string_view key : {"rise", "fall"}) {
            const auto* const given = model_->parameters.find(key);
            const auto number = given == nullptr ? std::nullopt : it_.number(*given, count_max);
            if (given != nullptr && number)
                it_.set(pool_.probe, key, Value::number(std::max<std::uint64_t>(*number, 1)),
                        *given, fmt::format("probe.{}", key));
        }
    }

    /// Without `timeout check` a whole check must end within its interval.
    void timeout() {
        const auto* const line = proxy_.last({"timeout", "check"});
        if (line == nullptr) {
            pool_.probe.set("timeout", Value::time(interval_),
                            "without `timeout check` the interval");
            return;
        }
        const auto reading = it_.time(*line, 2);
        if (!reading) return;
        auto connecting = interval_;
        if (const auto* const connect = proxy_.last({"timeout", "connect"}))
            if (const auto time = it_.time(*connect, 2)) connecting = std::min(connecting, *time);
        it_.set(pool_.probe, "timeout",
                Value::time(std::min(connecting + *reading, config::Duration(24h))), *line,
                "probe.timeout, with the time to connect added");
    }

    void each_server() {
        for (const auto& server : proxy_.servers) {
            const auto& parameters = server.parameters;
            if (const auto* const given = parameters.find("check"))
                it_.notes.add(*given, Outcome::approximated,
                              "probe.type = \"banner\": it also reads the greeting");
            else
                it_.notes.add(server.line, fmt::format("(no check of {})", server.name),
                              Outcome::approximated, "all backends of a pool are probed");
            differences(server);
            target(server);
            if (const auto* const given = parameters.find("init-state"))
                it_.notes.add(*given, Outcome::approximated,
                              "a backend serves from its first good probe on, or at once if none "
                              "has been answered yet");
            if (const auto* const given = parameters.find("check-ssl"))
                it_.notes.add(*given,
                              parameters.has("ssl") ? Outcome::mapped : Outcome::approximated,
                              "probes use TLS where sessions do");
        }
    }

    /// What another server has that differs from the first one.
    void differences(const Server& server) {
        for (const string_view name : {"inter", "fastinter", "downinter", "rise", "fall"}) {
            const auto* const given = server.parameters.find(name);
            if (given == nullptr) continue;
            const auto* const first = model_->parameters.find(name);
            const bool is_same = first != nullptr && first->value() == given->value();
            it_.notes.add(*given, is_same ? Outcome::mapped : Outcome::approximated,
                          "the pool has one probe, and the first server decided");
        }
    }

    void target(const Server& server) {
        if (const auto* const given = server.parameters.find("port")) {
            const auto port = server.port_for(bind_port_);
            const bool is_same = port && given->value() == fmt::to_string(*port);
            it_.notes.add(*given, is_same ? Outcome::mapped : Outcome::approximated,
                          "a probe goes to the port of the backend");
        }
        if (const auto* const given = server.parameters.find("addr"))
            it_.notes.add(*given,
                          given->value() == server.host ? Outcome::mapped : Outcome::approximated,
                          "a probe goes to the address of the backend");
        if (const auto* const given = server.parameters.find("track"))
            it_.notes.add(*given, Outcome::approximated,
                          "the backend is probed itself; pools that would ask the same share one "
                          "probe");
    }

    void jitter() {
        constexpr std::uint64_t most = 50;
        if (const auto* const line = it_.global({"spread-checks"}))
            if (const auto number = it_.number(*line, 1, most))
                it_.set(pool_.probe, "jitter_percent", Value::number(*number), *line,
                        "probe.jitter_percent of each pool");
    }

    /// A check begins like a session, unless it goes somewhere else.
    void header() {
        const auto* const sends = pool_.settings.find("send_proxy");
        if (model_ == nullptr) {
            if (sends != nullptr) pool_.probe.set("proxy", sends->value, "as sessions do");
            return;
        }
        const auto* const asked = model_->parameters.find("check-send-proxy");
        const bool is_elsewhere = model_->parameters.has("port") || model_->parameters.has("addr");
        if (asked != nullptr)
            it_.set(pool_.probe, "proxy", sends != nullptr ? sends->value : Value::text("v1"),
                    *asked, "probe.proxy");
        else if (sends != nullptr && !is_elsewhere)
            pool_.probe.set("proxy", sends->value, "as sessions do");
    }

    /// Passive checks.
    void observe() {
        for (const auto& server : proxy_.servers) {
            const auto* const given = server.parameters.find("observe");
            const auto* const limit = server.parameters.find("error-limit");
            if (given != nullptr) {
                constexpr std::uint64_t usual = 10;
                constexpr std::uint64_t most = 1000;
                const auto number =
                    limit == nullptr ? std::optional(usual) : it_.number(*limit, most);
                it_.set(pool_.observe, "failures", Value::number(number.value_or(usual)), *given,
                        "observe.failures: failed connects and bad greetings of live sessions");
            }
            if (limit != nullptr)
                it_.notes.add(*limit, given == nullptr ? Outcome::not_needed : Outcome::mapped,
                              given == nullptr ? "nothing is observed" : "observe.failures");
            if (const auto* const action = server.parameters.find("on-error"))
                it_.notes.add(
                    *action,
                    action->value() == "mark-down" ? Outcome::mapped : Outcome::approximated,
                    "the backend is ejected for observe.ejection_time");
            if (const auto* const action = server.parameters.find("on-marked-down"))
                it_.notes.add(*action, Outcome::approximated,
                              "a session ends when its connection does; with `failover` it goes on "
                              "at another backend");
            if (const auto* const action = server.parameters.find("on-marked-up"))
                it_.notes.add(*action, Outcome::approximated,
                              "`rebalance`, which needs `failover`, moves sessions back");
        }
    }

    /// `tcp-check` lines: what they say to an FTP server, a better probe can say as well.
    void script() {
        if (const auto* const line = proxy_.option("tcp-check"))
            it_.notes.add(*line, Outcome::mapped, "probe.type = \"banner\"");
        for (const auto& [line, is_inherited] : proxy_.directives) {
            if (line->words.front() != "tcp-check") continue;
            const auto& step = line->word(1);
            const auto said = base::upper(line->word(2));
            const bool is_login = step.starts_with("send") &&
                                  (said.starts_with("USER ") || said.starts_with("PASS "));
            if (is_login)
                it_.notes.add(
                    line->number,
                    is_login && said.starts_with("PASS ") ? "tcp-check send PASS" : text_of(*line),
                    Outcome::approximated,
                    "probe.type = \"login\" logs in with `user` and `password_file`: write "
                    "the password into a file of its own");
            else if (step == "expect")
                it_.notes.add(
                    *line, text_of(*line).contains("220") ? Outcome::mapped : Outcome::approximated,
                    "probe.type = \"banner\" expects a greeting of 220");
            else if (step == "connect" && contains(line->words, "ssl"))
                it_.notes.add(*line, Outcome::approximated, "probes use TLS where sessions do");
            else
                it_.notes.add(*line,
                              step == "connect" || step == "comment" ? Outcome::not_needed
                                                                     : Outcome::approximated,
                              "the probe knows what to say to an FTP server");
        }
    }

    void others() {
        if (const auto* const line = proxy_.option("external-check"))
            it_.notes.add(
                *line, Outcome::approximated,
                "probe.type = \"banner\"; type = \"script\" runs a program of yours, with "
                "the backend's address and port as its two arguments");
        for (const auto& [line, is_inherited] : proxy_.directives)
            if (line->words.front() == "external-check")
                it_.notes.add(
                    *line, Outcome::approximated,
                    "HAProxy's program takes four arguments, so it was not taken over: see "
                    "`script` in `probe`");
        for (const auto name : other_checks)
            if (const auto* const line = proxy_.option(name))
                it_.notes.add(*line, Outcome::approximated,
                              "probe.type = \"banner\": the servers speak FTP");
    }

    Translation& it_;
    const Proxy& proxy_;
    std::uint16_t bind_port_;
    DraftPool& pool_;
    const Server* model_ = nullptr;
    config::Duration interval_{};
};

}  // namespace

void translate_checks(Translation& it, const Proxy& proxy, std::uint16_t bind_port,
                      DraftPool& pool) {
    Checks(it, proxy, bind_port, pool).run();
}

}  // namespace ballast::migrate::haproxy
