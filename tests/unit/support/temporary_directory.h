// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace ballast::support {

/// A directory that goes with its object.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    [[nodiscard]] std::string file(std::string_view name) const;
    /// What the file holds.
    [[nodiscard]] std::string read(std::string_view name) const;
    /// Returns the file's path.
    std::string write(std::string_view name, std::string_view bytes) const;

private:
    std::string path_;
};

}  // namespace ballast::support
