// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <system_error>

namespace ballast::bench {

/// The result of a system call, unless it failed: then it throws.
template <typename Result>
Result check(Result result, const char* doing) {
    if (result < 0) throw std::system_error(errno, std::system_category(), doing);
    return result;
}

}  // namespace ballast::bench
