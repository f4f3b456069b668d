// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <iostream>
#include <source_location>

/// A condition that must hold for every input. If it does not, the fuzzer keeps the input.
inline void demand(bool truth, std::source_location where = std::source_location::current()) {
    if (truth) return;
    std::cerr << "line " << where.line() << " demands more\n";
    std::abort();
}
