// SPDX-License-Identifier: Apache-2.0
#include "migrate/place.h"

#include "base/json.h"
#include "migrate/secret.h"

#include <fmt/format.h>

namespace ballast::migrate {

std::string to_string(const Place& place) {
    const auto file = shown(place.file);
    return place.line == 0 ? file : fmt::format("{}:{}", file, place.line);
}

std::string to_string(const SyntaxError& error) {
    return fmt::format("{}: {} ({})", to_string(error.place), error.what, error.fix);
}

std::string origin(const Place& place, std::string_view directive) {
    const auto file = place.file.substr(place.file.rfind('/') + 1);
    return fmt::format("{}: {}", to_string(Place{file, place.line}),
                       shown(without_secret(directive)));
}

std::string shown(std::string_view text, std::size_t bytes_max) {
    // JSON escapes what must not be here, and quotes and backslashes, which may.
    const auto json = base::json_string(text, bytes_max);
    std::string result;
    for (std::size_t i = 1; i + 1 < json.size(); ++i) {
        if (json[i] == '\\' && (json[i + 1] == '"' || json[i + 1] == '\\')) ++i;
        result += json[i];
    }
    return result;
}

std::string joined(const std::vector<std::string>& words) {
    std::string result;
    for (const auto& word : words) result += (result.empty() ? "" : " ") + word;
    return result;
}

}  // namespace ballast::migrate
