// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "migrate/haproxy_proxy.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Access lists, and the conditions of rules that are made of them.
namespace ballast::migrate::haproxy {

/// What a condition asks, as far as FTP has a counterpart.
enum class Question : std::uint8_t {
    always,
    never,
    network,          ///< the client's address is in `values`
    server_name,      ///< the SNI name matches one of the patterns in `values`
    port,             ///< the client came to one of `ports`
    dead_pool,        ///< no server of the proxy in `values` can serve
    rate_of_address,  ///< the client's address began more than `number` connections in `period`
    sessions_of_address,
    rate_of_all,  ///< the proxy got more than `number` connections in a second
    sessions_of_all,
    other,
};

struct Test {
    Question question = Question::other;
    std::vector<std::string> values;
    std::vector<base::PortRange> ports;
    std::uint64_t number = 0;
    std::string table;  ///< of a counter; empty: the proxy's own, or that of the tracking rule
    bool is_negated = false;
};
/// All of them must hold.
using Conjunction = std::vector<Test>;
/// One of them must hold. Empty: never.
using Condition = std::vector<Conjunction>;

/// The condition behind `if` or `unless`, which stands anywhere behind `first`. A rule without one
/// always applies.
[[nodiscard]] Condition condition_of(const Line& rule, std::size_t first, const Proxy& proxy);

/// The only test of a condition that consists of one. Null: it is more complicated.
[[nodiscard]] const Test* only_test(const Condition& condition);

/// Whether it holds for every client.
[[nodiscard]] bool is_always(const Condition& condition);

}  // namespace ballast::migrate::haproxy
