// SPDX-License-Identifier: Apache-2.0
// From a backend's reply to PASV or EPSV to the rule that leads a client's packets: a backend that
// lies must not be able to send them to a third machine, to a service of the balancer or to a
// well-known port.
#include "session/passive_way.h"

#include "backend/passive_address.h"
#include "demand.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ballast;
    if (size == 0) return 0;
    const std::uint8_t choice = data[0];
    const std::string_view reply(reinterpret_cast<const char*>(data + 1), size - 1);
    const bool is_v4 = (choice & 4U) == 0;
    const auto ip = [&](const char* v4, const char* v6) {
        return *base::Ip::parse(is_v4 ? v4 : v6);
    };
    const backend::PassiveTrust trust{.control = ip("198.51.100.11", "2001:db8:2::11"),
                                      .address = (choice & 1U) != 0,
                                      .low_ports = (choice & 2U) != 0};
    const auto named = backend::passive_address(reply, trust);
    if (!named) return 0;
    demand(named->port != 0);
    demand(trust.low_ports || named->port > 1023);
    demand(trust.address || named->ip == trust.control);
    const session::PassiveEnds ends{.client = ip("192.0.2.2", "2001:db8:1::2"),
                                    .told = {ip("192.0.2.1", "2001:db8:1::1"), 20000},
                                    .named = *named,
                                    .source = ip("198.51.100.1", "2001:db8:2::1")};
    const auto way = session::passive_way(ends);
    if (!way) {
        // The backend's own address always does.
        demand(named->ip != trust.control);
        return 0;
    }
    demand(way->from == ends.client && way->at == ends.told);
    demand(way->to == *named && way->source == base::Address{ends.source, 0});
    demand(way->to.ip.family() == way->from.family());
    demand(!way->to.ip.is_any() && !way->to.ip.is_loopback() && way->to.ip.scope() == 0);
    demand(way->to.ip != ends.source && way->to.ip != ends.told.ip);
    return 0;
}
