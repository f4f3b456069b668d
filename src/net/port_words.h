// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/number.h"
#include "base/port_range.h"
#include "base/subnet.h"
#include "loop/loop.h"
#include "net/data_peers.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The words of messages about passive ports between two processes of Ballast. They are text, so
/// that different versions understand each other: a message with unknown words is left out.
namespace ballast::net {

/// Takes words off the front of a message.
class Words {
public:
    explicit Words(std::string_view message) : rest_(message) {}

    /// Empty at the end.
    std::string_view next();
    template <typename Number>
    [[nodiscard]] std::optional<Number> number() {
        return base::parse_number<Number>(next());
    }
    [[nodiscard]] std::optional<base::Ip> ip() { return base::Ip::parse(next()); }
    [[nodiscard]] std::optional<base::Address> address() { return base::Address::parse(next()); }
    [[nodiscard]] std::optional<base::PortRange> range() { return base::PortRange::parse(next()); }
    [[nodiscard]] std::optional<DataPeers> peers();
    /// A duration in milliseconds from now, or "never".
    [[nodiscard]] std::optional<loop::Time> time(loop::Time now);

private:
    std::string_view rest_;
};

[[nodiscard]] std::string words_of(const DataPeers& peers);
[[nodiscard]] std::string words_of(loop::Time time, loop::Time now);

}  // namespace ballast::net
