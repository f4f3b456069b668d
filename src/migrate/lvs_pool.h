// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/draft.h"
#include "migrate/lvs.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace ballast::migrate {

struct LvsPool {
    DraftPool pool;
    std::vector<base::Address> addresses;  ///< of its backends

    void set_address(std::size_t backend, const base::Address& address);
};

/// The pool of a virtual server: policy, stickiness, probe and backends. Servers without a port of
/// their own have `port`.
[[nodiscard]] LvsPool draft_pool(const LvsService& service, std::string_view name,
                                 std::uint16_t port, Teller& teller);

}  // namespace ballast::migrate
