// SPDX-License-Identifier: Apache-2.0
#include "cli/running_daemon.h"

#include "admin/target.h"
#include "base/file.h"
#include "cli/printable.h"
#include "config/load.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <cstdio>
#include <fmt/format.h>

namespace ballast::cli {

namespace {

/// Lines that may hold anything, such as a configuration's problems.
void print_each(std::string_view before, const json::array& texts) {
    for (const auto& each : texts)
        if (const auto* const text = each.if_string())
            fmt::print(stderr, "{}{}\n", before,
                       printable(std::string_view(text->data(), text->size())));
}

}  // namespace

RunningDaemon::RunningDaemon(std::string socket, std::string_view node)
    : socket_(std::move(socket)), node_(node == every_node ? admin::all_nodes : node) {}

Outcome<RunningDaemon> RunningDaemon::find(const CommandLine& wanted) {
    if (!wanted.socket.empty()) return RunningDaemon(wanted.socket, wanted.node);
    RunningDaemon usual(std::string(config::Admin::default_socket), wanted.node);
    const auto failed = [&](std::string_view what) {
        return std::unexpected(
            Failure{fmt::format("{}: {} (name the socket with --socket)", wanted.file, what),
                    Status::unreachable});
    };
    const auto text = base::read_file(wanted.file);
    if (!text && !wanted.is_file_given) return usual;
    if (!text) return failed(base::to_string(text.error()));
    const auto reading = config::read(*text);
    if (!reading.config && !wanted.is_file_given) return usual;
    if (!reading.config) return failed("not TOML, so the socket is unknown");
    const auto& socket = reading.config->admin.socket;
    if (socket == config::Admin::no_socket) return failed("admin.socket is \"none\"");
    if (socket.empty()) return usual;
    return RunningDaemon(socket, wanted.node);
}

Outcome<Reply> RunningDaemon::ask_plainly(const Question& question) const {
    auto asked = question;
    if (!node_.empty())
        asked.target += fmt::format("{}node={}", asked.target.contains('?') ? "&" : "?",
                                    admin::percent_encoded(node_));
    auto reply = cli::ask(socket_, asked);
    if (!reply) return std::unexpected(Failure{reply.error(), Status::unreachable});
    return std::move(*reply);
}

Outcome<json::object> RunningDaemon::ask(const Question& question) const {
    const auto reply = ask_plainly(question);
    if (!reply) return std::unexpected(reply.error());
    boost::system::error_code error;
    auto value = json::parse(reply->body, error);
    auto* const object = value.if_object();
    if (error || object == nullptr)
        return std::unexpected(
            Failure{fmt::format("{} is not a socket of Ballast", socket_), Status::unreachable});
    if (reply->status == 200) {
        for (const auto& each : list_at(*object, "unanswered"))
            fmt::print(stderr, "{}\n", printable(text_at(as_object(each), "reason")));
        return std::move(*object);
    }
    print_each("", list_at(*object, "problems"));
    print_each("warning: ", list_at(*object, "warnings"));
    return std::unexpected(Failure{text_at(*object, "detail"), Status::failed});
}

Outcome<json::object> RunningDaemon::ask_for_list(const std::string& target,
                                                  std::string_view list) const {
    auto whole = ask({"GET", target, ""});
    if (!whole) return whole;
    auto next = text_at(*whole, "next");
    while (!next.empty()) {
        const auto* const separator = target.contains('?') ? "&" : "?";
        auto page =
            ask({"GET",
                 fmt::format("{}{}after={}", target, separator, admin::percent_encoded(next)), ""});
        if (!page) return page;
        auto* const entries = (*whole)[list].if_array();
        if (entries == nullptr) break;
        const auto& more = list_at(*page, list);
        entries->insert(entries->end(), more.begin(), more.end());
        next = text_at(*page, "next");
    }
    whole->erase("next");
    return whole;
}

Outcome<void> RunningDaemon::follow(const std::string& target,
                                    const std::function<bool(std::string_view)>& take) const {
    const auto followed = cli::follow(socket_, target, take);
    if (!followed) return std::unexpected(Failure{followed.error(), Status::unreachable});
    if (followed->status == 200) return {};
    boost::system::error_code error;
    const auto value = json::parse(followed->body, error);
    return std::unexpected(Failure{text_at(as_object(value), "detail"), Status::failed});
}

std::string target_with(std::string_view path,
                        const std::vector<std::pair<std::string, std::string>>& query) {
    std::string target(path);
    const char* separator = "?";
    for (const auto& [key, value] : query)
        target += fmt::format("{}{}={}", std::exchange(separator, "&"), key,
                              admin::percent_encoded(value));
    return target;
}

Status status_of(const Outcome<void>& outcome) {
    if (outcome) return Status::good;
    fmt::print(stderr, "{}\n", printable(outcome.error().what));
    return outcome.error().status;
}

}  // namespace ballast::cli
