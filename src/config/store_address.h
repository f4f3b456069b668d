// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/refusal.h"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace ballast::config {

/// Where a store is, or a Sentinel that knows.
struct StoreAddress {
    std::string path;  ///< of a Unix socket; then there is no host
    std::string host;
    std::uint16_t port = 0;
    bool has_tls = false;
    bool is_sentinel = false;
    std::string master;  ///< with a Sentinel: its name for the store
    std::string user;    ///< empty: the store's default user
    std::uint32_t database = 0;

    friend bool operator==(const StoreAddress&, const StoreAddress&) = default;
};

/// "redis://[USER@]HOST[:PORT][/DATABASE]", "rediss://...", "unix:/PATH",
/// "redis+sentinel://[USER@]HOST[:PORT]/MASTER[/DATABASE]" or "rediss+sentinel://...".
[[nodiscard]] std::expected<StoreAddress, Refusal> parse_store_address(std::string_view text);

}  // namespace ballast::config
