// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/access.h"
#include "backend/leg.h"
#include "base/error.h"
#include "loop/job.h"
#include "net/network.h"
#include "pool/pool.h"

#include <memory>
#include <random>
#include <string>
#include <unordered_map>

namespace ballast::health {

/// Asks the backends of one pool, again and again, whether they serve, and surveys each when it is
/// first heard of and whenever it comes up. Lives on the control thread's loop.
class Prober {
public:
    /// `network` and `access` outlive it. `password` belongs to `probe.user`.
    Prober(net::Network& network, std::shared_ptr<pool::Pool> pool, const backend::Access& access,
           std::string password, std::uint64_t seed);

    void start();

private:
    struct Watched {
        explicit Watched(loop::Loop& loop) : signal(loop) {}
        loop::Signal signal;
        loop::Job job;
    };
    [[nodiscard]] loop::Task<> follow_pool();
    [[nodiscard]] loop::Task<> probe_for_ever(pool::Backend backend, loop::Signal& signal);
    /// Runs one question within the probe's own time-out, whatever the backend does.
    enum class Question : std::uint8_t { probe, survey };
    [[nodiscard]] loop::Task<base::Result<>> ask(Question question, pool::Backend backend);
    [[nodiscard]] loop::Task<> probe(pool::Backend backend, loop::Signal& signal,
                                     base::Result<>& result);
    [[nodiscard]] loop::Task<> survey(pool::Backend backend, loop::Signal& signal,
                                      base::Result<>& result);
    [[nodiscard]] backend::Contact contact(const pool::Backend& backend) const;
    [[nodiscard]] loop::Task<base::Result<>> log_in(backend::Leg& leg);
    [[nodiscard]] loop::Deadline next_probe();

    net::Network& network_;
    std::shared_ptr<pool::Pool> pool_;
    const backend::Access& access_;
    const std::string password_;
    std::mt19937_64 random_;
    loop::Signal signal_;
    std::unordered_map<pool::BackendId, std::unique_ptr<Watched>> watched_;
    loop::Job job_;
};

}  // namespace ballast::health
