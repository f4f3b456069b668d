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

/// Counts lines of the same kind, so that nobody can fill a log by repeating one. Lines above a
/// rate per second are left out, and their number is reported. Not synchronized.
class Repeats {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Empty if the line must be left out. Otherwise write it; the number says how many were left
    /// out since the last written one. `per_second` 0 means no limit.
    [[nodiscard]] std::optional<std::uint64_t> admit(std::string_view kind,
                                                     std::uint32_t per_second, Time now);

    struct LeftOut {
        std::string kind;
        std::uint64_t lines = 0;
    };
    /// Lines left out until `until` that no later line has reported.
    [[nodiscard]] std::vector<LeftOut> take_left_out(Time until);

private:
    struct Kind {
        Time since;  // start of the current second
        std::uint32_t written = 0;
        std::uint64_t left_out = 0;
    };
    std::map<std::string, Kind, std::less<>> kinds_;
};

}  // namespace ballast::log
