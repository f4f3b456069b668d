// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::config {

/// A JSON value to write. Keeps the order of additions.
class Json {
public:
    static Json object() { return Json('{'); }
    static Json array() { return Json('['); }
    static Json string(std::string_view text);
    /// Numbers, true, false, and finished JSON.
    static Json literal(std::string_view text);

    /// Adds a member to an object.
    Json& add(std::string_view key, Json value);
    Json& add(std::string_view key, std::string_view text) { return add(key, string(text)); }
    /// Adds an element to an array.
    Json& add(Json value);

    [[nodiscard]] bool is_empty() const { return text_.empty() && values_.empty(); }
    /// Indented by two spaces per level.
    [[nodiscard]] std::string to_string() const;

private:
    explicit Json(char kind) : kind_(kind) {}
    void write(std::string& out, std::size_t level) const;

    char kind_;  ///< '{', '[', or ' ' for `text_`
    std::string text_;
    std::vector<std::string> keys_;  ///< of an object, one for each value
    std::vector<Json> values_;
};

}  // namespace ballast::config
