// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nat/batch.h"
#include "nat/way.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace ballast::nat {

/// The maps of our table. The key of most is (client, address, port).
enum class Map : std::uint8_t {
    to,           ///< to (address, port): where it goes
    source,       ///< to an address: where it seems to come from
    source_port,  ///< the same with a port
    flow,         ///< a set of (address, port, address, port): connections for the flow table
};
inline constexpr Map maps[] = {Map::to, Map::source, Map::source_port};

[[nodiscard]] const char* name_of(Map map, bool is_v4);
/// Names a map within the batch that makes it.
[[nodiscard]] std::uint32_t id_of(Map map, bool is_v4);
/// Whether its values have a port.
[[nodiscard]] bool has_port(Map map);
/// In bytes.
[[nodiscard]] std::uint32_t key_length(Map map, bool is_v4);

/// Bytes of a key or a value. Each part begins at a multiple of four.
using Bytes = std::vector<std::uint8_t>;
struct Element {
    Map map;
    Bytes key;
    Bytes value;
};
/// What the maps must contain for this way.
[[nodiscard]] std::vector<Element> elements_of(const Way& way);
[[nodiscard]] Element flow_element_of(const Ends& ends);

/// A map with room for this many elements.
void make_map(Batch& batch, const std::string& table, Map map, bool is_v4, std::uint32_t room);
/// The kernel removes the element by itself after `lifetime`.
void add_element(Batch& batch, const std::string& table, const Element& element, bool is_v4,
                 std::chrono::milliseconds lifetime);
void remove_element(Batch& batch, const std::string& table, const Element& element, bool is_v4);

}  // namespace ballast::nat
