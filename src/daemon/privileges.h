// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "config/config.h"
#include "config/load.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace ballast::daemon {

/// Makes the whole process run as this user, with its groups. As under the service manager, it
/// keeps only CAP_NET_BIND_SERVICE, and CAP_NET_ADMIN for `source`, if root has them. Needs root
/// and a process with one thread.
[[nodiscard]] base::Result<> become(const std::string& user);

/// The user's name, or the number if there is no name.
[[nodiscard]] std::string name_of_user(uid_t user);

/// Prevents core dumps, and access to our memory by other processes of the same user.
void hide_memory();

/// Warns of files with keys and passwords that everybody on this machine may read.
[[nodiscard]] std::vector<config::Problem> exposed_secrets(const config::Config& config);

}  // namespace ballast::daemon
