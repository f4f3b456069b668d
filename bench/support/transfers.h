// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/results.h"
#include "support/target.h"

#include <cstddef>
#include <string_view>

namespace ballast::bench {

enum class Direction : bool { download, upload };

struct Transfers {
    Direction direction = Direction::download;
    std::size_t streams = 1;
    std::size_t bytes = 0;  ///< of all streams together
};

/// Large files side by side, under TLS where the target has it. Everything before their first bytes
/// is done before the clock starts.
void measure_transfers(const Transfers& transfers, std::string_view baseline, const Target& target,
                       Results& results);

}  // namespace ballast::bench
