// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace ballast::support {

/// A directory that is removed with its object.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    [[nodiscard]] std::string file(std::string_view name) const;
    /// The content of the file.
    [[nodiscard]] std::string read(std::string_view name) const;
    /// Returns the file's path.
    std::string write(std::string_view name, std::string_view bytes) const;

private:
    std::string path_;
};

}  // namespace ballast::support
