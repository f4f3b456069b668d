// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/client.h"
#include "cli/command_line.h"
#include "cli/json.h"
#include "cli/outcome.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::cli {

/// The running Ballast, as its operators reach it.
class RunningDaemon {
public:
    /// The one that the command line means: by `--socket`, by its configuration, or at the usual
    /// place. Does not connect yet.
    [[nodiscard]] static Outcome<RunningDaemon> find(const CommandLine& wanted);

    /// Its reply. A refusal is a failure, with the daemon's words; what belongs to it (problems of
    /// a configuration) has gone to standard error, and so have nodes that are missing in a list.
    [[nodiscard]] Outcome<json::object> ask(const Question& question) const;
    /// The reply to GET with a list, all pages of it together.
    [[nodiscard]] Outcome<json::object> ask_for_list(const std::string& target,
                                                     std::string_view list) const;
    /// The reply as it came, with any status.
    [[nodiscard]] Outcome<Reply> ask_plainly(const Question& question) const;
    /// Calls `take` with parts of an answer that goes on, until that says false or the daemon ends
    /// it.
    [[nodiscard]] Outcome<void> follow(const std::string& target,
                                       const std::function<bool(std::string_view)>& take) const;

private:
    explicit RunningDaemon(std::string socket, std::string_view node = {});

    std::string socket_;
    std::string node_;  ///< as in the API; empty: the daemon itself
};

/// "/v1/sessions?user=alice&limit=10", with every name encoded.
[[nodiscard]] std::string target_with(
    std::string_view path, const std::vector<std::pair<std::string, std::string>>& query);

/// Prints a failure to standard error.
[[nodiscard]] Status status_of(const Outcome<void>& outcome);

}  // namespace ballast::cli
