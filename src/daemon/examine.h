// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "config/load.h"
#include "daemon/trial.h"

#include <string>

namespace ballast::daemon {

/// All problems of a file, and what would make a start on this machine fail.
struct Examined {
    config::Reading reading;
    std::string not_bound;  ///< as in `Tried`
};

/// An error if the file cannot be read; the text says what would be right. Takes seconds if names
/// are asked.
[[nodiscard]] base::Result<Examined> examine(const std::string& file, const Trial& trial);

}  // namespace ballast::daemon
