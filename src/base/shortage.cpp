// SPDX-License-Identifier: Apache-2.0
#include "base/shortage.h"

#include <cerrno>

namespace ballast::base {

bool is_shortage(const std::error_code& code) {
    if (code.category() != std::system_category() && code.category() != std::generic_category())
        return false;
    switch (code.value()) {
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
        case ENOSPC:         // epoll: the user has no watches left
        case EADDRNOTAVAIL:  // connect: no source port is free
        case EAGAIN: return true;
        default: return false;
    }
}

Fault fault_of(const std::error_code& code, Fault fault) {
    return is_shortage(code) ? Fault::internal : fault;
}

}  // namespace ballast::base
