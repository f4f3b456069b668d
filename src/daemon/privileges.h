// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "config/config.h"
#include "config/load.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace ballast::daemon {

/// The whole process is this user from here on, with its groups and with CAP_NET_BIND_SERVICE
/// alone, as under the service manager; without it where root itself does not have it. Needs root,
/// and a process of one thread.
[[nodiscard]] base::Result<> become(const std::string& user);

/// Its name, or its number where it has none.
[[nodiscard]] std::string name_of_user(uid_t user);

/// No core dumps, and no other process of the same user may look into this one.
void hide_memory();

/// Warnings of files with keys and passwords that everybody on this machine may read.
[[nodiscard]] std::vector<config::Problem> exposed_secrets(const config::Config& config);

}  // namespace ballast::daemon
