// SPDX-License-Identifier: Apache-2.0
#include "nat/maps.h"

#include <initializer_list>
#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

namespace ballast::nat {

namespace {

/// The numbers by which nft(8) shows the type of a key.
constexpr std::uint32_t type_ipv4 = 7;
constexpr std::uint32_t type_ipv6 = 8;
constexpr std::uint32_t type_port = 13;

constexpr std::uint32_t concatenated(std::initializer_list<std::uint32_t> types) {
    constexpr int type_bits = 6;
    std::uint32_t all = 0;
    for (const auto type : types) all = (all << type_bits) | type;
    return all;
}

void append(Bytes& bytes, const base::Ip& ip) {
    const auto size = ip.is_v4() ? 4 : static_cast<int>(ip.bytes().size());
    bytes.insert(bytes.end(), ip.bytes().begin(), ip.bytes().begin() + size);
}

void append(Bytes& bytes, std::uint16_t port) {
    const auto high = static_cast<std::uint8_t>(port >> 8U);
    bytes.insert(bytes.end(), {high, static_cast<std::uint8_t>(port & 0xffU), 0, 0});
}

Bytes key_of(const base::Ip& from, const base::Address& at) {
    Bytes bytes;
    append(bytes, from);
    append(bytes, at.ip);
    append(bytes, at.port);
    return bytes;
}

nftnl_set* one_element(const std::string& table, Map map, bool is_v4, nftnl_set_elem* element) {
    auto* const set = nftnl_set_alloc();
    nftnl_set_set_str(set, NFTNL_SET_TABLE, table.c_str());
    nftnl_set_set_str(set, NFTNL_SET_NAME, name_of(map, is_v4));
    nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_elem_add(set, element);
    return set;
}

}  // namespace

const char* name_of(Map map, bool is_v4) {
    switch (map) {
        case Map::to: return is_v4 ? "to4" : "to6";
        case Map::source: return is_v4 ? "source4" : "source6";
        case Map::source_port: return is_v4 ? "sourceport4" : "sourceport6";
        case Map::flow: return is_v4 ? "flow4" : "flow6";
    }
    return "";
}

bool has_port(Map map) { return map != Map::source; }

std::uint32_t key_length(Map map, bool is_v4) {
    constexpr std::uint32_t port_bytes = 4;  // each part begins at a multiple of four
    const std::uint32_t ip_bytes = is_v4 ? 4 : 16;
    return 2 * ip_bytes + (map == Map::flow ? 2 * port_bytes : port_bytes);
}

std::uint32_t id_of(Map map, bool is_v4) {
    return static_cast<std::uint32_t>(map) * 2 + (is_v4 ? 1 : 2);
}

std::vector<Element> elements_of(const Way& way) {
    Element to{Map::to, key_of(way.from, way.at), {}};
    append(to.value, way.to.ip);
    append(to.value, way.to.port);
    Element source{
        way.source.port == 0 ? Map::source : Map::source_port, key_of(way.from, way.to), {}};
    append(source.value, way.source.ip);
    if (way.source.port != 0) append(source.value, way.source.port);
    return {std::move(to), std::move(source)};
}

Element flow_element_of(const Ends& ends) {
    Element flow{Map::flow, {}, {}};
    for (const auto& end : {ends.from, ends.at}) {
        append(flow.key, end.ip);
        append(flow.key, end.port);
    }
    return flow;
}

void make_map(Batch& batch, const std::string& table, Map map, bool is_v4, std::uint32_t room) {
    const std::uint32_t ip = is_v4 ? type_ipv4 : type_ipv6;
    const std::uint32_t ip_bytes = is_v4 ? 4 : 16;
    const auto key_type = map == Map::flow ? concatenated({ip, type_port, ip, type_port})
                                           : concatenated({ip, ip, type_port});
    const auto data_type = has_port(map) ? concatenated({ip, type_port}) : ip;
    batch.add(NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, [&](nlmsghdr* header) {
        auto* const set = nftnl_set_alloc();
        nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
        nftnl_set_set_str(set, NFTNL_SET_TABLE, table.c_str());
        nftnl_set_set_str(set, NFTNL_SET_NAME, name_of(map, is_v4));
        nftnl_set_set_u32(set, NFTNL_SET_ID, id_of(map, is_v4));
        nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, key_type);
        nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, key_length(map, is_v4));
        if (map == Map::flow) {
            nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT);
        } else {
            nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_MAP | NFT_SET_TIMEOUT);
            nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, data_type);
            nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, has_port(map) ? ip_bytes + 4 : ip_bytes);
        }
        nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, room);
        nftnl_set_nlmsg_build_payload(header, set);
        nftnl_set_free(set);
    });
}

void add_element(Batch& batch, const std::string& table, const Element& element, bool is_v4,
                 std::chrono::milliseconds lifetime) {
    batch.add(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, [&](nlmsghdr* header) {
        auto* const one = nftnl_set_elem_alloc();
        const auto bytes = [](const Bytes& all) { return static_cast<std::uint32_t>(all.size()); };
        nftnl_set_elem_set(one, NFTNL_SET_ELEM_KEY, element.key.data(), bytes(element.key));
        if (!element.value.empty())
            nftnl_set_elem_set(one, NFTNL_SET_ELEM_DATA, element.value.data(),
                               bytes(element.value));
        nftnl_set_elem_set_u64(one, NFTNL_SET_ELEM_TIMEOUT,
                               static_cast<std::uint64_t>(lifetime.count()));
        auto* const set = one_element(table, element.map, is_v4, one);
        nftnl_set_elems_nlmsg_build_payload(header, set);
        nftnl_set_free(set);
    });
}

void remove_element(Batch& batch, const std::string& table, const Element& element, bool is_v4) {
    batch.add(NFT_MSG_DELSETELEM, 0, [&](nlmsghdr* header) {
        auto* const one = nftnl_set_elem_alloc();
        nftnl_set_elem_set(one, NFTNL_SET_ELEM_KEY, element.key.data(),
                           static_cast<std::uint32_t>(element.key.size()));
        auto* const set = one_element(table, element.map, is_v4, one);
        nftnl_set_elems_nlmsg_build_payload(header, set);
        nftnl_set_free(set);
    });
}

}  // namespace ballast::nat
