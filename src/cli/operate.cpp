// SPDX-License-Identifier: Apache-2.0
#include "cli/operate.h"

#include "admin/target.h"
#include "base/file.h"
#include "cli/client.h"
#include "config/load.h"

#include <boost/json/parse.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <expected>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace ballast::cli {

namespace {

namespace json = boost::json;
using std::string_view;
using Command = CommandLine::Command;

constexpr auto drain_poll_interval = std::chrono::milliseconds(500);

// Replies of the daemon. What is missing is empty.

string_view text_at(const json::object& object, string_view key) {
    const auto* const value = object.if_contains(key);
    const auto* const text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? string_view(text->data(), text->size()) : string_view();
}

std::uint64_t number_at(const json::object& object, string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_int64() ? static_cast<std::uint64_t>(value->get_int64())
                                                 : 0;
}

bool flag_at(const json::object& object, string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

json::array list_at(const json::object& object, string_view key) {
    const auto* const value = object.if_contains(key);
    const auto* const list = value != nullptr ? value->if_array() : nullptr;
    return list != nullptr ? *list : json::array();
}

void print_each(std::FILE* to, string_view before, const json::array& texts) {
    for (const auto& each : texts)
        if (const auto* const text = each.if_string())
            fmt::print(to, "{}{}\n", before, string_view(text->data(), text->size()));
}

/// What has failed, and how the program ends.
struct Failure {
    std::string what;
    Status status;
};
template <typename T>
using Outcome = std::expected<T, Failure>;

/// The socket of the daemon that these options mean.
Outcome<std::string> socket_of(const CommandLine& wanted) {
    if (!wanted.socket.empty()) return wanted.socket;
    std::string standard(config::Admin::default_socket);
    const auto failed = [&](string_view what) {
        return std::unexpected(
            Failure{fmt::format("{}: {} (name the socket with --socket)", wanted.file, what),
                    Status::unreachable});
    };
    const auto text = base::read_file(wanted.file);
    if (!text && !wanted.is_file_given) return standard;
    if (!text) return failed(base::to_string(text.error()));
    const auto reading = config::read(*text);
    if (!reading.config && !wanted.is_file_given) return standard;
    if (!reading.config) return failed("not TOML, so the socket is unknown");
    const auto& socket = reading.config->admin.socket;
    if (socket == config::Admin::no_socket) return failed("admin.socket is \"none\"");
    if (socket.empty()) return standard;
    return socket;
}

/// Talks with one daemon.
class Operator {
public:
    Operator(std::string socket, const CommandLine& wanted)
        : socket_(std::move(socket)), wanted_(wanted) {}

    Outcome<void> carry_out() {
        switch (wanted_.command) {
            case Command::reload: return reload();
            case Command::upgrade: return upgrade();
            case Command::reopen: return reopen();
            case Command::backends: return show_backends();
            case Command::ready: return set_state("ready");
            case Command::disable: return set_state("disabled");
            case Command::drain: return drain();
            default: std::terminate();
        }
    }

private:
    Outcome<json::object> ask(const Question& question) {
        const auto reply = cli::ask(socket_, question);
        if (!reply) return std::unexpected(Failure{reply.error(), Status::unreachable});
        boost::system::error_code error;
        const auto value = json::parse(reply->body, error);
        const auto* const object = value.if_object();
        if (error || object == nullptr)
            return std::unexpected(Failure{fmt::format("{} is not a socket of Ballast", socket_),
                                           Status::unreachable});
        if (reply->status == 200) return *object;
        print_each(stderr, "", list_at(*object, "problems"));
        print_each(stderr, "warning: ", list_at(*object, "warnings"));
        return std::unexpected(Failure{std::string(text_at(*object, "detail")), Status::failed});
    }

    Outcome<void> reload() {
        const auto report =
            ask({"POST", "/v1/reload", wanted_.upgrade ? R"({"upgrade":true})" : ""});
        if (!report) return std::unexpected(report.error());
        if (flag_at(*report, "upgraded")) return say_upgraded(*report);
        print_each(stderr, "warning: ", list_at(*report, "warnings"));
        print_each(stderr, "needs a restart: ", list_at(*report, "needs_restart"));
        fmt::print("reloaded\n");
        return {};
    }

    Outcome<void> upgrade() {
        const auto report = ask({"POST", "/v1/upgrade", ""});
        if (!report) return std::unexpected(report.error());
        return say_upgraded(*report);
    }

    static Outcome<void> say_upgraded(const json::object& report) {
        fmt::print("upgraded: process {} serves\n", number_at(report, "pid"));
        return {};
    }

    Outcome<void> reopen() {
        const auto done = ask({"POST", "/v1/reopen", ""});
        if (!done) return std::unexpected(done.error());
        fmt::print("the log files are open again\n");
        return {};
    }

    Outcome<void> show_backends() {
        const auto all = ask({"GET", "/v1/backends", ""});
        if (!all) return std::unexpected(all.error());
        constexpr string_view row = "{:<24} {:<24} {:<10} {:<8} {:>8} {:>9}\n";
        fmt::print(row, "BACKEND", "ADDRESS", "STATE", "HEALTH", "SESSIONS", "TRANSFERS");
        for (const auto& each : list_at(*all, "backends")) {
            const auto* const one = each.if_object();
            if (one == nullptr) continue;
            const auto name = fmt::format("{}/{}", text_at(*one, "pool"), text_at(*one, "backend"));
            fmt::print(row, name, text_at(*one, "address"), text_at(*one, "state"),
                       flag_at(*one, "ejected") ? "ejected" : text_at(*one, "health"),
                       number_at(*one, "sessions"), number_at(*one, "transfers"));
        }
        return {};
    }

    /// Where the state of the backend, or of the balancer, is.
    [[nodiscard]] std::string target() const {
        if (wanted_.all) return "/v1/state";
        const auto slash = wanted_.backend.find('/');
        return fmt::format("/v1/backends/{}/{}/state",
                           admin::percent_encoded(wanted_.backend.substr(0, slash)),
                           admin::percent_encoded(wanted_.backend.substr(slash + 1)));
    }
    [[nodiscard]] string_view subject() const {
        return wanted_.all ? "the balancer" : string_view(wanted_.backend);
    }

    /// What is there now.
    struct Standing {
        std::string state;
        std::uint64_t sessions = 0;
    };
    [[nodiscard]] Standing standing_of(const json::object& reply) const {
        if (wanted_.all)
            return {std::string(text_at(reply, "state")), number_at(reply, "sessions")};
        Standing standing;
        for (const auto& each : list_at(reply, "backends")) {
            const auto* const one = each.if_object();
            if (one == nullptr) continue;
            standing.state = text_at(*one, "state");
            standing.sessions += number_at(*one, "sessions");
        }
        return standing;
    }

    Outcome<Standing> change(string_view state) {
        const auto reply = ask({"PUT", target(), fmt::format(R"({{"state":"{}"}})", state)});
        if (!reply) return std::unexpected(reply.error());
        return standing_of(*reply);
    }

    Outcome<void> set_state(string_view state) {
        const auto now = change(state);
        if (!now) return std::unexpected(now.error());
        fmt::print("{} is {}\n", subject(), state);
        return {};
    }

    Outcome<void> drain() {
        auto now = change(wanted_.idle ? "drain-idle" : "drain");
        if (!now) return std::unexpected(now.error());
        fmt::print("{} is draining, sessions left: {}\n", subject(), now->sessions);
        if (!wanted_.wait) return {};
        (void)std::fflush(stdout);  // say what it waits for
        const auto draining = now->state;
        while (now->sessions > 0) {
            // The API answers what is there now, and has no request that waits for a change.
            std::this_thread::sleep_for(drain_poll_interval);
            const auto reply = ask({"GET", target(), ""});
            if (!reply) return std::unexpected(reply.error());
            now = standing_of(*reply);
            if (now->state != draining)
                return std::unexpected(
                    Failure{fmt::format("{} is no longer draining: its state is now {}", subject(),
                                        now->state),
                            Status::failed});
        }
        fmt::print("{} is drained\n", subject());
        return {};
    }

    const std::string socket_;
    const CommandLine& wanted_;
};

}  // namespace

Status operate(const CommandLine& wanted) {
    const auto socket = socket_of(wanted);
    const auto done = socket ? Operator(*socket, wanted).carry_out()
                             : Outcome<void>(std::unexpected(socket.error()));
    if (done) return Status::good;
    fmt::print(stderr, "{}\n", done.error().what);
    return done.error().status;
}

}  // namespace ballast::cli
