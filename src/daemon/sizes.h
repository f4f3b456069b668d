// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <cstddef>
#include <cstdint>

/// What the configuration leaves to Ballast, and what the system allows.
namespace ballast::daemon {

/// The number of workers: one for each core, if the configuration says none.
[[nodiscard]] std::uint32_t worker_count(const config::Config& config);
/// The effective value of `limits.sessions`.
[[nodiscard]] std::uint32_t sessions_max(const config::Config& config);
/// The effective value of `limits.memory`, in bytes.
[[nodiscard]] std::size_t memory_max(const config::Config& config);
/// Lets this process have as many descriptors as it may, and keeps some back for probes.
void raise_descriptor_limit();

}  // namespace ballast::daemon
