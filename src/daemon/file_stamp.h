// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ballast::daemon {

/// Changes when one of the files does: its content, its rights, or which file has the name.
using FileStamp = std::vector<std::int64_t>;

/// Adds a file to the stamp of several; an empty name adds nothing.
void add_stamp(const std::string& file, FileStamp& stamp);

/// Decides when a file that may change is loaded: when its stamp has changed and then stayed the
/// same from one look to the next, because a file that is being written is no good yet. And again
/// and again while what it holds is refused, because a file system that hangs comes back without a
/// change. The owner looks once a second.
class WatchedFile {
public:
    /// With an empty stamp nothing was loaded yet, and the first look loads without waiting.
    explicit WatchedFile(FileStamp loaded = {}) : seen_(loaded), tried_(std::move(loaded)) {}

    [[nodiscard]] bool is_due(FileStamp now);
    /// Whether that is news.
    [[nodiscard]] bool refuse(std::string reason);
    void accept() { refused_.clear(); }

private:
    FileStamp seen_;   ///< at the last look
    FileStamp tried_;  ///< when it was loaded or refused last
    bool has_changed_ = false;
    std::string refused_;  ///< why; empty if it is loaded
};

}  // namespace ballast::daemon
