// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::migrate {

/// A value as a Ballast configuration writes it. Texts are quoted, whatever they contain.
class Value {
public:
    [[nodiscard]] static Value text(std::string_view text);
    /// An array, over several lines if it is long.
    [[nodiscard]] static Value texts(const std::vector<std::string>& texts);
    [[nodiscard]] static Value number(std::uint64_t number);
    [[nodiscard]] static Value flag(bool flag);
    [[nodiscard]] static Value time(config::Duration duration);
    [[nodiscard]] static Value size(std::size_t bytes);

    [[nodiscard]] const std::string& toml() const { return toml_; }

private:
    explicit Value(std::string toml) : toml_(std::move(toml)) {}

    std::string toml_;
};

}  // namespace ballast::migrate
