// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/http.h"

#include <optional>
#include <string>
#include <string_view>

/// Requests and answers as nodes send them to each other.
namespace ballast::admin {

/// What an operator of one node wants of another.
struct Asked {
    std::string method;
    std::string target;
    std::string body = {};
    std::string by = {};  ///< who the operator is, for the log

    friend bool operator==(const Asked&, const Asked&) = default;
};

/// Method, target and `by` must be of one line each.
[[nodiscard]] std::string to_text(const Asked& asked);
/// Empty: it is none, or of a version of Ballast that says it in another way.
[[nodiscard]] std::optional<Asked> asked_from(std::string_view text);

/// Without what only the connection to an operator needs.
[[nodiscard]] std::string to_text(const Answer& answer);
/// `type` is that of a whole answer. It lives as long as the program.
[[nodiscard]] std::optional<Answer> answer_from(std::string_view text, std::string_view type);

}  // namespace ballast::admin
