// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace ballast::daemon {

/// Bytes of memory that this process may use: the machine's memory, or the limit of the control
/// group (cgroup version 2).
[[nodiscard]] std::size_t memory_there_is();
/// Resident bytes of this process; 0 if the system does not tell.
[[nodiscard]] std::size_t memory_taken();

}  // namespace ballast::daemon
