// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/child.h"
#include "support/ftp_client.h"
#include "support/ftp_server.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::bench {

/// The server without anything in front of it. The figures of the others are divided by its own.
inline constexpr std::string_view direct = "direct";
/// The least that a relay costs.
inline constexpr std::string_view bare_relay = "bare relay";

/// What a target is beside Ballast.
enum class Role : std::uint8_t { measure, ballast, rival };

/// A path from the clients to the server.
struct Target {
    std::string name;
    Role role = Role::measure;
    std::optional<Child> process{};  ///< none: direct
    /// FTP; port 0 if there is none.
    Door door{};
    /// The same with TLS 1.2 wherever there is TLS; port 0 if there is none.
    Door tls_1_2_door{};
    /// More of them at once do not work, or take too long.
    std::size_t sessions_max = 9000;
};

struct TargetOptions {
    std::string ballast;   ///< path of the program
    std::string beside{};  ///< the same of another version; empty if there is none
    std::string haproxy;   ///< the same; empty if there is none
    /// Where tools/setup.sh unpacks nginx and ProFTPD.
    std::filesystem::path servers;
    unsigned threads = 1;
    Origin origin = Origin::file;

    [[nodiscard]] std::string nginx() const { return servers / "nginx/usr/sbin/nginx"; }
    [[nodiscard]] std::string proftpd() const { return servers / "proftpd/usr/sbin/proftpd"; }
    [[nodiscard]] bool has_beside() const { return !beside.empty(); }
    /// The same with the other version in Ballast's place.
    [[nodiscard]] TargetOptions of_beside() const {
        auto options = *this;
        options.ballast = beside;
        return options;
    }
    [[nodiscard]] bool has_haproxy() const { return !haproxy.empty(); }
    [[nodiscard]] bool has_nginx() const { return std::filesystem::exists(nginx()); }
    [[nodiscard]] bool has_mod_proxy() const {
        return std::filesystem::exists(servers / "proftpd/usr/lib/proftpd/mod_proxy.so");
    }
};

}  // namespace ballast::bench
