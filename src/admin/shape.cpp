// SPDX-License-Identifier: Apache-2.0
#include "admin/shape.h"

#include <algorithm>
#include <cmath>
#include <ctime>

namespace ballast::admin {

std::string to_text(Moment moment) {
    using namespace std::chrono;
    const auto whole = floor<seconds>(moment);
    const auto time = system_clock::to_time_t(whole);
    std::tm utc{};
    gmtime_r(&time, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                       duration_cast<milliseconds>(moment - whole).count());
}

bool is_chosen(const Choice& choice, std::string_view name) {
    return choice.empty() || std::ranges::find(choice, name) != choice.end();
}

void append_json(std::string& to, std::string_view text) { to += base::json_string(text); }
void append_json(std::string& to, bool value) { to += value ? "true" : "false"; }
void append_json(std::string& to, Moment moment) { append_json(to, to_text(moment)); }
void append_json(std::string& to, double value) {
    if (std::isfinite(value))
        fmt::format_to(std::back_inserter(to), "{:.6g}", value);
    else
        to += "null";
}

std::string object_schema(std::string_view properties) {
    return fmt::format(R"({{"type":"object","properties":{{{}}},"additionalProperties":false}})",
                       properties);
}

namespace detail {

std::string schema_of_field(std::string schema, std::string_view help,
                            std::span<const std::string_view> values) {
    schema.pop_back();  // "}"
    fmt::format_to(std::back_inserter(schema), R"(,"description":{})", base::json_string(help));
    if (!values.empty()) {
        schema += R"(,"enum":)";
        append_json(schema, std::vector<std::string>(values.begin(), values.end()));
    }
    return schema += '}';
}

}  // namespace detail

}  // namespace ballast::admin
