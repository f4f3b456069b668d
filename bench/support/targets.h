// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/scratch.h"
#include "support/server.h"
#include "support/target.h"

#include <cstdint>
#include <vector>

namespace ballast::bench {

/// Ballast as it is by default, or also tuned, with failover and without explain.
enum class Variants : std::uint8_t { usual, all };

/// The server and everything that may be in front of it. Make it before there are threads.
class Targets {
public:
    Targets(const TargetOptions& options, Variants variants);

    [[nodiscard]] const std::vector<Target>& all() const { return all_; }

private:
    Server server_;
    Scratch scratch_;
    std::vector<Target> all_;
};

}  // namespace ballast::bench
