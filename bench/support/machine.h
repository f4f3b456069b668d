// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/options.h"

#include <string>

namespace ballast::bench {

/// Where the figures come from.
struct Machine {
    std::string processor;
    unsigned cores = 0;
    double memory_gibibytes = 0;
    std::string kernel;
    std::string congestion_control;
    /// "a network namespace of its own", or why there is none.
    std::string network{};
    bool has_own_network = false;
    /// What else ran just before: the average of a minute.
    double load = 0;
};

/// Without what is said of the network.
[[nodiscard]] Machine this_machine();
void print(const Machine& machine);

/// What the program says about its version, or "not here".
struct Versions {
    std::string ballast;
    std::string haproxy;
    std::string nginx;
    std::string mod_proxy;
};
[[nodiscard]] Versions versions_of(const TargetOptions& options);
void print(const Versions& versions);

}  // namespace ballast::bench
