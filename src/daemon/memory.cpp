// SPDX-License-Identifier: Apache-2.0
#include "daemon/memory.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <unistd.h>

namespace ballast::daemon {

namespace {

std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

/// The number in a file. Empty if there is none, or "max".
std::optional<std::size_t> number_in(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::size_t number = 0;
    if (!(stream >> number)) return std::nullopt;
    return number;
}

/// The line of cgroup version 2 in /proc/self/cgroup: "0::/system.slice/ballast.service".
std::filesystem::path control_group() {
    std::ifstream stream("/proc/self/cgroup");
    const std::string mark = "0::/";
    for (std::string line; std::getline(stream, line);)
        if (line.starts_with(mark)) return line.substr(mark.size());
    return {};
}

}  // namespace

std::size_t memory_there_is() {
    auto bytes = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * page_bytes();
    const std::filesystem::path root = "/sys/fs/cgroup";
    // Each parent group may have a lower limit.
    for (auto group = control_group();; group = group.parent_path()) {
        if (const auto most = number_in(root / group / "memory.max"))
            bytes = std::min(bytes, *most);
        if (group.empty() || group == group.parent_path()) return bytes;
    }
}

std::size_t memory_taken() {
    std::ifstream stream("/proc/self/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    if (!(stream >> size >> resident)) return 0;
    return resident * page_bytes();
}

}  // namespace ballast::daemon
