// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/options.h"
#include "support/target.h"

#include <functional>
#include <string_view>
#include <vector>

namespace ballast::bench {

/// Something that is measured of each target in each round.
struct Measure {
    std::string_view name;  ///< as in the options
    std::function<void(const Target&)> measure_one;
};

/// Before anything else: signals, descriptors, a network of our own, an end to whatever hangs. Says
/// on which machine this is.
void prepare(const Options& options);

/// All measures of all targets, round by round, in an order that changes: on a shared machine only
/// what ran side by side can be compared.
void measure_in_rounds(const Options& options, const std::vector<Target>& targets,
                       const std::vector<Measure>& measures);

}  // namespace ballast::bench
