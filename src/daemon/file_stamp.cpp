// SPDX-License-Identifier: Apache-2.0
#include "daemon/file_stamp.h"

#include "base/file.h"

#include <sys/stat.h>

namespace ballast::daemon {

void add_stamp(const std::string& file, FileStamp& stamp) {
    if (file.empty()) return;
    const auto status = base::file_status(file);
    const struct stat found = status.value_or(decltype(status)::value_type{});
    // ctime also covers permissions: a file may become readable.
    stamp.insert(stamp.end(),
                 {found.st_ctim.tv_sec, found.st_ctim.tv_nsec, found.st_mtim.tv_sec,
                  found.st_mtim.tv_nsec, found.st_size, static_cast<std::int64_t>(found.st_ino)});
}

FileStamp stamp_of(const std::string& file) {
    FileStamp stamp;
    add_stamp(file, stamp);
    return stamp;
}

bool WatchedFile::is_due(FileStamp now) {
    const bool is_quiet = seen_.empty() || now == seen_;
    seen_ = std::move(now);
    if (!is_quiet) return false;
    has_changed_ = seen_ != tried_;
    tried_ = seen_;
    return has_changed_ || !refused_.empty();
}

bool WatchedFile::refuse(std::string reason) {
    const bool is_news = has_changed_ || reason != refused_;
    refused_ = std::move(reason);
    return is_news;
}

}  // namespace ballast::daemon
