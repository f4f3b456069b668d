// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ballast::daemon {

/// The file that this process was started from. A package may replace it. Made at the start.
class InstalledProgram {
public:
    InstalledProgram();

    /// As it was called, so that a link to another version is followed.
    [[nodiscard]] const std::string& path() const { return path_; }
    /// Whether another file is there now. Its permissions and links do not matter.
    [[nodiscard]] bool is_new() const;

private:
    using Stamp = std::vector<std::int64_t>;
    /// Empty if there is no such file.
    [[nodiscard]] Stamp stamp() const;

    std::string path_;
    Stamp started_from_;
};

}  // namespace ballast::daemon
