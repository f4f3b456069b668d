// SPDX-License-Identifier: Apache-2.0
#include "cli/health.h"

#include "cli/printable.h"
#include "cli/running_daemon.h"
#include "cli/watch.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <fmt/format.h>
#include <string>

namespace ballast::cli {

namespace {

/// keepalived's checks often run once a second or two.
constexpr auto usual_patience = std::chrono::seconds(2);

struct Finding {
    Outcome<void> outcome;        ///< whether it can serve
    std::string body;             ///< of the reply; empty: there was none
    std::uint64_t remaining = 0;  ///< sessions that a drained one still has
};

/// The sessions that a drained daemon lets go on. 0 if it is not drained, or does not say.
std::uint64_t sessions_to_wait_for(const RunningDaemon& daemon,
                                   std::chrono::milliseconds patience) {
    const auto reply = daemon.ask_plainly({"GET", "/v1/state", "", patience});
    if (!reply || reply->status != 200) return 0;
    boost::system::error_code error;
    const auto value = boost::json::parse(reply->body, error);
    if (error) return 0;
    const auto& balancer = as_object(value);
    return text_at(balancer, "state").starts_with("drain") ? number_at(balancer, "sessions") : 0;
}

Finding look_at(const RunningDaemon& daemon, const CommandLine& wanted) {
    const auto patience = wanted.patience.value_or(usual_patience);
    const auto reply = daemon.ask_plainly({"GET", "/readyz", "", patience});
    if (!reply) return {std::unexpected(reply.error()), {}};
    if (reply->status == 200) return {{}, reply->body};
    if (wanted.until_empty)
        if (const auto sessions = sessions_to_wait_for(daemon, patience); sessions != 0)
            return {{}, reply->body, sessions};
    boost::system::error_code error;
    const auto value = boost::json::parse(reply->body, error);
    const auto why = error ? std::string() : text_at(as_object(value), "detail");
    return {std::unexpected(
                Failure{why.empty() ? fmt::format("not ready (status {})", reply->status) : why}),
            reply->body};
}

/// A line for standard output.
std::string line_of(const Finding& finding, const CommandLine& wanted) {
    if (!wanted.json) {
        if (!finding.outcome)
            return fmt::format("not ready: {}\n", printable(finding.outcome.error().what));
        if (finding.remaining == 0) return "ready\n";
        return fmt::format("drained, with sessions left: {}\n", finding.remaining);
    }
    if (!finding.body.empty()) return printable_json(finding.body) + '\n';
    return printable_json(json::serialize(json::object{{"detail", finding.outcome.error().what}})) +
           '\n';
}

}  // namespace

Status health(const CommandLine& wanted) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return status_of(std::unexpected(daemon.error()));
    // A daemon that does not reply is what somebody watches for.
    if (wanted.watch)
        return status_of(show(wanted, [&](const Screen&) -> Outcome<std::string> {
            return line_of(look_at(*daemon, wanted), wanted);
        }));
    const auto finding = look_at(*daemon, wanted);
    const bool is_replied = !finding.body.empty();
    if (finding.outcome || (wanted.json && is_replied)) {
        fmt::print("{}", line_of(finding, wanted));
        return finding.outcome ? Status::good : Status::failed;
    }
    return status_of(finding.outcome);
}

}  // namespace ballast::cli
