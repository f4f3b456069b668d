// SPDX-License-Identifier: Apache-2.0
#include "backend/refusal.h"

#include <fmt/format.h>

namespace ballast::backend {

base::Error refusal(std::string_view doing, const ftp::Reply& reply, base::Fault otherwise) {
    return {reply.code == 421 ? base::Fault::backend_full : otherwise,
            {},
            fmt::format("{} {} {}", doing, reply.code, reply.message())};
}

}  // namespace ballast::backend
