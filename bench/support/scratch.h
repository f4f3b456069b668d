// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace ballast::bench {

/// A directory in memory for the files that programs insist on. It goes with this object.
class Scratch {
public:
    Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace ballast::bench
