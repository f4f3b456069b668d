// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/wiped_string.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <sys/stat.h>

/// Files that operators name: certificates, keys, secrets, lists of backends. Each is read on its
/// own thread, so that a hung file system blocks the caller for seconds and not for ever. Any
/// thread may call. A worker should not: a call can take `file_timeout`.
namespace ballast::base {

/// Reads a whole regular file. Refuses FIFOs, devices, folders and files larger than `bytes_max`
/// bytes. A file that does not answer in time fails with ETIMEDOUT. While it still hangs, later
/// calls fail with the same error at once. The fault is `internal`.
[[nodiscard]] Result<WipedString> read_file(const std::string& path,
                                            std::size_t bytes_max = 4UL << 20);
/// Replaces a file, or makes it, for its owner alone. After a crash there is either the old content
/// or the new. On the way there is a second file, `path` with ".new" behind.
[[nodiscard]] Result<> replace_file(const std::string& path, const std::string& content);
/// What the operator can do to make the file readable.
[[nodiscard]] std::string_view cure_of_unreadable(const Error& error);
/// stat(2) with the same timeout.
[[nodiscard]] Result<struct stat> file_status(const std::string& path);
/// Runs `work` with the same timeout, for other calls that may hang on this path. `work` returns 0
/// or an errno. It may outlive the call, so it must own what it uses.
[[nodiscard]] Result<> in_time(const std::string& path, const std::string& doing,
                               std::function<int()> work);
/// For the end of the process: all waiting for files ends, now and later.
void stop_waiting_for_files();

}  // namespace ballast::base
