// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/shape.h"
#include "session/stories.h"
#include "session/story_search.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

/// The stories of sessions in a form that is easy to print.
namespace ballast::admin {

/// A session's story as the session keeps it.
struct SessionStory {
    std::string session;
    Moment began_at;
    std::optional<Moment> ended_at;  ///< empty: the session goes on
    std::string bytes;               ///< as `session::StoryReader` reads them
};

/// What a search has found, the newest first.
struct FoundStories {
    std::vector<session::StorySummary> stories;
    std::uint64_t next = 0;  ///< where ended stories go on, see `session::Stories`; 0: nowhere
};

struct ExplainedEntry {
    Moment at;
    double after = 0;
    std::string what;
    std::string text;
    JsonObject fields;
};

struct ExplainedSession {
    std::string session;
    std::string listener;
    std::string client;
    std::string user;
    std::string pool;
    std::string backend;
    Moment began_at;
    std::optional<Moment> ended_at;
    std::string reason;
    std::uint64_t transfers = 0;
    std::uint64_t failed_transfers = 0;
    std::uint64_t bytes = 0;
    std::vector<ExplainedEntry> entries;
};

template <>
struct Shape<ExplainedEntry> {
    static constexpr auto fields = std::tuple(
        Field{"at", &ExplainedEntry::at, "When this ended."},
        Field{"after", &ExplainedEntry::after, "The same in seconds since the session began."},
        Field{"what", &ExplainedEntry::what, "What happened, as in the table of docs/explain.md."},
        Field{"text", &ExplainedEntry::text, "The same as a sentence."},
        Field{"fields", &ExplainedEntry::fields,
              "Its values, as in that table. Times are in seconds. What is empty or did not happen "
              "is missing."});
};

template <>
struct Shape<ExplainedSession> {
    static constexpr auto fields = std::tuple(
        Field{"session", &ExplainedSession::session, "The session's id."},
        Field{"listener", &ExplainedSession::listener, "The listener's name."},
        Field{"client", &ExplainedSession::client, "The client's address and port."},
        Field{"user", &ExplainedSession::user, "The last user who logged in, or tried to."},
        Field{"pool", &ExplainedSession::pool, "The last pool."},
        Field{"backend", &ExplainedSession::backend, "The last backend."},
        Field{"began_at", &ExplainedSession::began_at, "When the client connected."},
        Field{"ended_at", &ExplainedSession::ended_at, "When the session ended; null: it goes on."},
        Field{"reason", &ExplainedSession::reason, "Why it ended; empty: it goes on."},
        Field{"transfers", &ExplainedSession::transfers, "Transfers that have ended."},
        Field{"failed_transfers", &ExplainedSession::failed_transfers,
              "Those of them that were not whole and that the story still has."},
        Field{"bytes", &ExplainedSession::bytes, "Bytes of these transfers."},
        Field{"entries", &ExplainedSession::entries,
              "What happened, in order. In a search: the transfers that match."});
};

/// The whole story.
[[nodiscard]] ExplainedSession explain(const SessionStory& story);
/// The story in short, with the transfers that matched.
[[nodiscard]] ExplainedSession explain(const session::StorySummary& summary);

}  // namespace ballast::admin
