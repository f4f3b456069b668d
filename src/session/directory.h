// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/ledger.h"
#include "session/session.h"
#include "session/story_search.h"
#include "session/view.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::session {

/// The sessions of one worker, by their ids. Belongs to the worker's thread.
class Directory {
public:
    /// `carried` is released when the session is gone.
    Session& add(std::unique_ptr<Session> session, guard::Ledger::Held carried = {});
    void erase(std::string_view id);
    void clear() { entries_.clear(); }
    [[nodiscard]] bool is_empty() const { return entries_.empty(); }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    /// Null: the session has ended.
    [[nodiscard]] Session* find(std::string_view id) const;
    /// Tells all of them to stop.
    void stop();

    /// Views of at most `max` sessions whose ids are above `after`, in the order of ids. Slices
    /// keep the thread from looking at ten thousand sessions at once. Fewer than `max`: the last
    /// slice.
    [[nodiscard]] std::vector<View> slice(std::string_view after, std::size_t max) const;

    /// The story of a running session.
    struct Running {
        std::chrono::system_clock::time_point began_at;
        std::string bytes;  ///< as `StoryReader` reads them
    };
    /// Empty: the session has ended, or no stories are kept.
    [[nodiscard]] std::optional<Running> story(std::string_view id) const;
    struct Found {
        std::vector<StorySummary> stories;
        std::string next;  ///< the id behind which to go on; empty: all were looked at
    };
    /// Searches the stories of at most `max` sessions whose ids are above `after`.
    [[nodiscard]] Found search(const StoryQuery& query, std::string_view after,
                               std::size_t max) const;

private:
    struct Entry {
        guard::Ledger::Held carried;
        std::unique_ptr<Session> session;
    };
    std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace ballast::session
