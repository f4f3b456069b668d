// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/lvs.h"
#include "migrate/lvs_time.h"

#include <cstdint>
#include <optional>
#include <string>

/// What the check of a server means as a probe.
namespace ballast::migrate {

/// A value, and what said it; null: keepalived's default.
template <typename T>
struct Sourced {
    T value{};
    const Said* said = nullptr;

    [[nodiscard]] std::string why() const {
        return said == nullptr ? "keepalived's default" : origin(*said);
    }
};

struct Plan {
    std::string type = "banner";
    std::string script = {};
    Sourced<config::Duration> interval = {};
    Sourced<config::Duration> timeout = {};
    Sourced<config::Duration> retry_delay = {};
    Sourced<std::uint32_t> fall = {};
    const LvsCheck* check = nullptr;  ///< null: keepalived does not check the server

    /// Whether one probe can be both.
    [[nodiscard]] bool is_like(const Plan& other) const;
};

/// The plan of a server at this port. Of several checks, the one counts that says most about FTP.
[[nodiscard]] Plan plan_of(const LvsService& service, const LvsServer& server, std::uint16_t port);
/// The plan for servers without checks.
[[nodiscard]] Plan plan_without_check(const LvsService& service);

/// The program of a MISC_CHECK, if Ballast can run it: it gives a script the server's address and
/// port, and nothing else.
[[nodiscard]] std::optional<std::string> script_of(const LvsCheck& check, const LvsServer& server,
                                                   std::uint16_t port);

}  // namespace ballast::migrate
