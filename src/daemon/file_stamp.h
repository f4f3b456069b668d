// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ballast::daemon {

/// Changes when one of the files does: its content, its permissions, or which file has the name.
using FileStamp = std::vector<std::int64_t>;

/// Adds a file to the stamp of several; an empty name adds nothing.
void add_stamp(const std::string& file, FileStamp& stamp);
[[nodiscard]] FileStamp stamp_of(const std::string& file);

/// Decides when to load a file that may change. It is due when its stamp has changed and then
/// stayed the same for one look, because a half-written file is not usable. While the file is
/// refused it is due at each look, because a hung file system recovers without a change. The owner
/// looks once a second.
class WatchedFile {
public:
    /// An empty stamp means that nothing is loaded; the first look then loads without waiting.
    explicit WatchedFile(FileStamp loaded = {}) : seen_(loaded), tried_(std::move(loaded)) {}

    [[nodiscard]] bool is_due(FileStamp now);
    /// Whether the reason is new.
    [[nodiscard]] bool refuse(std::string reason);
    void accept() { refused_.clear(); }

private:
    FileStamp seen_;   ///< at the last look
    FileStamp tried_;  ///< at the last load or refusal
    bool has_changed_ = false;
    std::string refused_;  ///< why; empty if it is loaded
};

}  // namespace ballast::daemon
