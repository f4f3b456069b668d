// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace ballast::migrate {

/// Makes names that Ballast takes out of those that a file has.
class Names {
public:
    /// `wanted` with '-' in place of other characters than letters, digits, '-' and '_'. A name
    /// that is taken gets a number behind it. `otherwise`, a valid name, is used if nothing
    /// remains.
    [[nodiscard]] std::string make(std::string_view wanted, std::string_view otherwise);

private:
    /// With the number that the next one of this name gets.
    std::map<std::string, std::size_t, std::less<>> taken_;
};

}  // namespace ballast::migrate
