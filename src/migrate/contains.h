// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <ranges>

namespace ballast::migrate {

/// Whether the value, or one whose projection equals it, is in the range.
template <std::ranges::input_range Range, typename Value, typename Projection = std::identity>
[[nodiscard]] constexpr bool contains(Range&& range, const Value& value,
                                      Projection projection = {}) {
    return std::ranges::find(range, value, projection) != std::ranges::end(range);
}

}  // namespace ballast::migrate
