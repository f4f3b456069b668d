// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/machine.h"
#include "support/options.h"
#include "support/results.h"
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
Machine prepare(const Options& options);

/// All measures of all targets, round by round, in a changing order: on a shared machine only
/// figures of the same time can be compared. A rival that fails is left out of that round.
void measure_in_rounds(const Options& options, const std::vector<Target>& targets,
                       const std::vector<Measure>& measures);

/// Once, before there are rounds: a process that has worked holds memory that it does not need.
void measure_memory(const Options& options, const std::vector<Target>& targets, Results& results);

/// Prints the figures beside the best rival's, and appends them to the file of --json.
void report(std::string_view program, const Options& options, const Machine& machine,
            const std::vector<Target>& targets, Results& results);

}  // namespace ballast::bench
