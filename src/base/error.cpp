// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <cerrno>

namespace ballast::base {

std::string to_string(const Error& error) {
    if (!error.code) return error.doing;
    return error.doing + ": " + error.code.message();
}

Error last_error(Fault fault, std::string doing) {
    return {fault, std::error_code(errno, std::system_category()), std::move(doing)};
}

}  // namespace ballast::base
