// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::log {

/// Counts the lines that say the same, so that nobody can fill a log by making one repeat. Beyond
/// so many within a second they are left out, and how many is told. Belongs to one thread or locks.
class Repeats {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Empty: the line is left out. Else it is to be written, and this many like it were left out
    /// since the last one that was. `per_second` of 0 is no limit.
    [[nodiscard]] std::optional<std::uint64_t> admit(std::string_view kind,
                                                     std::uint32_t per_second, Time now);

    struct LeftOut {
        std::string kind;
        std::uint64_t lines = 0;
    };
    /// What was left out until `until`, and no later line has told of.
    [[nodiscard]] std::vector<LeftOut> take_left_out(Time until);

private:
    struct Kind {
        Time since;  // a second from then on
        std::uint32_t written = 0;
        std::uint64_t left_out = 0;
    };
    std::map<std::string, Kind, std::less<>> kinds_;
};

}  // namespace ballast::log
