// SPDX-License-Identifier: Apache-2.0
#include "daemon/reload.h"

#include "base/log.h"
#include "daemon/examine.h"
#include "daemon/operator_gate.h"

#include <chrono>
#include <exception>
#include <fmt/format.h>
#include <systemd/sd-daemon.h>
#include <utility>

namespace ballast::daemon {

namespace {

config::Problem problem_of(std::string what, std::string fix) {
    return {.where = {}, .what = std::move(what), .fix = std::move(fix)};
}

Reload::Read read(const std::string& file, const Tls* former, std::stop_token stop) {
    auto examined =
        examine(file, {.asks_names = true, .running_file = file, .stop = std::move(stop)});
    if (!examined)
        return {{problem_of("cannot be read: " + base::to_string(examined.error()),
                            "name a file that this user may read")},
                {}};
    auto& [config, problems] = examined->reading;
    if (config::has_errors(problems)) return {std::move(problems), {}};
    Parts parts{std::make_shared<const config::Config>(std::move(*config)), nullptr, {}, {}};
    // They may have changed since they were tried.
    parts.tls = std::make_shared<Tls>(*parts.config, problems, former);
    parts.secrets = read_probe_secrets(*parts.config, problems);
    parts.gate = read_operator_gate(*parts.config, problems);
    if (config::has_errors(problems)) return {std::move(problems), {}};
    return {std::move(problems), std::move(parts)};
}

}  // namespace

void Reload::ask(admin::Actions::Reloaded done) {
    (is_running_ ? asked_again_ : asked_).push_back(std::move(done));
    if (!is_running_) begin();
}

void Reload::begin() {
    is_running_ = true;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", microseconds).c_str());
    const auto work = [this, former = tls_()](std::stop_token stop) {
        Read result;
        try {
            result = read(file_, former.get(), std::move(stop));
        } catch (const std::exception& problem) {  // no memory
            result.problems = {problem_of(problem.what(), "try again")};
        }
        control_.post([this, result = std::move(result)]() mutable { end(std::move(result)); });
    };
    try {
        thread_ = std::jthread(work);
    } catch (const std::exception& problem) {  // no thread
        control_.post([this, why = std::string(problem.what())] {
            end({{problem_of(why, "try again")}, {}});
        });
    }
}

void Reload::stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
}

/// The report if something fails that hardly ever does: no thread for watching names, no memory.
admin::ReloadReport Reload::apply(Read& read) const {
    try {
        return apply_(read);
    } catch (const std::exception& problem) {
        log::caught("a reload was not finished: reload again", problem);
        admin::ReloadReport report;
        report.problems.push_back(
            fmt::format("{}: not finished: {} (reload again)", file_, problem.what()));
        return report;
    }
}

void Reload::end(Read read) {
    const auto report = apply(read);
    ended_(report);
    sd_notify(0, "READY=1");
    for (auto& done : std::exchange(asked_, {})) done(report);
    is_running_ = false;
    asked_ = std::exchange(asked_again_, {});
    if (!asked_.empty()) begin();
}

}  // namespace ballast::daemon
