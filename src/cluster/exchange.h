// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/store.h"
#include "cluster/store_clock.h"
#include "cluster/topic.h"
#include "loop/job.h"
#include "loop/loop.h"
#include "net/secret.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cluster {

/// Carries what this node and the others have to tell each other through the store. Seals it,
/// follows the store's news, and keeps a heartbeat. While the store is away nothing waits for it:
/// the topics keep what they know, and what is due is told after its return. Belongs to the control
/// thread. The store, the secret and the topics outlive it.
class Exchange {
public:
    struct Settings {
        std::string node;
        std::chrono::milliseconds heartbeat{};
        std::uint64_t seed = 0;
    };
    Exchange(loop::Loop& loop, Store& store, const net::Secret& secret, Settings settings);

    /// Of what a topic gives: the store takes no more, and sealing adds some bytes.
    static constexpr std::size_t news_bytes_max = Store::value_bytes_max - 1024;

    /// Before `start`.
    void add(Topic& topic) { topics_.push_back(&topic); }
    void start();
    /// Says nothing any more, and hears nothing.
    void stop() { living_.cancel(); }
    /// Stops, then writes this last of all, if the store can be reached.
    [[nodiscard]] loop::Task<> stop_with(std::vector<News> last);
    /// A topic has something to tell that should not wait for the next heartbeat.
    void hurry() { due_.raise(); }
    /// A topic can use more of its table than before.
    void load_again();
    /// Whether this node does what only one of them should do. The store says who it is, for five
    /// heartbeats at a time. Nobody has the office while the store is away.
    [[nodiscard]] bool has_office() const {
        return state_.is_reachable && loop_.now() < office_until_;
    }

    /// For a change made now. It is later than `known`, the stamp of what is changed.
    [[nodiscard]] Stamp stamp(const Stamp& known = {}) const;
    [[nodiscard]] const StoreClock& clock() const { return clock_; }
    [[nodiscard]] loop::Loop& loop() const { return loop_; }
    [[nodiscard]] const std::string& node() const { return settings_.node; }
    [[nodiscard]] std::chrono::milliseconds heartbeat() const { return settings_.heartbeat; }
    /// The same process goes on as another node.
    void rename(std::string node);
    /// What the others had said by then has been heard.
    [[nodiscard]] loop::Time heard_until() const { return heard_until_; }
    /// The key in the store for something that must not be readable there, or has spaces.
    [[nodiscard]] std::string key_of(std::string_view text) const;

    struct State {
        bool is_reachable = false;
        loop::Time since;     ///< when that changed
        std::string problem;  ///< why it is not
    };
    [[nodiscard]] const State& state() const { return state_; }

private:
    [[nodiscard]] loop::Task<> live();
    [[nodiscard]] loop::Task<base::Error> talk();
    [[nodiscard]] loop::Task<> follow(std::string after, std::optional<base::Error>& failure);
    [[nodiscard]] loop::Task<> tell(bool is_wiped, std::optional<base::Error>& failure);
    [[nodiscard]] loop::Task<base::Result<>> load_some();
    [[nodiscard]] loop::Task<base::Result<>> measure();
    [[nodiscard]] loop::Task<base::Result<>> claim();
    void gather();
    [[nodiscard]] loop::Task<base::Result<>> flush(loop::Time next_beat);
    void clock_answered(std::chrono::milliseconds now, loop::Time asked_at);
    void note_lost(const base::Error& error);
    void note_found();
    [[nodiscard]] loop::Time::duration pause();
    [[nodiscard]] loop::Time::duration any_of(loop::Time::duration most);

    [[nodiscard]] Topic* topic(std::string_view name) const;
    void learn(Entry entry);
    void hear(Message message);
    void note_unreadable(const std::string& node, const std::string& key, net::Secret::Refusal why);
    [[nodiscard]] std::vector<News> sealed(std::vector<News> news) const;

    loop::Loop& loop_;
    Store& store_;
    const net::Secret& secret_;
    Settings settings_;
    std::mt19937_64 random_;
    StoreClock clock_;
    std::vector<Topic*> topics_;
    State state_;
    std::string birth_;
    bool has_followed_ = false;  // since it was opened
    bool has_told_ = false;      // likewise
    loop::Time heard_until_;
    bool reload_due_ = false;
    struct Loading {
        std::size_t topic = 0;
        std::string from = {};
        std::size_t slices = 0;
    };
    std::optional<Loading> loading_;
    loop::Time next_load_;
    // So many topics have been read since it was opened. The first, the heartbeat, waits for none.
    std::size_t read_ = 1;
    loop::Time office_until_;
    std::vector<News> unwritten_;           // what the store has failed to write
    std::set<std::string_view> too_large_;  // topics of which that was said
    std::size_t batch_max_;
    std::uint32_t failures_ = 0;              // since the store worked for a while
    std::set<std::string> unreadable_nodes_;  // those that were warned of
    loop::Signal due_;
    loop::Signal ended_;
    loop::Signal paused_;
    loop::Signal idle_;
    loop::Job living_;
};

}  // namespace ballast::cluster
