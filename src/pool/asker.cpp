// SPDX-License-Identifier: Apache-2.0
#include "pool/asker.h"

#include "base/subnet.h"
#include "pool/hash.h"

#include <exception>

namespace ballast::pool {

namespace {

base::Subnet network_of(const config::Stick& stick, const base::Ip& address) {
    const auto bits = address.is_v4() ? stick.ipv4_prefix : stick.ipv6_prefix;
    return base::Subnet::around(address, static_cast<int>(bits));
}

std::uint64_t stick_key_of(const config::Stick& stick, const Client& client) {
    switch (stick.by) {
        case config::StickBy::none: return 0;
        case config::StickBy::network:
            return Hash().mix(network_of(stick, client.address).first()).value();
        case config::StickBy::user: return Hash().mix(client.user).value();
    }
    std::terminate();
}

std::string stick_name_of(const config::Stick& stick, const Client& client) {
    constexpr std::size_t name_bytes_max = 128;
    switch (stick.by) {
        case config::StickBy::none: return {};
        case config::StickBy::network: return base::to_string(network_of(stick, client.address));
        case config::StickBy::user: return std::string(client.user.substr(0, name_bytes_max));
    }
    std::terminate();
}

}  // namespace

Asker::Asker(const config::Stick& stick, const Client& who, std::span<const BackendId> tried_before)
    : client{Hash().mix(who.address).value(), Hash().mix(who.user).value()},
      stick_key(stick_key_of(stick, who)),
      stick_name(stick_name_of(stick, who)),
      tried(tried_before.begin(), tried_before.end()) {}

}  // namespace ballast::pool
