// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ballast::session {

class Story;

/// The story of a session that has ended. Never changes, so threads share it.
struct EndedStory {
    using Moment = std::chrono::system_clock::time_point;
    std::string session;
    Moment began_at;
    Moment ended_at;
    std::string bytes;  ///< as `StoryReader` reads them
};

/// The memory for all stories of this process, and the stories of sessions that have ended. When
/// the memory is used up, the oldest of these go. Any thread may call; no call takes long.
class Stories {
public:
    using Shared = std::shared_ptr<const EndedStory>;

    /// For all stories together. 0: none are kept, of sessions that begin from now on.
    explicit Stories(std::size_t bytes_max) : bytes_max_(bytes_max) {}
    void set_memory(std::size_t bytes_max);
    [[nodiscard]] bool are_kept() const;

    /// Keeps the story of a session that has ended. No two sessions have the same id.
    void add(std::string session, const Story& story);
    /// Null: it was never kept, or is gone.
    [[nodiscard]] Shared find(std::string_view session) const;

    /// A part of the ended stories, the newest first.
    struct Slice {
        std::vector<Shared> stories;
        std::uint64_t next = 0;  ///< where the next slice begins; 0: there is none
        std::uint64_t first = 0;
        /// Where a slice begins that goes on behind the first `count` of these.
        [[nodiscard]] std::uint64_t number_of(std::size_t count) const {
            return count < stories.size() ? first - count : next;
        }
    };
    /// `from` is the former slice's `next`. Stories that come or go meanwhile are not missed
    /// otherwise or shown twice.
    [[nodiscard]] Slice slice(std::size_t max, std::uint64_t from = newest) const;
    static constexpr std::uint64_t newest = static_cast<std::uint64_t>(-1);

    struct Size {
        std::size_t bytes_max = 0;
        std::size_t bytes_running = 0;  ///< of sessions that have not ended
        std::size_t bytes_ended = 0;
        std::size_t stories_ended = 0;
        std::optional<EndedStory::Moment> oldest = {};  ///< when the oldest one ended
    };
    [[nodiscard]] Size size() const;

private:
    friend class Story;
    /// For a running story. False: `must` is not set, and the running ones have half of the memory
    /// already.
    [[nodiscard]] bool take(std::size_t bytes, bool must);
    void give_back(std::size_t bytes);

    [[nodiscard]] static std::size_t bytes_of(const EndedStory& story);
    /// Those that must go. The caller destroys them without the lock.
    [[nodiscard]] std::vector<Shared> make_room();

    mutable std::mutex mutex_;
    std::size_t bytes_max_;
    std::size_t bytes_running_ = 0;
    std::size_t bytes_ended_ = 0;
    std::uint64_t gone_ = 0;                                       // so many have left at the front
    std::deque<Shared> ended_;                                     // the oldest in front
    std::unordered_map<std::string_view, std::uint64_t> numbers_;  // by the ids in `ended_`
};

}  // namespace ballast::session
