// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <chrono>
#include <cstddef>

/// The bounds that many settings share.
namespace ballast::config {

constexpr Duration time_max = std::chrono::hours(24);
constexpr std::size_t path_bytes_max = 4095;  // PATH_MAX without the NUL
constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

}  // namespace ballast::config
