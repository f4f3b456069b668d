// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/report.h"

#include <cstdint>
#include <string_view>

namespace ballast::migrate {

/// What a scheduler looks at.
enum class Use : std::uint8_t {
    weights,   ///< shares
    nothing,   ///< no weights
    order,     ///< the heaviest first, the others are backups
    overflow,  ///< the heaviest first, until it has more connections than its weight
};

struct Scheduler {
    std::string_view name;
    std::string_view balance;
    Use use;
    Outcome outcome;
    std::string_view differs = {};
};

/// The scheduler of this name; wlc, which keepalived takes instead, if there is none.
[[nodiscard]] const Scheduler& scheduler_of(std::string_view name);

}  // namespace ballast::migrate
