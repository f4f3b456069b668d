// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metrics/counters.h"
#include "simulation/scene.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ballast::simulation {

/// Compares the balancer's books with what is there: at any moment, and at the end of a life.
class Auditor {
public:
    /// `scene` must outlive it. The counters count from now on.
    explicit Auditor(Scene& scene);

    /// True at every moment between two turns of the loop.
    void look();
    /// All clients have gone, and all timeouts are over.
    void look_at_the_end();

private:
    struct Seen {
        std::uint32_t sessions = 0;
        bool is_withdrawn = false;
    };
    void look_at_backend(const std::string& pool, const pool::Pool::Status& status,
                         const std::vector<session::View>& views);
    void look_at_limits(const pool::Pool::Status& status);
    void look_at_counters();
    void look_at_uploads();
    void expect_counted(metrics::Counter counter, const Book::Amount& amount);
    void expect_places_free();

    Scene& scene_;
    std::map<std::string, Seen> seen_;  ///< by the backend's name
    std::uint64_t changes_seen_ = 0;
    std::map<metrics::Counter, std::uint64_t> before_;
};

}  // namespace ballast::simulation
