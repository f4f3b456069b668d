// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "loop/loop.h"
#include "loop/task.h"

#include <functional>
#include <string>
#include <vector>

namespace ballast::net {

/// Finds the addresses of a host without blocking the loop. A test has its own.
using LookUp = std::function<loop::Task<base::Result<std::vector<base::Ip>>>(
    loop::Loop& loop, std::string name, loop::Deadline deadline)>;

/// Like `resolve`, on a thread of its own. Cancelling it may block for 100 ms. An error's fault is
/// `internal`.
[[nodiscard]] loop::Task<base::Result<std::vector<base::Ip>>> look_up(loop::Loop& loop,
                                                                      std::string name,
                                                                      loop::Deadline deadline);

}  // namespace ballast::net
