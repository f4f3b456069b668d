// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "loop/loop.h"

#include <cstdint>

namespace ballast::pool {

/// What live sessions saw of one backend. After a number of failures in a row the backend is
/// ejected: it gets no sessions for a time. One more failure after that ejects it again, for twice
/// as long. A success forgets all failures. Probes may pass meanwhile: only sessions notice a
/// server that accepts connections and never greets.
class Outlier {
public:
    explicit Outlier(const config::Observe& rule) : rule_(rule) {}

    /// An ejection goes on as it began.
    void configure(const config::Observe& rule) { rule_ = rule; }
    void succeeded();
    /// True if this failure is one too many. The owner then calls `eject` or `spare`.
    [[nodiscard]] bool failed();
    void eject(loop::Time now);
    /// It is not ejected. Counting starts again.
    void spare() { failures_ = 0; }
    /// It came up again: earlier failures no longer count.
    void forget() { *this = Outlier(rule_); }
    [[nodiscard]] bool is_ejected(loop::Time now) const { return now < ejected_until_; }
    [[nodiscard]] loop::Time ejected_until() const { return ejected_until_; }

private:
    config::Observe rule_;
    std::uint32_t failures_ = 0;   // in a row
    std::uint32_t ejections_ = 0;  // in a row
    loop::Time ejected_until_{};
};

}  // namespace ballast::pool
