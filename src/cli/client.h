// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

namespace ballast::cli {

/// A request to the running daemon (docs/operating.md).
struct Question {
    /// A little longer than an upgrade may take.
    static constexpr std::chrono::milliseconds usual_patience = std::chrono::seconds(100);

    std::string method;
    std::string target;
    std::string body;
    std::chrono::milliseconds patience = usual_patience;  ///< for the whole reply
};

struct Reply {
    unsigned status = 0;
    std::string body;  ///< JSON
};

/// Asks the daemon that listens on this Unix socket, and waits for its reply. If there is none the
/// text says why, and what to do.
[[nodiscard]] std::expected<Reply, std::string> ask(const std::string& socket_path,
                                                    const Question& question);

/// GET for an answer that goes on: calls `take` with each part of it, until that says false or the
/// daemon ends it. The reply has a body only if it was a refusal. Waits as long as it takes.
[[nodiscard]] std::expected<Reply, std::string> follow(
    const std::string& socket_path, const std::string& target,
    const std::function<bool(std::string_view)>& take);

}  // namespace ballast::cli
