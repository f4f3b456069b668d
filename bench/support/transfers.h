// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/options.h"
#include "support/results.h"
#include "support/run.h"
#include "support/target.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace ballast::bench {

enum class Direction : bool { download, upload };

struct Transfers {
    Direction direction = Direction::download;
    std::size_t streams = 1;
    std::size_t bytes = 0;  ///< of all streams together
};

/// Parallel transfers of large files, under TLS if the target has it. The clock starts when the
/// first bytes are ready to flow.
void measure_transfers(const Transfers& transfers, std::string_view baseline, const Target& target,
                       Results& results);
/// Downloads and uploads of all widths.
[[nodiscard]] std::vector<Measure> transfer_measures(const Options& options,
                                                     std::string_view baseline, Results& results);

}  // namespace ballast::bench
