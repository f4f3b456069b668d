// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cluster {

/// Named values in one string of bytes: the form of everything that nodes tell each other. A reader
/// skips names that it does not know, so that two versions of Ballast understand each other.
class Fields {
public:
    /// Empty if these bytes are not fields.
    [[nodiscard]] static std::optional<Fields> parse(std::string_view bytes);
    [[nodiscard]] std::string bytes() const;

    /// `name` is a plain word. The same name may be added again: then it is a list.
    void add(std::string_view name, std::string_view value);
    void add(std::string_view name, std::integral auto number) {
        add(name, std::string_view(std::to_string(number)));
    }

    /// The first value of this name; empty without one.
    [[nodiscard]] std::string_view text(std::string_view name) const;
    /// Empty without one, or if it is not a number of this type.
    template <std::integral Number>
    [[nodiscard]] std::optional<Number> number(std::string_view name) const {
        const auto value = whole_number(name);
        if (!value || !std::in_range<Number>(*value)) return std::nullopt;
        return static_cast<Number>(*value);
    }
    [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;

private:
    [[nodiscard]] std::optional<std::int64_t> whole_number(std::string_view name) const;

    std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace ballast::cluster
