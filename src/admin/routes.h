// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/route.h"

#include <span>
#include <vector>

namespace ballast::admin {

// Each in the file of its name.
[[nodiscard]] std::span<const Route> process_routes();
[[nodiscard]] std::span<const Route> backend_routes();
[[nodiscard]] std::span<const Route> session_routes();
[[nodiscard]] std::span<const Route> overview_routes();
[[nodiscard]] std::span<const Route> explain_routes();
[[nodiscard]] std::span<const Route> event_routes();
[[nodiscard]] std::span<const Route> page_routes();

[[nodiscard]] const std::vector<Route>& all_routes();

}  // namespace ballast::admin
