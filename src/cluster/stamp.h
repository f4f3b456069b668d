// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::cluster {

/// When a change was made, and by which node. The time is the store's: every node measures how far
/// it is from its own steady clock, so a node whose wall clock is wrong does no harm. The later
/// stamp wins; at the same time the node's name decides.
struct Stamp {
    std::chrono::milliseconds at{};  ///< since 1970
    std::string node;

    friend auto operator<=>(const Stamp&, const Stamp&) = default;
    friend bool operator==(const Stamp&, const Stamp&) = default;
};

/// "1764512345678 node1"
[[nodiscard]] std::string to_string(const Stamp& stamp);
[[nodiscard]] std::optional<Stamp> parse_stamp(std::string_view text);

}  // namespace ballast::cluster
