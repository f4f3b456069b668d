// SPDX-License-Identifier: Apache-2.0
#include "config/check_admin.h"

#include <fmt/format.h>

namespace ballast::config {

void check_admin(const Admin& admin, Findings findings) {
    if (!admin.socket.empty() && admin.socket != Admin::no_socket && !admin.socket.starts_with('/'))
        findings.add("admin.socket", fmt::format("{} is not a whole path", admin.socket),
                     R"(begin it with "/", or write "none" for no socket)");
    if (!admin.state_file.empty() && !admin.state_file.starts_with('/'))
        findings.add("admin.state_file", fmt::format("{} is not a whole path", admin.state_file),
                     R"(begin it with "/")");
}

}  // namespace ballast::config
