// SPDX-License-Identifier: Apache-2.0
#include "admin/explain.h"
#include "admin/list.h"
#include "admin/moment.h"
#include "admin/routes.h"
#include "base/number.h"
#include "config/spelling.h"

#include <fmt/format.h>
#include <utility>

namespace ballast::admin {

namespace {

constexpr std::size_t stories_default = 100;
constexpr std::size_t stories_max = 1000;

Answer cannot_ask(const base::Error& error) {
    return refusal(503, fmt::format("{} (try again, and see the log)", base::to_string(error)));
}

loop::Task<Answer> explain_session(Desk& desk, Call call) {
    const auto story = co_await desk.actions.story(call.names[0]);
    if (!story) co_return cannot_ask(story.error());
    if (!*story) {
        const auto why = desk.actions.stories_size().bytes_max == 0
                             ? "admin.explain_memory is 0B, so no stories are kept"
                             : "there is none, or it ended too long ago for admin.explain_memory";
        co_return refusal(404, fmt::format("no story of a session {} is kept ({})",
                                           config::in_quotes(call.names[0]), why));
    }
    co_return Answer{.body = json_of(explain(**story))};
}

/// A query in the words of a request.
struct Wanted {
    session::StoryQuery query;
    std::size_t limit = stories_default;
    std::uint64_t from = session::Stories::newest;
};

std::expected<Wanted, Answer> wanted_by(const Call& call) {
    Wanted wanted;
    const auto wrong = [](std::string_view value, std::string_view is_not, std::string_view use) {
        return std::unexpected(refusal(
            400, fmt::format("{} is not {} (use {})", config::in_quotes(value), is_not, use)));
    };
    for (const auto& [key, value] : call.query) {
        auto& query = wanted.query;
        if (key == "user") query.user = value;
        if (key == "client") query.client = value;
        if (key == "listener") query.listener = value;
        if (key == "backend") query.backend = value;
        if (key == "file") query.file = value;
        if (key == "failed") {
            if (value != "true" && value != "false")
                return wrong(value, "a yes or no", "true or false");
            query.failed_only = value == "true";
        }
        if (key == "from" || key == "to") {
            const auto moment = moment_from(value);
            if (!moment)
                return wrong(value, "a time", "2026-11-29T14:03:00Z, or seconds since 1970");
            (key == "from" ? query.from : query.to) = *moment;
        }
        if (key == "limit") {
            const auto limit = base::parse_number<std::size_t>(value);
            if (!limit || *limit == 0 || *limit > stories_max)
                return wrong(value, "a limit", fmt::format("1 to {}", stories_max));
            wanted.limit = *limit;
        }
        if (key == "after") {
            const auto number = base::parse_number<std::uint64_t>(value);
            if (!number || *number == 0)
                return wrong(value, "the \"next\" of an answer", "one that an answer has");
            wanted.from = *number;
        }
    }
    return wanted;
}

loop::Task<Answer> find_stories(Desk& desk, Call call) {
    auto wanted = wanted_by(call);
    if (!wanted) co_return wanted.error();
    const auto found =
        co_await desk.actions.find_stories(wanted->query, wanted->limit, wanted->from);
    if (!found) co_return cannot_ask(found.error());
    const auto size = desk.actions.stories_size();
    std::string body = R"({"stories":[)";
    const char* separator = "";
    for (const auto& summary : found->stories) {
        body += std::exchange(separator, ",");
        append_json(body, explain(summary));
    }
    body += fmt::format(R"(],"memory":{{"limit":{},"running":{},"ended":{},"stories":{},"oldest":)",
                        size.bytes_max, size.bytes_running, size.bytes_ended, size.stories_ended);
    append_json(body, size.oldest);
    body += '}';
    if (found->next != 0) body += fmt::format(R"(,"next":"{}")", found->next);
    body += '}';
    co_return Answer{.body = std::move(body)};
}

std::string found_schema() {
    const auto number = [](std::string_view name, std::string_view help) {
        return fmt::format(R"("{}":{{"type":"integer","description":"{}"}})", name, help);
    };
    return schema_of_list(
        "stories", schema_of<ExplainedSession>(),
        fmt::format(
            R"("memory":{{"type":"object","description":"Not if several nodes were asked.","properties":{{{},{},{},{},"oldest":)"
            R"({{"type":["string","null"],"format":"date-time","description":"When the oldest kept session ended."}}}},)"
            R"("additionalProperties":false}},)",
            number("limit", "The setting admin.explain_memory, in bytes."),
            number("running", "Bytes of running sessions."),
            number("ended", "Bytes of ended ones."),
            number("stories", "How many ended ones are kept.")));
}

std::vector<Parameter> parameters() {
    return {
        {"user", "Only sessions of this user."},
        {"client", "Only sessions from this address."},
        {"listener", "Only sessions at this listener."},
        {"backend", "Only sessions that used or tried the backend of this name."},
        {"file",
         "Only sessions with a transfer of this file: its path, or the last parts of it. \"*\" and "
         "\"?\" are wildcards."},
        {"failed", "true: only sessions with a transfer that was not whole."},
        {"from",
         "Only sessions (with `file` or `failed`: transfers) that were there after this time. RFC "
         "3339, or seconds since 1970."},
        {"to", "Only those that were there before this time."},
        {"limit", fmt::format("At most so many stories. The most is {}, without it {}.",
                              stories_max, stories_default)},
        {"after", "The \"next\" of the answer before. Running sessions are not shown again."}};
}

const Route routes[] = {
    {.method = "GET",
     .path = "/v1/sessions/{session}/explain",
     .summary = "What happened in a session, in order. Ended sessions are kept for a while.",
     .handler = explain_session,
     .schema = [] { return schema_with_node(schema_of<ExplainedSession>()); },
     .is_at_one_node = true},
    {.method = "GET",
     .path = "/v1/explain",
     .summary = "Finds sessions, running and ended ones, the newest first.",
     .handler = find_stories,
     .schema = found_schema,
     .parameters = parameters,
     .list = "stories"},
};

}  // namespace

std::span<const Route> explain_routes() { return routes; }

}  // namespace ballast::admin
