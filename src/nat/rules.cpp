// SPDX-License-Identifier: Apache-2.0
#include "nat/rules.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <initializer_list>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

namespace ballast::nat {

namespace {

using std::chrono::milliseconds;

/// How many data connections may be awaited at once, per family.
constexpr std::uint32_t elements_max = 65536;

/// How long the kernel may take to apply a batch. It takes microseconds, unless somebody else loads
/// a large ruleset meanwhile.
constexpr timeval patience{.tv_sec = 2, .tv_usec = 0};

/// Before the usual places of dstnat and srcnat: the first rule that translates a connection wins,
/// and a masquerade of the machine's own would hide the address that the servers know.
constexpr int before_dstnat = -101;
constexpr int before_srcnat = 99;

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

/// Bytes of a key or a value. Each part begins at a multiple of four.
class Bytes {
public:
    Bytes& add(const base::Ip& ip) {
        return add(ip.bytes().data(), ip.is_v4() ? 4 : ip.bytes().size());
    }
    Bytes& add(std::uint16_t port) {
        const std::array<std::uint8_t, 4> padded{static_cast<std::uint8_t>(port >> 8U),
                                                 static_cast<std::uint8_t>(port & 0xffU), 0, 0};
        return add(padded.data(), padded.size());
    }
    [[nodiscard]] const void* data() const { return bytes_.data(); }
    [[nodiscard]] std::uint32_t size() const { return size_; }

private:
    Bytes& add(const std::uint8_t* from, std::size_t count) {
        std::copy_n(from, count, bytes_.begin() + size_);
        size_ += static_cast<std::uint32_t>(count);
        return *this;
    }
    std::array<std::uint8_t, 64> bytes_{};
    std::uint32_t size_ = 0;
};

enum class Map : std::uint8_t {
    to,           ///< (client, address, port) to (address, port): where it goes
    source,       ///< (client, address, port) to an address: where it seems to come from
    source_port,  ///< the same with a port
};

const char* name_of(Map map, bool is_v4) {
    switch (map) {
        case Map::to: return is_v4 ? "to4" : "to6";
        case Map::source: return is_v4 ? "source4" : "source6";
        case Map::source_port: return is_v4 ? "sourceport4" : "sourceport6";
    }
    return "";
}

bool has_port(Map map) { return map != Map::source; }

std::uint32_t id_of(Map map, bool is_v4) {
    return static_cast<std::uint32_t>(map) * 2 + (is_v4 ? 1 : 2);
}

struct Element {
    Map map;
    Bytes key;
    Bytes value;
};

std::array<Element, 2> elements_of(const Way& way) {
    Element to{Map::to, {}, {}};
    to.key.add(way.from).add(way.at.ip).add(way.at.port);
    to.value.add(way.to.ip).add(way.to.port);
    Element source{way.source.port == 0 ? Map::source : Map::source_port, {}, {}};
    source.key.add(way.from).add(way.to.ip).add(way.to.port);
    source.value.add(way.source.ip);
    if (way.source.port != 0) source.value.add(way.source.port);
    return {to, source};
}

// What nft(8) shows with --debug=netlink for these rules:
//   dnat ip to ip saddr . ip daddr . tcp dport map @to4

void add(nftnl_rule* rule, const char* name,
         std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> values) {
    auto* const expression = nftnl_expr_alloc(name);
    for (const auto& [key, value] : values) nftnl_expr_set_u32(expression, key, value);
    nftnl_rule_add_expr(rule, expression);
}

void add_comparison(nftnl_rule* rule, std::uint32_t meta, std::uint8_t wanted) {
    add(rule, "meta", {{NFTNL_EXPR_META_KEY, meta}, {NFTNL_EXPR_META_DREG, NFT_REG_1}});
    auto* const compare = nftnl_expr_alloc("cmp");
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
    nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, &wanted, sizeof wanted);
    nftnl_rule_add_expr(rule, compare);
}

void add_load(nftnl_rule* rule, std::uint32_t header, std::uint32_t offset, std::uint32_t bytes,
              std::uint32_t into) {
    add(rule, "payload",
        {{NFTNL_EXPR_PAYLOAD_BASE, header},
         {NFTNL_EXPR_PAYLOAD_OFFSET, offset},
         {NFTNL_EXPR_PAYLOAD_LEN, bytes},
         {NFTNL_EXPR_PAYLOAD_DREG, into}});
}

nftnl_rule* rule_of(const char* table, const char* chain, Map map, bool is_v4) {
    auto* const rule = nftnl_rule_alloc();
    nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
    nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table);
    nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
    const std::uint32_t family = is_v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
    add_comparison(rule, NFT_META_NFPROTO, static_cast<std::uint8_t>(family));
    add_comparison(rule, NFT_META_L4PROTO, IPPROTO_TCP);
    // Addresses of IPv4 fill registers of 4 bytes, those of IPv6 registers of 16.
    const std::uint32_t second = is_v4 ? NFT_REG32_01 : NFT_REG_2;
    const std::uint32_t third = is_v4 ? NFT_REG32_02 : NFT_REG_3;
    const std::uint32_t source_at = is_v4 ? 12 : 8;
    const std::uint32_t bytes = is_v4 ? 4 : 16;
    add_load(rule, NFT_PAYLOAD_NETWORK_HEADER, source_at, bytes, NFT_REG_1);
    add_load(rule, NFT_PAYLOAD_NETWORK_HEADER, source_at + bytes, bytes, second);
    add_load(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, third);
    auto* const look = nftnl_expr_alloc("lookup");
    nftnl_expr_set_u32(look, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(look, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_1);
    nftnl_expr_set_str(look, NFTNL_EXPR_LOOKUP_SET, name_of(map, is_v4));
    nftnl_expr_set_u32(look, NFTNL_EXPR_LOOKUP_SET_ID, id_of(map, is_v4));
    nftnl_rule_add_expr(rule, look);
    auto* const nat = nftnl_expr_alloc("nat");
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_TYPE, map == Map::to ? NFT_NAT_DNAT : NFT_NAT_SNAT);
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_FAMILY, family);
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
    if (has_port(map)) nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_PROTO_MIN, second);
    nftnl_rule_add_expr(rule, nat);
    return rule;
}

nftnl_set* map_of(const char* table, Map map, bool is_v4) {
    const std::uint32_t ip = is_v4 ? type_ipv4 : type_ipv6;
    const std::uint32_t ip_bytes = is_v4 ? 4 : 16;
    auto* const set = nftnl_set_alloc();
    nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_str(set, NFTNL_SET_TABLE, table);
    nftnl_set_set_str(set, NFTNL_SET_NAME, name_of(map, is_v4));
    nftnl_set_set_u32(set, NFTNL_SET_ID, id_of(map, is_v4));
    nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_MAP | NFT_SET_TIMEOUT);
    nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, concatenated({ip, ip, type_port}));
    nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, 2 * ip_bytes + 4);
    nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, has_port(map) ? concatenated({ip, type_port}) : ip);
    nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, has_port(map) ? ip_bytes + 4 : ip_bytes);
    nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, elements_max);
    return set;
}

nftnl_chain* chain_of(const char* table, const char* name, std::uint32_t hook, int priority) {
    auto* const chain = nftnl_chain_alloc();
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
    nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table);
    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
    nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "nat");
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
    nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
    return chain;
}

std::error_code code_of(int number) { return {number, std::generic_category()}; }

}  // namespace

/// Messages that the kernel applies together or not at all.
class Rules::Batch {
public:
    explicit Batch(std::uint32_t& sequence) : sequence_(sequence), bytes_(room_for_one) {
        begun_ = ++sequence_;
        place([this](char* at) { return nftnl_batch_begin(at, begun_); });
    }

    template <typename Build>
    void add(std::uint16_t type, std::uint16_t flags, Build build) {
        place([&](char* at) {
            auto* const header = nftnl_nlmsg_build_hdr(at, type, NFPROTO_INET, flags, ++sequence_);
            build(header);
            last_ = used_;
            return header;
        });
    }
    /// The kernel acknowledges the last message, and so all of them.
    void end() {
        auto* const last = at(last_);
        last->nlmsg_flags |= NLM_F_ACK;
        awaited_ = last->nlmsg_seq;
        place([this](char* at) { return nftnl_batch_end(at, ++sequence_); });
    }
    [[nodiscard]] const char* data() const { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const { return used_; }
    /// An error of this message is one of the whole batch.
    [[nodiscard]] std::uint32_t begun() const { return begun_; }
    [[nodiscard]] std::uint32_t awaited() const { return awaited_; }

private:
    /// More than any of our messages needs.
    static constexpr std::size_t room_for_one = 4096;

    nlmsghdr* at(std::size_t offset) {
        return reinterpret_cast<nlmsghdr*>(bytes_.data() + offset);  // NOLINT: netlink's way
    }
    template <typename Build>
    void place(Build build) {
        bytes_.resize(used_ + room_for_one);
        build(bytes_.data() + used_);
        used_ += NLMSG_ALIGN(at(used_)->nlmsg_len);
    }

    std::uint32_t& sequence_;
    std::vector<char> bytes_;
    std::size_t used_ = 0;
    std::size_t last_ = 0;
    std::uint32_t begun_ = 0;
    std::uint32_t awaited_ = 0;
};

void Rules::Close::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

Rules::Rules(std::unique_ptr<mnl_socket, Close> socket)
    : socket_(std::move(socket)),
      name_(fmt::format("ballast-{}", mnl_socket_get_portid(socket_.get()))) {}

Rules::~Rules() = default;

base::Result<std::unique_ptr<Rules>> Rules::open() {
    const auto failed = [] {
        return std::unexpected(
            base::last_error(base::Fault::internal, "opening a socket to nftables"));
    };
    std::unique_ptr<mnl_socket, Close> socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
    if (!socket) return failed();
    if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return failed();
    ::setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &patience,
                 sizeof patience);
    auto rules = std::unique_ptr<Rules>(new Rules(std::move(socket)));
    if (const auto refused = rules->install())
        return std::unexpected(base::Error{base::Fault::internal, refused,
                                           "making a table of nftables (nf_tables, nf_nat)"});
    return rules;
}

std::error_code Rules::install() {
    constexpr std::uint16_t create = NLM_F_CREATE | NLM_F_EXCL;
    const char* const table = name_.c_str();
    Batch batch(sequence_);
    batch.add(NFT_MSG_NEWTABLE, create, [&](nlmsghdr* header) {
        auto* const made = nftnl_table_alloc();
        nftnl_table_set_str(made, NFTNL_TABLE_NAME, table);
        nftnl_table_set_u32(made, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
        nftnl_table_nlmsg_build_payload(header, made);
        nftnl_table_free(made);
    });
    for (const auto map : {Map::to, Map::source, Map::source_port})
        for (const bool is_v4 : {true, false})
            batch.add(NFT_MSG_NEWSET, create, [&](nlmsghdr* header) {
                auto* const set = map_of(table, map, is_v4);
                nftnl_set_nlmsg_build_payload(header, set);
                nftnl_set_free(set);
            });
    const auto add_chain = [&](const char* name, std::uint32_t hook, int priority) {
        batch.add(NFT_MSG_NEWCHAIN, create, [&](nlmsghdr* header) {
            auto* const chain = chain_of(table, name, hook, priority);
            nftnl_chain_nlmsg_build_payload(header, chain);
            nftnl_chain_free(chain);
        });
    };
    add_chain("prerouting", NF_INET_PRE_ROUTING, before_dstnat);
    add_chain("postrouting", NF_INET_POST_ROUTING, before_srcnat);
    for (const auto map : {Map::to, Map::source, Map::source_port})
        for (const bool is_v4 : {true, false})
            batch.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, [&](nlmsghdr* header) {
                auto* const rule =
                    rule_of(table, map == Map::to ? "prerouting" : "postrouting", map, is_v4);
                nftnl_rule_nlmsg_build_payload(header, rule);
                nftnl_rule_free(rule);
            });
    return send(batch);
}

namespace {

void build(nlmsghdr* header, const char* table, const Element& element, bool is_v4, bool adds,
           milliseconds lifetime) {
    auto* const set = nftnl_set_alloc();
    nftnl_set_set_str(set, NFTNL_SET_TABLE, table);
    nftnl_set_set_str(set, NFTNL_SET_NAME, name_of(element.map, is_v4));
    nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
    auto* const one = nftnl_set_elem_alloc();
    nftnl_set_elem_set(one, NFTNL_SET_ELEM_KEY, element.key.data(), element.key.size());
    if (adds) {
        nftnl_set_elem_set(one, NFTNL_SET_ELEM_DATA, element.value.data(), element.value.size());
        nftnl_set_elem_set_u64(one, NFTNL_SET_ELEM_TIMEOUT,
                               static_cast<std::uint64_t>(lifetime.count()));
    }
    nftnl_set_elem_add(set, one);
    nftnl_set_elems_nlmsg_build_payload(header, set);
    nftnl_set_free(set);
}

}  // namespace

std::vector<std::error_code> Rules::apply(std::span<const Change> changes) {
    std::vector<std::error_code> refused(changes.size());
    if (changes.empty()) return refused;
    Batch batch(sequence_);
    for (const auto& change : changes)
        for (const auto& element : elements_of(change.way))
            batch.add(change.adds ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
                      change.adds ? NLM_F_CREATE | NLM_F_EXCL : 0, [&](nlmsghdr* header) {
                          build(header, name_.c_str(), element, change.way.from.is_v4(),
                                change.adds, change.lifetime);
                      });
    if (!send(batch)) return refused;
    // One of them is refused, and the kernel has applied none.
    for (std::size_t i = 0; i < changes.size(); ++i) refused[i] = apply_alone(changes[i]);
    return refused;
}

std::error_code Rules::apply_alone(const Change& change) {
    const bool is_v4 = change.way.from.is_v4();
    const auto put = [&](Batch& batch, const Element& element) {
        batch.add(change.adds ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
                  change.adds ? NLM_F_CREATE | NLM_F_EXCL : 0, [&](nlmsghdr* header) {
                      build(header, name_.c_str(), element, is_v4, change.adds, change.lifetime);
                  });
    };
    if (change.adds) {
        Batch batch(sequence_);
        for (const auto& element : elements_of(change.way)) put(batch, element);
        return send(batch);
    }
    // The kernel may have removed either of them: their time was over.
    std::error_code refused;
    for (const auto& element : elements_of(change.way)) {
        Batch batch(sequence_);
        put(batch, element);
        if (const auto problem = send(batch); problem && problem.value() != ENOENT)
            refused = problem;
    }
    return refused;
}

/// The first error that the kernel reports for a batch.
std::error_code Rules::send(Batch& batch) {
    batch.end();
    auto* const socket = socket_.get();
    if (mnl_socket_sendto(socket, batch.data(), batch.size()) < 0) return code_of(errno);
    std::error_code first;
    std::array<char, 16384> answer{};
    for (;;) {
        const auto received = mnl_socket_recvfrom(socket, answer.data(), answer.size());
        if (received < 0) return code_of(errno == EAGAIN ? ETIMEDOUT : errno);
        auto left = static_cast<int>(received);
        const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());  // NOLINT
        for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
            if (header->nlmsg_type != NLMSG_ERROR) continue;
            const auto* const report = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header));
            if (report->error != 0 && !first) first = code_of(-report->error);
            if (header->nlmsg_seq == batch.awaited() || header->nlmsg_seq == batch.begun())
                return first;
        }
    }
}

}  // namespace ballast::nat
