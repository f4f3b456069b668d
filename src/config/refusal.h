// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace ballast::config {

/// Why a text is not a valid value: a Problem without its place, which only the loader knows.
struct Refusal {
    std::string what;
    std::string fix;

    friend bool operator==(const Refusal&, const Refusal&) = default;
};

}  // namespace ballast::config
