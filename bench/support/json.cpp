// SPDX-License-Identifier: Apache-2.0
#include "support/json.h"

#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ballast::bench {

namespace {

std::string quoted(std::string_view text) {
    std::string all = "\"";
    for (const char letter : text) {
        if (letter == '"' || letter == '\\') all += '\\';
        if (static_cast<unsigned char>(letter) >= ' ') all += letter;
    }
    return all + '"';
}

}  // namespace

JsonObject& JsonObject::add(std::string_view name, std::string_view value) {
    return add_text(name, quoted(value));
}

JsonObject& JsonObject::add(std::string_view name, double value) {
    // JSON has no infinity.
    return add_text(name, std::isfinite(value) ? fmt::format("{:.6g}", value) : "null");
}

JsonObject& JsonObject::add(std::string_view name, std::optional<double> value) {
    return value ? add(name, *value) : add_text(name, "null");
}

JsonObject& JsonObject::add(std::string_view name, bool value) {
    return add_text(name, value ? "true" : "false");
}

JsonObject& JsonObject::add_text(std::string_view name, std::string_view value) {
    if (!fields_.empty()) fields_ += ',';
    fields_ += fmt::format("{}:{}", quoted(name), value);
    return *this;
}

std::string json_list(const std::vector<std::string>& items) {
    return fmt::format("[{}]", fmt::join(items, ","));
}

}  // namespace ballast::bench
