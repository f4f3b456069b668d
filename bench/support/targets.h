// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/server.h"
#include "support/target.h"

#include <vector>

namespace ballast::bench {

/// The server and everything that may be in front of it. Make it before there are threads.
class Targets {
public:
    explicit Targets(const TargetOptions& options);

    [[nodiscard]] const std::vector<Target>& all() const { return all_; }

private:
    Server server_;
    std::vector<Target> all_;
};

}  // namespace ballast::bench
