// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace ballast::cli {

/// The exit statuses of the program (docs/exit-codes.md). With 2 nothing was done.
enum class Status : std::uint8_t { good = 0, failed = 1, misused = 2, unreachable = 2, cut = 3 };

/// What one run of the program shall do.
struct CommandLine {
    enum class Command : std::uint8_t {
        run,
        check,
        // for the running daemon
        reload,
        upgrade,
        reopen,
        backends,
        drain,
        disable,
        ready,
        // need nothing
        version,
        manual,
        schema,
    };
    Command command = Command::run;
    std::string file = "/etc/ballast/ballast.toml";
    bool is_file_given = false;
    std::string pid_file;  ///< empty: none
    std::string user;      ///< check as this user; empty: the caller
    bool bind = false;     ///< also test addresses that a running Ballast holds
    bool strict = false;   ///< warnings count as errors
    bool print = false;    ///< print the whole configuration, if it has no errors

    std::string socket;    ///< of the running daemon; empty: as its configuration says
    std::string backend;   ///< "POOL/BACKEND"; empty with `all`
    bool all = false;      ///< the whole balancer
    bool idle = false;     ///< end idle sessions too
    bool wait = false;     ///< until the last session has left
    bool upgrade = false;  ///< instead of a reload, if there is a new program
};

/// The exit status if nothing is left to do: help was printed, or an error went to standard error.
[[nodiscard]] std::expected<CommandLine, Status> read(int argument_count,
                                                      const char* const* arguments);

}  // namespace ballast::cli
