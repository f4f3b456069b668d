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

std::string_view to_string(Blame blame) {
    switch (blame) {
        case Blame::client: return "client";
        case Blame::backend: return "backend";
        case Blame::network: return "network";
        case Blame::ballast: return "ballast";
        case Blame::configuration: return "configuration";
    }
    return "?";
}

Blame blame_of(const Error& error) {
    const bool is_unreachable = error.code == std::errc::host_unreachable ||
                                error.code == std::errc::network_unreachable ||
                                error.code == std::errc::network_down;
    switch (error.fault) {
        case Fault::internal: return Blame::ballast;
        case Fault::client: return is_unreachable ? Blame::network : Blame::client;
        case Fault::backend:
        case Fault::backend_full:
        case Fault::backend_refused: return is_unreachable ? Blame::network : Blame::backend;
    }
    return Blame::ballast;
}

}  // namespace ballast::base
