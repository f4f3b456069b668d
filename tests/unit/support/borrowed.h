// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace ballast::support {

/// A pointer to an object of the test, which outlives its use and may still be changed.
template <typename T>
[[nodiscard]] std::shared_ptr<const T> borrowed(const T& owned) {
    return {std::shared_ptr<const T>(), &owned};
}

}  // namespace ballast::support
