// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulation/auditor.h"
#include "simulation/client.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>

namespace ballast::simulation {

/// Everything that one seed makes: servers, a balancer, clients, and what happens to all of them.
class Life {
public:
    /// `shows`: what happens is printed.
    Life(std::uint64_t seed, bool shows);
    ~Life();
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;

    /// Until nothing is left. What is wrong is a failure of the test.
    void run();
    [[nodiscard]] std::uint64_t digest() const { return trace_.digest(); }

private:
    [[nodiscard]] support::Shape draw_shape();
    [[nodiscard]] Settings draw_settings();
    [[nodiscard]] config::Listener draw_listener();
    [[nodiscard]] config::Pool draw_pool(std::size_t number);
    [[nodiscard]] config::Probe draw_probe();
    [[nodiscard]] loop::Task<> disturb();
    [[nodiscard]] loop::Task<> stop_midway();
    void happen();
    void administer();
    [[nodiscard]] bool has_ended();

    Chance chance_;
    support::TestLoop loop_;
    support::MemoryNetwork network_{loop_};
    Trace trace_;
    Book book_;
    std::size_t bytes_max_;
    bool has_tls_;
    std::size_t pools_;
    std::size_t servers_each_;
    bool are_alike_;  ///< the servers of one pool
    std::optional<Servers> servers_;
    std::optional<Balancer> balancer_;
    std::optional<Scene> scene_;
    std::optional<Auditor> auditor_;
    std::list<Client> clients_;
    loop::Signal disturbed_;
    loop::Job disturbing_;
    loop::Signal stop_due_;
    loop::Job stopping_;
    std::uint64_t looked_at_turn_ = 0;
};

}  // namespace ballast::simulation
