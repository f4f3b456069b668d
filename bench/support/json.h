// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::bench {

/// One object in JSON, field by field.
class JsonObject {
public:
    JsonObject& add(std::string_view name, std::string_view value);
    JsonObject& add(std::string_view name, const char* value) {
        return add(name, std::string_view(value));
    }
    JsonObject& add(std::string_view name, double value);
    /// Null if there is none.
    JsonObject& add(std::string_view name, std::optional<double> value);
    JsonObject& add(std::string_view name, bool value);
    /// `value` is JSON already.
    JsonObject& add_text(std::string_view name, std::string_view value);

    [[nodiscard]] std::string text() const { return "{" + fields_ + "}"; }

private:
    std::string fields_;
};

[[nodiscard]] std::string json_list(const std::vector<std::string>& items);

}  // namespace ballast::bench
