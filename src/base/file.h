// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/wiped_string.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <sys/stat.h>

/// Files that operators name: certificates, keys, secrets, lists of backends. Each is read on a
/// thread of its own, so that a hung file system costs the caller seconds and not its life. Any
/// thread may call; a worker should not, because it may take `file_timeout`.
namespace ballast::base {

/// Reads a regular file whole. A FIFO, a device or a folder is refused, and so is a file of more
/// than `bytes_max` bytes. A file that does not answer in time fails with ETIMEDOUT, and with the
/// same at once for as long as it still does not answer. The fault is `internal`.
[[nodiscard]] Result<WipedString> read_file(const std::string& path,
                                            std::size_t bytes_max = 4UL << 20);
/// What would make it readable, for the one who named the file.
[[nodiscard]] std::string_view cure_of_unreadable(const Error& error);
/// stat(2), likewise.
[[nodiscard]] Result<struct stat> file_status(const std::string& path);
/// Runs `work` likewise, for other things that may hang on this path. `work` gives 0 or an errno.
/// It may outlive the call, so it must own what it uses.
[[nodiscard]] Result<> in_time(const std::string& path, const std::string& doing,
                               std::function<int()> work);
/// At the end of the process: nobody waits for a file any more, now or later.
void stop_waiting_for_files();

}  // namespace ballast::base
