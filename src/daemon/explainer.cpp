// SPDX-License-Identifier: Apache-2.0
#include "daemon/explainer.h"

#include "loop/answer.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace ballast::daemon {

namespace {

/// A worker answers within a turn of its loop.
constexpr auto answer_time = std::chrono::seconds(5);
/// How many stories a thread searches in one turn: some milliseconds if all are as long as can be.
constexpr std::size_t stories_in_a_turn = 32;

std::unexpected<base::Error> no_answer() {
    return std::unexpected(base::Error{base::Fault::internal, {}, "a worker does not answer"});
}

}  // namespace

std::optional<admin::SessionStory> Explainer::ended(const std::string& session) const {
    const auto story = stories_.find(session);
    if (!story) return std::nullopt;
    return admin::SessionStory{story->session, story->began_at, story->ended_at, story->bytes};
}

loop::Task<base::Result<std::optional<admin::SessionStory>>> Explainer::story(std::string session) {
    using Running = std::optional<session::Directory::Running>;
    if (auto story = ended(session)) co_return std::move(story);
    for (const auto& worker : workers_) {
        auto running = co_await loop::answer_of<Running>(control_, answer_time, [&](auto take) {
            worker->read_story(session, std::move(take));
        });
        if (!running) co_return no_answer();
        if (*running)
            co_return admin::SessionStory{
                std::move(session), (*running)->began_at, {}, std::move((*running)->bytes)};
    }
    // It may have ended meanwhile.
    co_return ended(session);
}

loop::Task<base::Result<std::vector<session::StorySummary>>> Explainer::find_running(
    session::StoryQuery query) {
    std::vector<session::StorySummary> all;
    for (const auto& worker : workers_) {
        std::string after;
        do {
            auto found = co_await loop::answer_of<session::Directory::Found>(
                control_, answer_time, [&](auto take) {
                    worker->search_stories(query, after, stories_in_a_turn, std::move(take));
                });
            if (!found) co_return no_answer();
            std::ranges::move(found->stories, std::back_inserter(all));
            after = std::move(found->next);
        } while (!after.empty());
    }
    std::ranges::sort(all, std::greater(), &session::StorySummary::began_at);
    co_return all;
}

loop::Task<base::Result<admin::FoundStories>> Explainer::find(session::StoryQuery query,
                                                              std::size_t max, std::uint64_t from) {
    admin::FoundStories found;
    if (from == session::Stories::newest) {
        auto running = co_await find_running(query);
        if (!running) co_return std::unexpected(running.error());
        found.stories = std::move(*running);
        if (found.stories.size() >= max) {
            // The next page has those that have ended.
            found.stories.resize(max);
            found.next = session::Stories::newest - 1;
            co_return found;
        }
    }
    loop::Signal turn(control_);
    while (from != 0 && found.stories.size() < max) {
        const auto slice = stories_.slice(stories_in_a_turn, from);
        from = slice.next;
        for (std::size_t i = 0; i < slice.stories.size(); ++i) {
            const auto& story = *slice.stories[i];
            // The others ended even earlier.
            if (query.from && story.ended_at < *query.from) co_return found;
            auto summary =
                session::search(query, story.session, story.began_at, story.ended_at, story.bytes);
            if (!summary) continue;
            found.stories.push_back(std::move(*summary));
            if (found.stories.size() < max) continue;
            from = slice.number_of(i + 1);
            break;
        }
        turn.raise();
        (void)co_await turn.wait(loop::never);
    }
    found.next = from;
    co_return found;
}

}  // namespace ballast::daemon
