// SPDX-License-Identifier: Apache-2.0
#include "admin/event_stream.h"
#include "admin/event_text.h"
#include "admin/list.h"
#include "admin/routes.h"
#include "base/number.h"
#include "config/spelling.h"
#include "events/bus.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>
#include <utility>

namespace ballast::admin {

namespace {

using std::string_view;

std::expected<std::vector<events::Kind>, Answer> kinds_from(string_view text) {
    std::vector<events::Kind> kinds;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        const auto kind = events::kind_from(text.substr(0, comma));
        if (!kind) {
            std::vector<string_view> names;
            for (const auto& row : events::all_kinds()) names.push_back(row.name);
            return std::unexpected(refusal(
                400, fmt::format("there is no kind {} (use {})",
                                 config::in_quotes(text.substr(0, comma)), config::listed(names))));
        }
        kinds.push_back(*kind);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return kinds;
}

std::expected<events::Filter, Answer> filter_of(const Call& call) {
    events::Filter filter;
    for (const auto& [key, value] : call.query) {
        if (key == "pool") filter.pool = value;
        if (key == "backend") filter.backend = value;
        if (key == "listener") filter.listener = value;
        if (key == "user") filter.user = value;
        if (key == "client") filter.client = value;
        if (key != "kind") continue;
        auto kinds = kinds_from(value);
        if (!kinds) return std::unexpected(std::move(kinds.error()));
        filter.kinds = std::move(*kinds);
    }
    return filter;
}

Answer show_recent(Desk& /*desk*/, const Call& call) {
    const auto filter = filter_of(call);
    if (!filter) return filter.error();
    std::size_t limit = events::kept_max;
    if (const auto wanted = call.query.find("limit"); wanted != call.query.end()) {
        const auto number = base::parse_number<std::size_t>(wanted->second);
        if (!number || *number == 0 || *number > events::kept_max)
            return refusal(400, fmt::format("{} is not a limit (use 1 to {})",
                                            config::in_quotes(wanted->second), events::kept_max));
        limit = *number;
    }
    const auto last = call.query.find("last_id");
    const auto after = last == call.query.end() ? 0 : number_from(last->second);
    std::string body = R"({"events":[)";
    const char* separator = "";
    for (const auto& event : events::recent(*filter, after, limit)) {
        body += std::exchange(separator, ",");
        body += to_json(*event);
    }
    return {.body = body + "]}"};
}

Answer stream(Desk& desk, const Call& call) {
    auto filter = filter_of(call);
    if (!filter) return filter.error();
    std::optional<std::string> last_id;
    if (!call.last_event_id.empty()) last_id = call.last_event_id;
    if (const auto said = call.query.find("last_id"); said != call.query.end())
        last_id = said->second;
    return {.type = stream_type,
            .feed = std::make_shared<EventStream>(desk.loop, std::move(*filter), last_id)};
}

/// Each field that some kind has. Most are texts.
std::string event_schema() {
    constexpr std::array<string_view, 8> numbers = {"bytes",    "code",    "days_left", "pid",
                                                    "problems", "seconds", "transfers", "value"};
    std::set<string_view> names;
    std::vector<std::string> kinds;
    for (const auto& row : events::all_kinds()) {
        kinds.emplace_back(row.name);
        names.insert(row.fields().begin(), row.fields().end());
    }
    std::string properties = fmt::format(
        R"("id":{{"type":"string","description":"For Last-Event-ID."}},)"
        R"("at":{{"type":"string","format":"date-time"}},"kind":{{"type":"string","enum":{}}})",
        json_of(kinds));
    for (const auto name : names)
        properties +=
            fmt::format(R"(,"{}":{{"type":"{}"}})", name,
                        std::ranges::find(numbers, name) != numbers.end() ? "number" : "string");
    return fmt::format(
        R"({{"type":"object","properties":{{{}}},"required":["id","at","kind"],"additionalProperties":false}})",
        properties);
}

std::string recent_schema() {
    return fmt::format(
        R"({{"type":"object","properties":{{"events":{{"type":"array","items":{}}}}},)"
        R"("required":["events"],"additionalProperties":false}})",
        event_schema());
}

std::vector<Parameter> parameters() {
    return {{"kind", "Only events of these kinds, separated by commas."},
            {"pool", "Only events that name this pool."},
            {"backend", "Only events that name this backend."},
            {"listener", "Only events that name this listener."},
            {"user", "Only events that name this user."},
            {"client", "Only events that name this address."},
            {"last_id", "Only events after this one, of those that are kept."}};
}

std::vector<Parameter> recent_parameters() {
    auto all = parameters();
    all.push_back({"limit", fmt::format("At most so many, the latest ones. The most is {}.",
                                        events::kept_max)});
    return all;
}

const Route routes[] = {
    {.method = "GET",
     .path = "/v1/events",
     .summary = "What happens, while it happens (server-sent events).",
     .handler = stream,
     .parameters = parameters,
     .type = stream_type},
    {.method = "GET",
     .path = "/v1/events/recent",
     .summary = "The latest events of the rare kinds, oldest first.",
     .handler = show_recent,
     .schema = recent_schema,
     .parameters = recent_parameters},
};

}  // namespace

std::span<const Route> event_routes() { return routes; }

}  // namespace ballast::admin
