// SPDX-License-Identifier: Apache-2.0
#include "net/client_hello.h"

#include "demand.h"

#include <algorithm>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ballast::net;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto whole = parse_client_hello(input);
    // Parsing always ends.
    demand(whole || size < client_hello_bytes_max);
    if (whole && *whole)
        demand(std::ranges::all_of((*whole)->server_name,
                                   [](char c) { return '!' <= c && c <= '~'; }));
    // Pieces give the same verdict as the whole, and a verdict does not change.
    for (const auto piece : {size / 3, size / 2, size - size / 8}) {
        const auto part = parse_client_hello(input.substr(0, piece));
        if (!part) continue;
        demand(whole && whole->has_value() == part->has_value());
        demand(*part ? (*whole)->server_name == (*part)->server_name
                     : whole->error() == part->error());
    }
    return 0;
}
