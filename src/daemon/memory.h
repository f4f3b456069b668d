// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace ballast::daemon {

/// Bytes of memory that this process may come to: the machine's, or what the control group (of
/// cgroup version 2) has.
[[nodiscard]] std::size_t memory_there_is();
/// Resident bytes of this process; 0 if the system does not tell.
[[nodiscard]] std::size_t memory_taken();

}  // namespace ballast::daemon
