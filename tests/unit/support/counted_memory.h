// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace ballast::support {

/// What this test program has allocated with `new` and not freed, in bytes, with what glibc's
/// allocator adds to each block. A sanitizer's allocator does not change the figure.
[[nodiscard]] std::size_t bytes_allocated();

}  // namespace ballast::support
