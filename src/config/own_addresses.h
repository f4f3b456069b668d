// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "config/config.h"
#include "config/findings.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ballast::config {

/// Which connections come to a listener of this configuration: a backend there would be Ballast
/// itself, and each log-in a session of a session without end.
class OwnAddresses {
public:
    /// `local` are the addresses of this machine, as far as they are known; loopback ones need not
    /// be among them. `config` outlives it.
    explicit OwnAddresses(const Config& config, std::vector<base::Ip> local = {})
        : config_(config), local_(std::move(local)) {}

    /// The listener that is reached there, as the file names it; empty: none.
    [[nodiscard]] std::optional<std::string> listener_at(const base::Address& to) const;
    /// The same of a host name, which is a listener's if clients are told it for data.
    [[nodiscard]] std::optional<std::string> listener_called(const std::string& host,
                                                             std::uint16_t port) const;

private:
    [[nodiscard]] bool is_here(const base::Ip& ip) const;
    [[nodiscard]] bool reaches(const base::Address& bound, const Listener& listener,
                               const base::Address& to) const;

    const Config& config_;
    std::vector<base::Ip> local_;
};

/// What is to be said of a backend at a listener's address.
[[nodiscard]] std::string leads_back(const std::string& where, const std::string& listener);
inline constexpr const char* leads_back_remedy = "name the server behind it";

/// Backends whose literal address is a listener's.
void check_own_addresses(const Config& config, Findings findings);

}  // namespace ballast::config
