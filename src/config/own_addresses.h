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

/// Tells which addresses lead to a listener of this configuration. A backend there would be Ballast
/// itself, and each login would cause another session without end.
class OwnAddresses {
public:
    /// `local` are the known addresses of this machine; loopback ones may be missing. `config` must
    /// outlive it.
    explicit OwnAddresses(const Config& config, std::vector<base::Ip> local = {})
        : config_(config), local_(std::move(local)) {}

    /// The listener at this address, by its name in the file; empty: none.
    [[nodiscard]] std::optional<std::string> listener_at(const base::Address& to) const;
    /// The same for a host name. It is a listener's if it is announced for data.
    [[nodiscard]] std::optional<std::string> listener_called(const std::string& host,
                                                             std::uint16_t port) const;

private:
    [[nodiscard]] bool is_here(const base::Ip& ip) const;
    [[nodiscard]] bool reaches(const base::Address& bound, const Listener& listener,
                               const base::Address& to) const;

    const Config& config_;
    std::vector<base::Ip> local_;
};

/// The problem of a backend at a listener's address.
[[nodiscard]] std::string leads_back(const std::string& where, const std::string& listener);
inline constexpr const char* leads_back_remedy = "name the server behind it";

/// Finds backends whose literal address is a listener's.
void check_own_addresses(const Config& config, Findings findings);

}  // namespace ballast::config
