// SPDX-License-Identifier: Apache-2.0
#include "cli/events.h"

#include "cli/event_reader.h"
#include "cli/printable.h"
#include "cli/running_daemon.h"
#include "cli/screen.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <iterator>
#include <string>
#include <string_view>

namespace ballast::cli {

namespace {

using std::string_view;

Tint tint_of(string_view kind) {
    for (const auto* const bad : {"down", "ejected", "failed", "refused", "full", "lost"})
        if (kind.ends_with(bad)) return Tint::bad;
    for (const auto* const warning : {"expires", "reached", "begun", "_state"})
        if (kind.ends_with(warning)) return Tint::warning;
    return kind.ends_with("_up") || kind.ends_with("applied") ? Tint::good : Tint::none;
}

/// A value as one word, in quotes if it is more.
std::string word_of(const json::value& value) {
    const auto* const text = value.if_string();
    if (text == nullptr) return json::serialize(value);
    const auto shown = printable(string_view(text->data(), text->size()));
    const bool is_word = !shown.empty() && shown.find_first_of(" \"=") == std::string::npos;
    return is_word ? shown : fmt::format("\"{}\"", shown);
}

std::string line_of(const json::object& event, const Screen& screen) {
    const auto kind = event.contains("kind") ? text_at(event, "kind") : "lost";
    auto line = fmt::format("{}  {}", screen.tinted(printable(text_at(event, "at")), Tint::faint),
                            screen.tinted(printable(kind), tint_of(kind)));
    for (const auto& [key, value] : event) {
        const string_view name(key.data(), key.size());
        if (name == "id" || name == "at" || name == "kind") continue;
        fmt::format_to(std::back_inserter(line), " {}={}", printable(name), word_of(value));
    }
    return line;
}

/// False if nobody reads any more.
bool print(const json::value& event, const CommandLine& wanted) {
    if (wanted.json)
        fmt::print("{}\n", printable_json(json::serialize(event)));
    else
        fmt::print("{}\n", line_of(as_object(event), standard_output()));
    return std::fflush(stdout) == 0;
}

Outcome<void> show_recent(const RunningDaemon& daemon, const CommandLine& wanted) {
    const auto reply = daemon.ask({"GET", target_with("/v1/events/recent", wanted.filters), ""});
    if (!reply) return std::unexpected(reply.error());
    const auto& events = list_at(*reply, "events");
    (void)std::ranges::all_of(events, [&](const auto& each) { return print(each, wanted); });
    return {};
}

Outcome<void> follow(const RunningDaemon& daemon, const CommandLine& wanted) {
    EventReader reader;
    const auto followed =
        daemon.follow(target_with("/v1/events", wanted.filters), [&](string_view part) {
            reader.add(part);
            while (const auto data = reader.next()) {
                boost::system::error_code error;
                const auto event = json::parse(*data, error);
                if (!error && !print(event, wanted)) return false;
            }
            return true;
        });
    if (!followed) return followed;
    // A daemon that is stopped or upgraded ends its streams.
    return std::unexpected(
        Failure{"the daemon has ended the stream of events (begin again)", Status::failed});
}

}  // namespace

Status show_events(const CommandLine& wanted) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return status_of(std::unexpected(daemon.error()));
    return status_of(wanted.recent ? show_recent(*daemon, wanted) : follow(*daemon, wanted));
}

}  // namespace ballast::cli
