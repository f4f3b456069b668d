// SPDX-License-Identifier: Apache-2.0
#include "pool/asker.h"

#include "base/subnet.h"
#include "pool/hash.h"

#include <exception>

namespace ballast::pool {

namespace {

std::uint64_t stick_key_of(const config::Stick& stick, const Client& client) {
    switch (stick.by) {
        case config::StickBy::none: return 0;
        case config::StickBy::network: {
            const auto bits = client.address.is_v4() ? stick.ipv4_prefix : stick.ipv6_prefix;
            return Hash()
                .mix(base::Subnet::around(client.address, static_cast<int>(bits)).first())
                .value();
        }
        case config::StickBy::user: return Hash().mix(client.user).value();
    }
    std::terminate();
}

}  // namespace

Asker::Asker(const config::Stick& stick, const Client& who, std::span<const BackendId> tried_before)
    : client{Hash().mix(who.address).value(), Hash().mix(who.user).value()},
      stick_key(stick_key_of(stick, who)),
      tried(tried_before.begin(), tried_before.end()) {}

}  // namespace ballast::pool
