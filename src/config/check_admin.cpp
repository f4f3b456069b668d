// SPDX-License-Identifier: Apache-2.0
#include "config/check_admin.h"

#include <fmt/format.h>
#include <string>
#include <string_view>

namespace ballast::config {

namespace {

void check_paths(const Admin& admin, Findings& findings) {
    if (!admin.socket.empty() && admin.socket != Admin::no_socket && !admin.socket.starts_with('/'))
        findings.add("admin.socket", fmt::format("{} is not a whole path", admin.socket),
                     R"(begin it with "/", or write "none" for no socket)");
    if (!admin.state_file.empty() && !admin.state_file.starts_with('/'))
        findings.add("admin.state_file", fmt::format("{} is not a whole path", admin.state_file),
                     R"(begin it with "/")");
}

/// What other machines can reach.
void check_exposure(const Admin& admin, Findings& findings) {
    if (!findings.holds("admin.bind")) return;
    const bool has_tls = admin.tls || !findings.holds("admin.tls");
    const bool has_token = !admin.token_file.empty() || !admin.read_token_file.empty() ||
                           !findings.holds("admin.token_file") ||
                           !findings.holds("admin.read_token_file");
    for (std::size_t i = 0; i < admin.bind.size(); ++i) {
        const auto& address = admin.bind[i];
        const auto key = fmt::format("admin.bind[{}]", i);
        if (address.port == 0)
            findings.add(key, "port 0 is another port at each start", "choose one, such as 8021");
        if (address.ip.is_loopback()) continue;
        const auto what = fmt::format("other machines can reach {}", to_string(address));
        if (!has_tls)
            findings.add(key, what + ", and there is no TLS: a token could be read on the way",
                         "add [admin.tls] with a certificate, or use 127.0.0.1");
        if (!has_token)
            findings.add(key, what + ", and there is no token: everybody could operate",
                         "add token_file or read_token_file, or use 127.0.0.1");
    }
}

void check_names(const Admin& admin, Findings& findings) {
    if (!findings.holds("admin.names")) return;
    for (std::size_t i = 0; i < admin.names.size(); ++i)
        if (admin.names[i].find_first_of("/:") != std::string::npos)
            findings.add(fmt::format("admin.names[{}]", i),
                         fmt::format("{} is more than a name", admin.names[i]),
                         R"(write the name alone, such as "ballast.example.com")");
}

/// Settings of `bind` without it.
void check_effect(const Admin& admin, Findings& findings) {
    if (!admin.bind.empty() || !findings.holds("admin.bind")) return;
    for (const std::string key : {"names", "token_file", "read_token_file", "tls"})
        if (findings.is_said("admin." + key))
            findings.warn("admin." + key, fmt::format("{} has no effect without bind", key),
                          "add bind = [\"127.0.0.1:8021\"], or remove it");
}

}  // namespace

void check_admin(const Admin& admin, Findings findings) {
    check_paths(admin, findings);
    check_exposure(admin, findings);
    check_names(admin, findings);
    check_effect(admin, findings);
}

}  // namespace ballast::config
