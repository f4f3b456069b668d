// SPDX-License-Identifier: Apache-2.0
#include "cli/acts.h"

#include "admin/target.h"
#include "cli/printable.h"
#include "cli/running_daemon.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace ballast::cli {

namespace {

using std::string_view;

constexpr auto drain_poll_interval = std::chrono::milliseconds(500);

void print_each(string_view before, const json::array& texts) {
    for (const auto& each : texts)
        if (const auto* const text = each.if_string())
            fmt::print(stderr, "{}{}\n", before,
                       printable(string_view(text->data(), text->size())));
}

void print_json(const json::object& reply) {
    fmt::print("{}\n", printable_json(json::serialize(reply)));
}

/// Asks for a change, and prints the reply as JSON or with `say`.
Status carry_out(const CommandLine& wanted, const Question& question,
                 const std::function<void(const json::object&)>& say) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return status_of(std::unexpected(daemon.error()));
    const auto reply = daemon->ask(question);
    if (!reply) return status_of(std::unexpected(reply.error()));
    if (wanted.json)
        print_json(*reply);
    else
        say(*reply);
    return Status::good;
}

void say_upgraded(const json::object& report) {
    fmt::print("upgraded: process {} serves\n", number_at(report, "pid"));
}

void say_reloaded(const json::object& report) {
    if (flag_at(report, "upgraded")) return say_upgraded(report);
    print_each("warning: ", list_at(report, "warnings"));
    print_each("needs a restart: ", list_at(report, "needs_restart"));
    fmt::print("reloaded\n");
}

/// "/v1/backends/files/f1/" for "files/f1".
std::string path_of_backend(string_view name) {
    const auto slash = name.find('/');
    return fmt::format("/v1/backends/{}/{}/", admin::percent_encoded(name.substr(0, slash)),
                       admin::percent_encoded(name.substr(slash + 1)));
}

/// Where the state of the backend, or of the balancer, is.
std::string path_of_state(const CommandLine& wanted) {
    return wanted.all ? "/v1/state" : path_of_backend(wanted.subject) + "state";
}

std::string name_of(const CommandLine& wanted) {
    return wanted.all ? "the balancer" : printable(wanted.subject);
}

Question wish_for(const CommandLine& wanted, string_view state) {
    return {"PUT", path_of_state(wanted), fmt::format(R"({{"state":"{}"}})", state)};
}

Status set_state(const CommandLine& wanted, string_view state) {
    return carry_out(wanted, wish_for(wanted, state), [&](const json::object&) {
        fmt::print("{} is {}\n", name_of(wanted), state);
    });
}

/// What is there now.
struct Standing {
    std::string state;
    std::string failover = {};  ///< of a backend's pool
    std::uint64_t sessions = 0;
};

Standing standing_of(const CommandLine& wanted, const json::object& reply) {
    if (wanted.all)
        return {.state = text_at(reply, "state"), .sessions = number_at(reply, "sessions")};
    Standing standing;
    for (const auto& each : list_at(reply, "backends")) {
        standing.failover = text_at(as_object(each), "failover");
        standing.state = text_at(as_object(each), "state");
        standing.sessions += number_at(as_object(each), "sessions");
    }
    return standing;
}

string_view draining_state(const CommandLine& wanted) {
    if (wanted.move) return "drain-move";
    return wanted.idle ? "drain-idle" : "drain";
}

/// A line about the sessions of a backend that drains; empty if there is nothing to say.
string_view what_moves(const CommandLine& wanted, string_view failover) {
    if (wanted.idle || wanted.all) return "";
    if (failover == "off")
        return wanted.move ? "sessions stay until they end, because failover of the pool is off\n"
                           : "";
    if (!wanted.move) return "idle sessions move to other backends\n";
    return failover == "session"
               ? "sessions move to other backends; transfers end here first, because failover of "
                 "the pool is \"session\"\n"
               : "sessions move to other backends, with their downloads\n";
}

/// Until the last session has left.
Outcome<json::object> wait_until_drained(const RunningDaemon& daemon, const CommandLine& wanted,
                                         json::object reply) {
    const auto draining = standing_of(wanted, reply).state;
    for (;;) {
        const auto now = standing_of(wanted, reply);
        if (now.state != draining)
            return std::unexpected(Failure{fmt::format(
                "{} is no longer draining: its state is now {}", name_of(wanted), now.state)});
        if (now.sessions == 0) return reply;
        // The API answers what is there now, and has no request that waits for a change.
        std::this_thread::sleep_for(drain_poll_interval);
        auto next = daemon.ask({"GET", path_of_state(wanted), ""});
        if (!next) return next;
        reply = std::move(*next);
    }
}

}  // namespace

Status reload(const CommandLine& wanted) {
    return carry_out(wanted, {"POST", "/v1/reload", wanted.upgrade ? R"({"upgrade":true})" : ""},
                     say_reloaded);
}

Status upgrade(const CommandLine& wanted) {
    return carry_out(wanted, {"POST", "/v1/upgrade", ""}, say_upgraded);
}

Status reopen(const CommandLine& wanted) {
    return carry_out(wanted, {"POST", "/v1/reopen", ""},
                     [](const json::object&) { fmt::print("the log files are open again\n"); });
}

Status disable(const CommandLine& wanted) { return set_state(wanted, "disabled"); }
Status make_ready(const CommandLine& wanted) { return set_state(wanted, "ready"); }

Status drain(const CommandLine& wanted) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return status_of(std::unexpected(daemon.error()));
    auto reply = daemon->ask(wish_for(wanted, draining_state(wanted)));
    if (!reply) return status_of(std::unexpected(reply.error()));
    if (!wanted.json) {
        const auto standing = standing_of(wanted, *reply);
        fmt::print("{} is draining, sessions left: {}\n", name_of(wanted), standing.sessions);
        if (standing.sessions > 0) fmt::print("{}", what_moves(wanted, standing.failover));
    }
    if (wanted.wait) {
        (void)std::fflush(stdout);  // say what it waits for
        reply = wait_until_drained(*daemon, wanted, std::move(*reply));
        if (!reply) return status_of(std::unexpected(reply.error()));
        if (!wanted.json) fmt::print("{} is drained\n", name_of(wanted));
    }
    if (wanted.json) print_json(*reply);
    return Status::good;
}

Status set_weight(const CommandLine& wanted) {
    const bool is_configured = wanted.value == configured_weight;
    const Question question{
        "PUT", path_of_backend(wanted.subject) + "weight",
        fmt::format(R"({{"weight":{}}})", is_configured ? "null" : wanted.value)};
    return carry_out(wanted, question, [&](const json::object& reply) {
        for (const auto& each : list_at(reply, "backends"))
            fmt::print("{} has the weight {}\n", printable(text_at(as_object(each), "address")),
                       number_at(as_object(each), "weight"));
    });
}

Status kill_session(const CommandLine& wanted) {
    const auto path = fmt::format("/v1/{}/{}", wanted.transfer ? "transfers" : "sessions",
                                  admin::percent_encoded(wanted.subject));
    return carry_out(wanted, {"DELETE", path, ""}, [&](const json::object& reply) {
        const auto node = text_at(reply, "node");
        fmt::print("{} {} is ended{}\n", wanted.transfer ? "the transfer of" : "session",
                   printable(wanted.subject), node.empty() ? "" : " at node " + printable(node));
    });
}

Status forget(const CommandLine& wanted) {
    const auto path =
        fmt::format("/v1/pools/{}/stickiness", admin::percent_encoded(wanted.subject));
    return carry_out(wanted, {"DELETE", target_with(path, wanted.filters), ""},
                     [&](const json::object& reply) {
                         const auto forgotten = number_at(reply, "forgotten");
                         fmt::print("{}: {} {} forgotten\n", printable(wanted.subject), forgotten,
                                    forgotten == 1 ? "client" : "clients");
                     });
}

Status unban(const CommandLine& wanted) {
    const auto path = "/v1/bans/" + admin::percent_encoded(wanted.subject);
    return carry_out(wanted, {"DELETE", target_with(path, wanted.filters), ""},
                     [&](const json::object& reply) {
                         const auto lifted = number_at(reply, "lifted");
                         fmt::print("{}: {} {} lifted\n", printable(wanted.subject), lifted,
                                    lifted == 1 ? "ban" : "bans");
                     });
}

}  // namespace ballast::cli
