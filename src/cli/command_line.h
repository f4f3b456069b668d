// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/outcome.h"

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {  // NOLINT: the library's name
class App;
}

namespace ballast::cli {

struct Command;

/// Instead of a weight: what the configuration says.
inline constexpr std::string_view configured_weight = "configured";

/// Instead of a node: all of them.
inline constexpr std::string_view every_node = "all";

/// What one run of the program shall do.
struct CommandLine {
    const Command* command = nullptr;

    std::string file = "/etc/ballast/ballast.toml";
    bool is_file_given = false;

    // run and check
    std::string pid_file;  ///< empty: none
    std::string user;      ///< check as this user; empty: the caller
    bool bind = false;     ///< also test addresses that a running Ballast holds
    bool strict = false;   ///< warnings count as errors
    bool print = false;    ///< print the whole configuration, if it has no errors
    bool rules = false;    ///< print what the machine needs instead: of check for `source`

    // for the running daemon
    std::string socket;                                 ///< empty: as its configuration says
    std::string node;                                   ///< that answers; empty: the daemon itself
    bool json = false;                                  ///< print the daemon's reply as it is
    std::optional<std::chrono::milliseconds> watch;     ///< look again after this time
    std::optional<std::chrono::milliseconds> patience;  ///< for a reply
    std::vector<std::pair<std::string, std::string>> filters;  ///< keys and values of a query
    std::string subject;       ///< "POOL/BACKEND", a session, an address, ...; empty with `all`
    std::string value;         ///< a weight, or `configured_weight`
    bool all = false;          ///< the whole balancer, or all there are
    bool idle = false;         ///< end idle sessions too
    bool move = false;         ///< take sessions and downloads to other backends
    bool wait = false;         ///< until the last session has left
    bool until_empty = false;  ///< a drained daemon is ready as long as it has sessions
    bool upgrade = false;      ///< instead of a reload, if there is a new program
    bool transfer = false;     ///< only a session's transfer
    bool recent = false;       ///< what has been, without waiting for more
    bool names = false;        ///< names alone, for scripts

    bool metrics = false;  ///< the manual of the metrics

    // import
    std::string language;       ///< of the file to import
    std::string report;         ///< the form of the report: a name of `migrate::report_forms`
    std::string remainder_out;  ///< file for what keepalived still does; empty: not written
    std::string id;             ///< keepalived's config-id; empty: the host's name
    std::string certificate;    ///< PEM file with which Ballast shall end TLS; empty: none
};

/// The exit status if nothing is left to do: help was printed, or an error went to standard error.
[[nodiscard]] std::expected<CommandLine, Status> read(int argument_count,
                                                      const char* const* arguments);

/// The parser of the whole command line, with every command and option. `into` must outlive it.
/// Completion and manual page are made from it.
[[nodiscard]] std::unique_ptr<CLI::App> make_parser(CommandLine& into);

}  // namespace ballast::cli
