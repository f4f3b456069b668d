// SPDX-License-Identifier: Apache-2.0
#include "daemon/file_stamp.h"

#include <sys/stat.h>

namespace ballast::daemon {

void add_stamp(const std::string& file, FileStamp& stamp) {
    if (file.empty()) return;
    struct stat found{};
    if (::stat(file.c_str(), &found) != 0) found = {};
    // The change of rights too: a file that could not be read may be readable now.
    stamp.insert(stamp.end(),
                 {found.st_ctim.tv_sec, found.st_ctim.tv_nsec, found.st_mtim.tv_sec,
                  found.st_mtim.tv_nsec, found.st_size, static_cast<std::int64_t>(found.st_ino)});
}

}  // namespace ballast::daemon
