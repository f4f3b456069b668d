// SPDX-License-Identifier: Apache-2.0
#include "session/stories.h"

#include "session/story.h"

#include <algorithm>
#include <utility>

namespace ballast::session {

namespace {

/// What an ended story costs besides its text: its struct, the counts of its pointer, its places
/// among the others, and what the allocator adds.
constexpr std::size_t extra_bytes = sizeof(EndedStory) + 136;

}  // namespace

void Stories::set_memory(std::size_t bytes_max) {
    std::vector<Shared> leaving;
    const std::lock_guard lock(mutex_);
    bytes_max_ = bytes_max;
    leaving = make_room();
}

bool Stories::are_kept() const {
    const std::lock_guard lock(mutex_);
    return bytes_max_ > 0;
}

std::size_t Stories::bytes_of(const EndedStory& story) {
    return extra_bytes + story.session.size() + story.bytes.size();
}

void Stories::add(std::string session, const Story& story) {
    auto ended = std::make_shared<EndedStory>();
    ended->session = std::move(session);
    ended->began_at = story.began_at();
    ended->ended_at = std::chrono::system_clock::now();
    ended->bytes = story.copy();
    const auto bytes = bytes_of(*ended);
    std::vector<Shared> leaving;  // destroyed behind the lock
    const std::lock_guard lock(mutex_);
    const auto& added = ended_.emplace_back(std::move(ended));
    bytes_ended_ += bytes;
    numbers_.emplace(added->session, gone_ + ended_.size());
    leaving = make_room();
}

std::vector<Stories::Shared> Stories::make_room() {
    std::vector<Shared> leaving;
    while (!ended_.empty() && bytes_running_ + bytes_ended_ > bytes_max_) {
        bytes_ended_ -= bytes_of(*ended_.front());
        numbers_.erase(ended_.front()->session);
        leaving.push_back(std::move(ended_.front()));
        ended_.pop_front();
        ++gone_;
    }
    return leaving;
}

Stories::Shared Stories::find(std::string_view session) const {
    const std::lock_guard lock(mutex_);
    const auto found = numbers_.find(session);
    return found == numbers_.end() ? nullptr : ended_[found->second - gone_ - 1];
}

Stories::Slice Stories::slice(std::size_t max, std::uint64_t from) const {
    Slice slice;
    const std::lock_guard lock(mutex_);
    // Each story has a number, from 1 on. The front one's is `gone_ + 1`.
    slice.first = std::min<std::uint64_t>(from, gone_ + ended_.size());
    auto number = slice.first;
    for (; number > gone_ && slice.stories.size() < max; --number)
        slice.stories.push_back(ended_[number - gone_ - 1]);
    slice.next = number > gone_ ? number : 0;
    return slice;
}

Stories::Size Stories::size() const {
    const std::lock_guard lock(mutex_);
    Size size{bytes_max_, bytes_running_, bytes_ended_, ended_.size()};
    if (!ended_.empty()) size.oldest = ended_.front()->ended_at;
    return size;
}

bool Stories::take(std::size_t bytes, bool must) {
    std::vector<Shared> leaving;
    const std::lock_guard lock(mutex_);
    if (!must && bytes_running_ + bytes > bytes_max_ / 2) return false;
    bytes_running_ += bytes;
    leaving = make_room();
    return true;
}

void Stories::give_back(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_running_ -= bytes;
}

}  // namespace ballast::session
