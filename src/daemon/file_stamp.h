// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ballast::daemon {

/// Changes when one of the files does: its content, its rights, or which file has the name.
using FileStamp = std::vector<std::int64_t>;

/// Adds a file to the stamp of several; an empty name adds nothing.
void add_stamp(const std::string& file, FileStamp& stamp);

}  // namespace ballast::daemon
