// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulation/chance.h"
#include "simulation/clocks.h"
#include "simulation/fleet_node.h"
#include "support/memory_store.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ballast::simulation {

/// Several balancers and their store, made from one seed. Clients come and go, operators decide,
/// and for a while the store is slow, away, full, wiped or out of some nodes' reach, and nodes die.
class FleetLife {
public:
    /// `shows`: what happens is printed.
    FleetLife(std::uint64_t seed, bool shows);
    ~FleetLife();
    FleetLife(const FleetLife&) = delete;
    FleetLife& operator=(const FleetLife&) = delete;

    /// What is wrong is a failure of the test.
    void run();

    /// What has happened in all lives: without it, that nothing is wrong would prove nothing.
    struct Tally {
        std::uint64_t sessions = 0;
        std::uint64_t refused = 0;
        std::uint64_t exceeded = 0;  ///< sessions that came on top of `max_sessions`, in time
        std::uint64_t exceeded_in_calm = 0;
        std::uint64_t decisions_checked = 0;
        std::uint64_t forgotten_checked = 0;
        std::uint64_t bans_checked = 0;
        std::uint64_t lifts_checked = 0;
        std::uint64_t users_checked = 0;
        std::uint64_t deaths = 0;
        std::uint64_t wipes = 0;
    };
    [[nodiscard]] const Tally& tally() const { return tally_; }

private:
    /// A place where a balancer runs: its machine, and its way to the store.
    struct Node {
        std::string name;
        loop::Loop* loop = nullptr;
        std::unique_ptr<support::MemoryStore::Link> link;
        std::unique_ptr<FleetProcess> process;  // null: it is dead
        bool is_informed = false;               // it has been in touch since it started
        loop::Time::duration travel{};
        std::uint64_t lost_percent = 0;
        /// When sessions began, by backend.
        std::map<std::string, std::deque<loop::Time>> begun;
    };
    struct Decided {
        pool::AdminState state{};
        loop::Time at;
        std::size_t node = 0;
        bool is_certain = true;  ///< that it is the latest, and not lost
    };
    struct DecidedBan {
        bool is_banned = false;
        loop::Time at;
        std::size_t node = 0;
        bool is_certain = true;
    };
    struct Forgotten {
        std::size_t node = 0;
        loop::Time at;
    };

    void start(Node& node);
    void end(std::size_t index);
    void live_for(loop::Time::duration duration);
    void happen();
    void begin_session();
    void end_session();
    void decide();
    void forget();
    void ban();
    void lift();
    void decided_ban(std::size_t node, const std::string& client, bool is_banned);
    void begin_trouble();
    void end_trouble();
    void look();

    [[nodiscard]] bool is_calm() const;
    [[nodiscard]] loop::Time horizon() const;
    void check_limit(std::size_t at, const std::string& backend);
    [[nodiscard]] std::string views_of(const Node& node, const std::string& backend) const;
    void check_the_end();
    void note(const std::string& text) const;
    [[nodiscard]] Node* any_alive();
    [[nodiscard]] std::size_t index_of(const Node& node) const;
    void check_bans(const Node& node);
    void check_users();

    Chance chance_;
    const bool shows_;
    Clocks clocks_;
    support::MemoryStore store_;
    std::shared_ptr<const net::Secret> secret_;
    config::Pool pool_;
    config::Limits limits_;
    std::chrono::milliseconds heartbeat_;
    loop::Time::duration travel_most_;
    bool has_clock_jumps_;
    std::deque<Node> nodes_;
    bool is_in_trouble_ = true;
    loop::Time trouble_began_;
    loop::Time reachable_since_;
    std::map<std::string, Decided> decided_;      // by backend
    std::map<std::string, DecidedBan> bans_;      // by client
    std::map<std::string, Forgotten> forgotten_;  // by client
    std::map<std::string, loop::Time> used_at_;   // by client
    Tally tally_;
};

}  // namespace ballast::simulation
