// SPDX-License-Identifier: Apache-2.0
#include "cluster/exchange.h"

#include "base/log.h"
#include "events/bus.h"
#include "metrics/counters.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>

namespace ballast::cluster {

namespace {

using namespace std::chrono_literals;

/// How much is written at once. After a loss much is due, and other nodes want to write, too.
constexpr std::size_t batch_most = 256;
/// Between two attempts to open the store.
constexpr loop::Time::duration pause_first = 500ms;
constexpr loop::Time::duration pause_last = 10s;
/// A store that says at once that there is no news is not asked more often.
constexpr loop::Time::duration follow_pause = 50ms;
/// A table has no more slices than this, whatever the store says.
constexpr std::size_t slices_max = 100'000;
constexpr std::size_t unreadable_nodes_max = 100;
constexpr std::uint32_t beats_between_measures = 10;
constexpr int beats_of_office = 5;
/// If the news have gaps all the time, the tables are not read all the time.
constexpr int beats_between_loads = 5;
/// A store that has failed again and again is opened at once the next time if it works for so long.
constexpr loop::Time::duration trusted_after = 10s;

std::string place_of(const Entry& entry) {
    return fmt::format("entry {}:{} {}:{} {}", entry.table.size(), entry.table, entry.key.size(),
                       entry.key, to_string(entry.stamp));
}

std::string place_of(const Message& message) {
    return fmt::format("message {}:{} {}", message.kind.size(), message.kind, message.node);
}

std::size_t bytes_of(const News& news) {
    const auto* const entry = std::get_if<Entry>(&news);
    return entry != nullptr ? entry->value.size() : std::get<Message>(news).body.size();
}

}  // namespace

Exchange::Exchange(loop::Loop& loop, Store& store, const net::Secret& secret, Settings settings)
    : loop_(loop),
      store_(store),
      secret_(secret),
      settings_(std::move(settings)),
      random_(settings_.seed),
      clock_(loop),
      state_{.is_reachable = false, .since = loop.now(), .problem = "not opened yet"},
      batch_max_(batch_most),
      due_(loop),
      ended_(loop),
      paused_(loop),
      idle_(loop) {}

void Exchange::start() { living_ = loop::Job::start(live()); }

loop::Task<> Exchange::stop_with(std::vector<News> last) {
    stop();
    if (!state_.is_reachable) co_return;
    if (!co_await store_.open()) co_return;
    // Nobody is left who could do anything about an error.
    (void)co_await store_.write(sealed(std::move(last)));
}

Stamp Exchange::stamp(const Stamp& known) const {
    return {.at = std::max(clock_.now(), known.at + 1ms), .node = settings_.node};
}

void Exchange::rename(std::string node) {
    const auto former = std::exchange(settings_.node, std::move(node));
    for (auto* const each : topics_) each->renamed(former);
    hurry();
}

std::string Exchange::key_of(std::string_view text) const { return secret_.digest(text); }

// Staying in touch

loop::Task<> Exchange::live() {
    for (;;) {
        note_lost(co_await talk());
        (void)co_await paused_.wait(loop_.after(pause()));
    }
}

/// Returns as soon as the store has failed.
loop::Task<base::Error> Exchange::talk() {
    const auto asked_at = loop_.now();
    auto opened = co_await store_.open();
    if (!opened) co_return std::move(opened.error());
    clock_.reopened();
    has_followed_ = false;
    has_told_ = false;
    read_ = 1;
    loading_.reset();
    reload_due_ = true;
    next_load_ = loop_.now();
    clock_answered(opened->now, asked_at);
    const bool is_wiped = !birth_.empty() && birth_ != opened->birth;
    birth_ = opened->birth;
    for (auto* const each : topics_) each->opened();

    std::optional<base::Error> failure;
    const auto following = loop::Job::start(follow(std::move(opened->latest), failure), &ended_);
    const auto telling = loop::Job::start(tell(is_wiped, failure), &ended_);
    while (!following.is_done() && !telling.is_done()) (void)co_await ended_.wait(loop::never);
    co_return std::move(*failure);
}

loop::Task<> Exchange::follow(std::string after, std::optional<base::Error>& failure) {
    for (;;) {
        const auto asked_at = loop_.now();
        auto followed = co_await store_.follow(after);
        if (!followed) {
            failure = std::move(followed.error());
            co_return;
        }
        heard_until_ = asked_at;
        has_followed_ = true;
        note_found();
        if (followed->has_gap) load_again();
        for (auto& news : followed->news) {
            if (auto* const entry = std::get_if<Entry>(&news))
                learn(std::move(*entry));
            else
                hear(std::move(std::get<Message>(news)));
        }
        for (auto* const each : topics_) each->heard_all();
        const bool is_idle = followed->news.empty() && loop_.now() - asked_at < follow_pause;
        after = std::move(followed->latest);
        if (is_idle) (void)co_await idle_.wait(loop_.after(follow_pause));
    }
}

loop::Task<> Exchange::tell(bool is_wiped, std::optional<base::Error>& failure) {
    std::uint32_t beats = 0;
    auto next_beat = loop_.now();
    if (is_wiped) {
        // All nodes know it all. What one has told already, the others do not tell again.
        (void)co_await due_.wait(loop_.after(any_of(settings_.heartbeat)));
        for (auto* const each : topics_) each->repeat();
    }
    for (;;) {
        base::Result<> done;
        if (loop_.now() >= next_beat) {
            next_beat = std::max(next_beat + settings_.heartbeat, loop_.now());
            if (beats++ % beats_between_measures == 0) done = co_await measure();
            if (done) done = co_await claim();
            for (auto* const each : topics_) each->beat();
        }
        if (done) done = co_await load_some();
        if (done) done = co_await flush(next_beat);
        if (!done) {
            failure = std::move(done.error());
            co_return;
        }
        if (loading_) continue;
        has_told_ = true;
        note_found();
        (void)co_await due_.wait(next_beat);
    }
}

/// The next slice of what is to be read. A heartbeat never waits for a whole table.
loop::Task<base::Result<>> Exchange::load_some() {
    if (!loading_) {
        if (!reload_due_ || loop_.now() < next_load_) co_return base::Result<>();
        reload_due_ = false;
        loading_ = Loading{.topic = 0};
    }
    const auto next_topic = [&] { loading_ = Loading{.topic = loading_->topic + 1}; };
    while (loading_->topic < topics_.size() && !topics_[loading_->topic]->has_table()) next_topic();
    if (loading_->topic < topics_.size()) {
        if (loading_->from.empty()) topics_[loading_->topic]->loading();
        auto slice = co_await store_.load(std::string(topics_[loading_->topic]->name()),
                                          std::move(loading_->from));
        if (!slice) co_return std::unexpected(std::move(slice.error()));
        for (auto& entry : slice->entries) learn(std::move(entry));
        topics_[loading_->topic]->heard_all();
        loading_->from = std::move(slice->next);
        if (loading_->from.empty() || ++loading_->slices == slices_max) {
            topics_[loading_->topic]->loaded();
            next_topic();
        }
    }
    while (loading_->topic < topics_.size() && !topics_[loading_->topic]->has_table()) next_topic();
    read_ = std::max(read_, loading_->topic);
    if (loading_->topic == topics_.size()) {
        loading_.reset();
        next_load_ = loop_.after(beats_between_loads * settings_.heartbeat);
    }
    co_return base::Result<>();
}

loop::Task<base::Result<>> Exchange::measure() {
    const auto asked_at = loop_.now();
    const auto now = co_await store_.now();
    if (!now) co_return std::unexpected(now.error());
    clock_answered(*now, asked_at);
    co_return base::Result<>();
}

loop::Task<base::Result<>> Exchange::claim() {
    const auto lifetime = beats_of_office * settings_.heartbeat;
    const auto until = loop_.after(lifetime);
    const auto holder = co_await store_.claim("one", settings_.node, lifetime);
    if (!holder) co_return std::unexpected(holder.error());
    office_until_ = *holder == settings_.node ? until : loop::Time();
    co_return base::Result<>();
}

void Exchange::load_again() {
    reload_due_ = true;
    due_.raise();
}

void Exchange::clock_answered(std::chrono::milliseconds now, loop::Time asked_at) {
    constexpr auto jump = std::chrono::minutes(1);
    const auto former = clock_.now();
    auto by = clock_.answered(now, asked_at);
    if (by == 0ms && std::chrono::abs(clock_.now() - former) > jump) {
        // What has been read seemed too old meanwhile, or too new.
        load_again();
        // To a node that starts now, all stamps so far would seem to be that old.
        if (clock_.now() > former) by = clock_.now() - former;
    }
    if (by == 0ms) return;
    for (auto* const each : topics_) each->shift(by);
}

/// Adds what the topics have, of those whose table has been read. What is too large the store would
/// refuse again and again, and everything behind it would wait.
void Exchange::gather() {
    for (std::size_t i = 0; i < read_ && unwritten_.size() < batch_max_; ++i) {
        for (auto& each : topics_[i]->take(batch_max_ - unwritten_.size())) {
            const auto bytes = bytes_of(each);
            if (bytes <= news_bytes_max)
                unwritten_.push_back(std::move(each));
            else if (too_large_.insert(topics_[i]->name()).second)
                log::error("what this node shares is too large for the store",
                           {{"of", topics_[i]->name()}, {"bytes", std::uint64_t{bytes}}});
        }
    }
}

/// Writes what is due, in batches, but not beyond the next heartbeat.
loop::Task<base::Result<>> Exchange::flush(loop::Time next_beat) {
    for (gather(); !unwritten_.empty(); gather()) {
        const auto count = std::min(batch_max_, unwritten_.size());
        const auto middle = unwritten_.begin() + static_cast<std::ptrdiff_t>(count);
        auto written = co_await store_.write(sealed({unwritten_.begin(), middle}));
        if (!written) {
            // A slow store may be able to write less within the time-out.
            batch_max_ = std::max<std::size_t>(1, count / 2);
            co_return std::unexpected(std::move(written.error()));
        }
        batch_max_ = std::min(batch_most, 2 * batch_max_);
        unwritten_.erase(unwritten_.begin(),
                         unwritten_.begin() + static_cast<std::ptrdiff_t>(count));
        if (loop_.now() >= next_beat) break;
    }
    co_return base::Result<>();
}

void Exchange::note_lost(const base::Error& error) {
    const bool is_news = state_.is_reachable || failures_ == 0;
    ++failures_;
    metrics::count(metrics::Counter::store_failures);
    state_.problem = to_string(error);
    if (!is_news) return;
    state_.is_reachable = false;
    state_.since = loop_.now();
    log::write_each(log::Level::warning,
                    "the cluster's store has failed: this node goes on with what it knows",
                    {{"node", settings_.node}, {"problem", state_.problem}});
    events::publish(events::Kind::store_lost,
                    {{"node", settings_.node}, {"problem", state_.problem}});
}

void Exchange::note_found() {
    if (!has_followed_ || !has_told_) return;
    if (state_.is_reachable && loop_.now() - state_.since >= trusted_after) failures_ = 0;
    if (state_.is_reachable) return;
    state_ = {.is_reachable = true, .since = loop_.now(), .problem = {}};
    log::write_each(log::Level::info, "the cluster's store can be used",
                    {{"node", settings_.node}});
    events::publish(events::Kind::store_found, {{"node", settings_.node}});
}

/// Nodes that have lost the store at the same moment do not come back at the same moment.
loop::Time::duration Exchange::pause() {
    auto most = pause_first;
    for (std::uint32_t i = 1; i < failures_ && most < pause_last; ++i) most *= 2;
    return std::clamp(most / 2 + any_of(most), pause_first, pause_last);
}

loop::Time::duration Exchange::any_of(loop::Time::duration most) {
    return loop::Time::duration(
        std::uniform_int_distribution<loop::Time::rep>(0, most.count())(random_));
}

// What others say

Topic* Exchange::topic(std::string_view name) const {
    const auto found =
        std::ranges::find_if(topics_, [&](const auto* each) { return each->name() == name; });
    return found == topics_.end() ? nullptr : *found;
}

void Exchange::learn(Entry entry) {
    auto* const about = topic(entry.table);
    // A newer version may have tables that we do not know.
    if (about == nullptr || !about->has_table() || entry.value.empty()) return;
    auto opened = secret_.open(entry.value, place_of(entry));
    if (!opened)
        return note_unreadable(entry.stamp.node, entry.table + ":" + entry.key, opened.error());
    entry.value = std::move(*opened);
    about->learn(entry);
}

void Exchange::hear(Message message) {
    const auto slash = message.kind.find('/');
    auto* const about = topic(std::string_view(message.kind).substr(0, slash));
    if (about == nullptr || message.node == settings_.node) return;
    if (slash != std::string::npos && message.kind.substr(slash + 1) != settings_.node) return;
    auto opened = secret_.open(message.body, place_of(message));
    if (!opened) return note_unreadable(message.node, message.kind, opened.error());
    message.body = std::move(*opened);
    about->hear(message);
}

void Exchange::note_unreadable(const std::string& node, const std::string& key,
                               net::Secret::Refusal why) {
    metrics::count(metrics::Counter::store_entries_unreadable);
    using enum net::Secret::Refusal;
    // A newer version that keeps something in another format keeps it for its own kind.
    if (why == unknown_format) return;
    if (unreadable_nodes_.size() >= unreadable_nodes_max || !unreadable_nodes_.insert(node).second)
        return;
    if (why == another_secret)
        log::write_each(log::Level::warning,
                        "another node seals what it shares with another secret: give all nodes the "
                        "same cluster.secret_file",
                        {{"node", node}});
    else
        log::write_each(log::Level::warning,
                        "the cluster's store holds something that no node has written there: does "
                        "anything else use its keys?",
                        {{"node", node}, {"key", key}});
}

std::vector<News> Exchange::sealed(std::vector<News> news) const {
    for (auto& each : news) {
        if (auto* const entry = std::get_if<Entry>(&each)) {
            entry->value = secret_.seal(entry->value, place_of(*entry));
        } else {
            auto& message = std::get<Message>(each);
            message.body = secret_.seal(message.body, place_of(message));
        }
    }
    return news;
}

}  // namespace ballast::cluster
