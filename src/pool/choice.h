// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::pool {

/// Why a member could not be chosen.
enum class Unfit : std::uint8_t {
    no,         ///< it could
    withdrawn,  ///< by the administrator
    down,
    ejected,
    full,
    tried,  ///< for this client, in vain
    without_weight,
    later_tier,   ///< a backup, or of a later SRV priority
    not_its_own,  ///< the client sticks to another
};
/// Empty for `no`.
[[nodiscard]] std::string_view to_string(Unfit unfit);

/// What led to a choice, for those who explain it: all that the policy saw, and why the others were
/// not before it.
struct Choice {
    static constexpr std::size_t options_max = 16;
    enum class Why : std::uint8_t {
        none,         ///< nobody was chosen
        policy,       ///< the policy picked it
        sticky,       ///< the client sticks to it
        last_resort,  ///< the policy picked it among ejected ones, because no other can serve
    };
    struct Option {
        std::string name;
        /// Weight 256 is a configured weight of 1. Of an unfit one only sessions and transfers.
        balance::Candidate numbers;
        Unfit unfit = Unfit::no;
    };

    Why why = Why::none;
    std::string_view policy;
    std::vector<Option> options;  ///< the first ones of the pool
    std::uint32_t more = 0;       ///< not among `options`
};
[[nodiscard]] std::string_view to_string(Choice::Why why);

}  // namespace ballast::pool
