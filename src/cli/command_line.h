// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace ballast::cli {

/// The exit statuses of the program (docs/exit-codes.md).
enum class Status : std::uint8_t { good = 0, failed = 1, misused = 2 };

/// What one call of the program asks for.
struct CommandLine {
    enum class Command : std::uint8_t { run, check, version, manual, schema };
    Command command = Command::run;
    std::string file = "/etc/ballast/ballast.toml";
    std::string user;     ///< to check as; empty: the one who calls
    bool bind = false;    ///< also addresses that a running Ballast holds
    bool strict = false;  ///< warnings count as errors do
    bool print = false;   ///< the whole configuration, if it is good
};

/// Where there is nothing left to do, the exit status instead: help was printed, or what is wrong
/// with the words was said on standard error.
[[nodiscard]] std::expected<CommandLine, Status> read(int argument_count,
                                                      const char* const* arguments);

}  // namespace ballast::cli
