// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::session {

/// Which stories somebody looks for. An empty member does not restrict anything.
struct StoryQuery {
    using Moment = std::chrono::system_clock::time_point;
    std::string user = {};    ///< exactly
    std::string client = {};  ///< an address without port
    std::string listener = {};
    std::string backend = {};  ///< the configured name
    /// A pattern (base/pattern.h) for the path of a transferred file: the whole path, or its last
    /// parts.
    std::string file = {};
    bool failed_only = false;  ///< a transfer was not whole
    std::optional<Moment> from = {};
    std::optional<Moment> to = {};

    /// Single transfers must match, not only the session.
    [[nodiscard]] bool asks_for_transfers() const { return failed_only || !file.empty(); }
};

/// A story in short.
struct StorySummary {
    StoryQuery::Moment began_at;
    std::optional<StoryQuery::Moment> ended_at;  ///< empty: the session goes on
    std::string session;
    std::string listener;
    std::string client;
    std::string user;  ///< the last one that logged in, or tried to
    std::string pool;
    std::string backend;
    std::string end_reason;
    std::uint64_t transfers = 0;
    std::uint64_t failed_transfers = 0;  ///< among those that the story has
    std::uint64_t bytes = 0;
    /// The entries of the transfers that match, the first `matches_max`. `StoryReader` reads them.
    std::string matches;
    static constexpr std::size_t matches_max = 20;
};

/// The story in short if it matches. `bytes` are those of a story. Any thread may call.
[[nodiscard]] std::optional<StorySummary> search(const StoryQuery& query, std::string_view session,
                                                 StoryQuery::Moment began_at,
                                                 std::optional<StoryQuery::Moment> ended_at,
                                                 std::string_view bytes);

}  // namespace ballast::session
