// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/options.h"
#include "support/target.h"

#include <functional>
#include <string_view>
#include <vector>

namespace ballast::bench {

/// One measurement of each target in each round.
struct Measure {
    std::string_view name;  ///< as in the options
    std::function<void(const Target&)> measure_one;
};

/// Call it first: it sets up signals, descriptors, a separate network and a time limit, and prints
/// the machine.
void prepare(const Options& options);

/// All measures of all targets, round by round, in a changing order: on a shared machine only
/// figures of the same time can be compared.
void measure_in_rounds(const Options& options, const std::vector<Target>& targets,
                       const std::vector<Measure>& measures);

}  // namespace ballast::bench
