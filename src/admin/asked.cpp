// SPDX-License-Identifier: Apache-2.0
#include "admin/asked.h"

#include "base/number.h"

#include <fmt/format.h>

namespace ballast::admin {

namespace {

using std::string_view;

/// Takes what is before the end character, and that character.
std::optional<string_view> cut(string_view& text, char end) {
    const auto place = text.find(end);
    if (place == string_view::npos) return std::nullopt;
    const auto part = text.substr(0, place);
    text.remove_prefix(place + 1);
    return part;
}

}  // namespace

std::string to_text(const Asked& asked) {
    return fmt::format("{} {}\n{}\n{}", asked.method, asked.target, asked.by, asked.body);
}

std::optional<Asked> asked_from(string_view text) {
    const auto method = cut(text, ' ');
    const auto target = method ? cut(text, '\n') : std::nullopt;
    const auto by = target ? cut(text, '\n') : std::nullopt;
    if (!by) return std::nullopt;
    return Asked{std::string(*method), std::string(*target), std::string(text), std::string(*by)};
}

std::string to_text(const Answer& answer) {
    return fmt::format("{}\n{}", answer.status, answer.body);
}

std::optional<Answer> answer_from(string_view text, string_view type) {
    constexpr unsigned status_min = 200;
    constexpr unsigned status_max = 599;
    const auto line = cut(text, '\n');
    const auto status = line ? base::parse_number<unsigned>(*line) : std::nullopt;
    if (!status || *status < status_min || *status > status_max) return std::nullopt;
    return Answer{.status = *status,
                  .body = std::string(text),
                  .type = *status == status_min ? type : problem_type};
}

}  // namespace ballast::admin
