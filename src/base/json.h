// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ballast::base {

/// A JSON string with quotes. Invalid UTF-8 bytes become \u00NN, so that names in any encoding give
/// valid JSON. A text that needs more than `bytes_max` bytes is cut and ends in "...".
[[nodiscard]] std::string json_string(std::string_view bytes,
                                      std::size_t bytes_max = std::string_view::npos);

}  // namespace ballast::base
