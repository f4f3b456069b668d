// SPDX-License-Identifier: Apache-2.0
#include "cli/health.h"

#include "cli/printable.h"
#include "cli/running_daemon.h"

#include <boost/json/parse.hpp>
#include <chrono>
#include <fmt/format.h>

namespace ballast::cli {

namespace {

/// keepalived's checks often run once a second or two.
constexpr auto usual_patience = std::chrono::seconds(2);

}  // namespace

Status health(const CommandLine& wanted) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return status_of(std::unexpected(daemon.error()));
    const auto reply =
        daemon->ask_plainly({"GET", "/readyz", "", wanted.patience.value_or(usual_patience)});
    if (!reply) return status_of(std::unexpected(reply.error()));
    const bool is_ready = reply->status == 200;
    if (wanted.json) {
        fmt::print("{}\n", printable_json(reply->body));
        return is_ready ? Status::good : Status::failed;
    }
    if (is_ready) {
        fmt::print("ready\n");
        return Status::good;
    }
    boost::system::error_code error;
    const auto value = boost::json::parse(reply->body, error);
    const auto why = error ? std::string() : text_at(as_object(value), "detail");
    return status_of(std::unexpected(
        Failure{why.empty() ? fmt::format("not ready (status {})", reply->status) : why}));
}

}  // namespace ballast::cli
