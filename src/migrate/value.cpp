// SPDX-License-Identifier: Apache-2.0
#include "migrate/value.h"

#include "base/json.h"
#include "config/amount.h"

#include <fmt/format.h>

namespace ballast::migrate {

namespace {

/// JSON's escapes are among those of TOML's basic strings.
std::string quoted(std::string_view text) { return base::json_string(text); }

constexpr std::size_t line_bytes_max = 80;

}  // namespace

Value Value::text(std::string_view text) { return Value(quoted(text)); }

Value Value::texts(const std::vector<std::string>& texts) {
    std::string line;
    std::string lines = "[\n";
    for (const auto& text : texts) {
        line += (line.empty() ? "" : ", ") + quoted(text);
        lines += "    " + quoted(text) + ",\n";
    }
    return Value(line.size() <= line_bytes_max ? '[' + line + ']' : lines + ']');
}

Value Value::number(std::uint64_t number) { return Value(fmt::to_string(number)); }
Value Value::flag(bool flag) { return Value(flag ? "true" : "false"); }
Value Value::time(config::Duration duration) { return text(config::duration_text(duration)); }
Value Value::size(std::size_t bytes) { return text(config::size_text(bytes)); }

}  // namespace ballast::migrate
