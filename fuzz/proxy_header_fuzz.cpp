// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.h"

#include "demand.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ballast::net;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto whole = parse_proxy_header(input);
    // Parsing always ends.
    demand(whole || size < proxy_header_bytes_max);
    if (whole && *whole) {
        const auto& proxied = **whole;
        demand(proxied.bytes > 0 && proxied.bytes <= size);
        demand(proxied.bytes <= proxy_header_bytes_max);
        demand(proxied.from.has_value() == proxied.to.has_value());
        // Without its last byte it is not a header yet.
        demand(!parse_proxy_header(input.substr(0, proxied.bytes - 1)));
        if (proxied.from && proxied.from->ip.family() == proxied.to->ip.family()) {
            const auto again = parse_proxy_header(proxy_header_v1(*proxied.from, *proxied.to));
            demand(again && *again && (*again)->from == proxied.from && (*again)->to == proxied.to);
        }
    }
    // Pieces give the same verdict as the whole, and a verdict does not change.
    for (const auto piece : {size / 3, size / 2, size - size / 8}) {
        const auto part = parse_proxy_header(input.substr(0, piece));
        if (!part) continue;
        demand(whole && whole->has_value() == part->has_value());
        if (*part)
            demand((*whole)->bytes == (*part)->bytes && (*whole)->from == (*part)->from);
        else
            demand(whole->error() == part->error());
    }
    return 0;
}
