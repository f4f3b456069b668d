// SPDX-License-Identifier: Apache-2.0
#include "support/scratch.h"

#include "support/trouble.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace ballast::bench {

namespace {

const std::filesystem::path place = "/dev/shm";
constexpr std::string_view prefix = "ballast_bench.";

/// Directories of programs that were killed. The number of the process is in the name.
void remove_orphans() {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(place, ignored)) {
        const auto name = entry.path().filename().string();
        if (!name.starts_with(prefix)) continue;
        const int pid = std::atoi(name.c_str() + prefix.size());
        if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH)
            std::filesystem::remove_all(entry.path(), ignored);
    }
}

}  // namespace

Scratch::Scratch() {
    remove_orphans();
    auto name = (place / fmt::format("{}{}.XXXXXX", prefix, ::getpid())).string();
    check(::mkdtemp(name.data()) == nullptr ? -1 : 0, "mkdtemp");
    path_ = name;
}

Scratch::~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace ballast::bench
