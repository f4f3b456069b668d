// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "loop/loop.h"

#include <cstdint>

namespace ballast::pool {

/// What live sessions saw of one backend. After so many failures in a row it is ejected: left
/// alone for a time, and after it one failure more ejects it again, for twice as long. A success
/// ends all that. A probe may pass all the while: a server that accepts and never greets is found
/// here.
class Outlier {
public:
    explicit Outlier(const config::Observe& rule) : rule_(rule) {}

    void succeeded();
    /// True if this failure is one too many: the owner ejects or not.
    [[nodiscard]] bool failed();
    void eject(loop::Time now);
    /// It was not ejected: the row begins anew.
    void spare() { failures_ = 0; }
    /// It rose from down: what was before does not count.
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
