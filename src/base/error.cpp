// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include "base/shortage.h"

#include <cerrno>

namespace ballast::base {

std::string to_string(const Error& error) {
    if (!error.code) return error.doing;
    return error.doing + ": " + error.code.message();
}

Error last_error(Fault fault, std::string doing) {
    const std::error_code code(errno, std::system_category());
    return {fault_of(code, fault), code, std::move(doing)};
}

}  // namespace ballast::base
