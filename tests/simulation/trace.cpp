// SPDX-License-Identifier: Apache-2.0
#include "simulation/trace.h"

#include <chrono>
#include <cstdio>
#include <fmt/format.h>

namespace ballast::simulation {

void Trace::note(std::string_view who, std::string_view what) {
    const std::chrono::duration<double> time = loop_.now() - began_;
    const auto line = fmt::format("{:.6f} {}: {}\n", time.count(), who, what);
    for (const char c : line) {
        digest_ ^= static_cast<unsigned char>(c);
        digest_ *= 1'099'511'628'211U;
    }
    if (shows_) (void)std::fputs(line.c_str(), stdout);
}

}  // namespace ballast::simulation
