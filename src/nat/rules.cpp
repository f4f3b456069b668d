// SPDX-License-Identifier: Apache-2.0
#include "nat/rules.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <initializer_list>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/flowtable.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <string_view>
#include <sys/socket.h>
#include <tuple>

namespace ballast::nat {

namespace {

/// Small enough for the socket's buffers: a message for each element, and an error for each.
constexpr std::size_t batch_changes_max = 64;

/// How long the kernel may take to apply a batch. It takes microseconds, unless somebody else loads
/// a large ruleset meanwhile.
constexpr timeval patience{.tv_sec = 2, .tv_usec = 0};

/// Before the usual places of dstnat and srcnat: the first rule that translates a connection wins,
/// and a masquerade of the machine's own would hide the address that the servers know.
constexpr int before_dstnat = -101;
constexpr int before_srcnat = 99;

constexpr const char* flow_table = "flows";
/// Kernels up to Linux 6.2 have no name for it: NF_FLOWTABLE_COUNTER.
constexpr std::uint32_t flow_table_counts = 2;
/// A connection that is gone is removed from the set. This is for those that we should forget.
constexpr auto offload_time = std::chrono::hours(24);
/// So that their names fit into one message.
constexpr std::size_t flow_table_interfaces_max = 128;
/// Behind the machine's own rules: what they drop does not come into the flow table.
constexpr int behind_filter = 300;

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

nftnl_chain* chain_of(const char* table, const char* type, const char* name, std::uint32_t hook,
                      int priority) {
    auto* const chain = nftnl_chain_alloc();
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
    nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table);
    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
    nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, type);
    nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
    nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
    return chain;
}

void add_tracked(nftnl_rule* rule, std::uint32_t key, std::uint32_t into) {
    auto* const expression = nftnl_expr_alloc("ct");
    nftnl_expr_set_u32(expression, NFTNL_EXPR_CT_KEY, key);
    nftnl_expr_set_u8(expression, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
    nftnl_expr_set_u32(expression, NFTNL_EXPR_CT_DREG, into);
    nftnl_rule_add_expr(rule, expression);
}

// ct original ip saddr . ct original proto-src . ct original ip daddr . ct original proto-dst
//   @flow4 flow add @flows
nftnl_rule* flow_rule_of(const char* table, bool is_v4) {
    auto* const rule = nftnl_rule_alloc();
    nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
    nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table);
    nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, "forward");
    add_comparison(rule, NFT_META_NFPROTO, is_v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
    add_comparison(rule, NFT_META_L4PROTO, IPPROTO_TCP);
    const std::uint32_t ip_registers = is_v4 ? 1 : 4;
    std::uint32_t into = NFT_REG32_00;
    add_tracked(rule, is_v4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, into);
    add_tracked(rule, NFT_CT_PROTO_SRC, into += ip_registers);
    add_tracked(rule, is_v4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6, into += 1);
    add_tracked(rule, NFT_CT_PROTO_DST, into += ip_registers);
    auto* const look = nftnl_expr_alloc("lookup");
    nftnl_expr_set_u32(look, NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00);
    nftnl_expr_set_str(look, NFTNL_EXPR_LOOKUP_SET, name_of(Map::flow, is_v4));
    nftnl_expr_set_u32(look, NFTNL_EXPR_LOOKUP_SET_ID, id_of(Map::flow, is_v4));
    nftnl_rule_add_expr(rule, look);
    auto* const flow = nftnl_expr_alloc("flow_offload");
    nftnl_expr_set_str(flow, NFTNL_EXPR_FLOW_TABLE_NAME, flow_table);
    nftnl_rule_add_expr(rule, flow);
    return rule;
}

/// The names of this network's interfaces, except the loopback's.
std::vector<std::string> interfaces() {
    std::vector<std::string> names;
    const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> all(
        ::if_nameindex(), &::if_freenameindex);
    if (!all) return names;
    for (const auto* each = all.get(); each->if_name != nullptr; ++each)
        if (std::string_view(each->if_name) != "lo") names.emplace_back(each->if_name);
    return names;
}

std::error_code code_of(int number) { return {number, std::generic_category()}; }

/// The kernel's answer is lost: it may have applied the batch.
bool is_unsure(std::error_code problem) {
    return problem == std::errc::timed_out || problem == std::errc::no_buffer_space;
}

}  // namespace

void Rules::Close::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

Rules::~Rules() = default;

base::Result<std::unique_ptr<Rules>> Rules::open(std::uint32_t room) {
    auto rules = std::unique_ptr<Rules>(new Rules(room));
    if (auto started = rules->start_over(); !started)
        return std::unexpected(std::move(started.error()));
    return rules;
}

base::Result<> Rules::start_over() {
    has_flow_table_ = false;
    // The kernel removes the table before this returns.
    socket_.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
        auto error = base::last_error(base::Fault::internal, "opening a socket to nftables");
        lack_ = error.code;
        socket_.reset();
        return std::unexpected(std::move(error));
    }
    ::setsockopt(mnl_socket_get_fd(socket_.get()), SOL_SOCKET, SO_RCVTIMEO, &patience,
                 sizeof patience);
    name_ = fmt::format("ballast-{}", mnl_socket_get_portid(socket_.get()));
    is_in_doubt_ = false;
    lack_ = install();
    has_flow_table_ = !lack_ && !install_flow_table();
    if (lack_)
        return std::unexpected(base::Error{base::Fault::internal, lack_,
                                           "making a table of nftables (nf_tables, nf_nat)"});
    return {};
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
    for (const auto map : maps)
        for (const bool is_v4 : {true, false}) make_map(batch, name_, map, is_v4, room_);
    const auto add_chain = [&](const char* name, std::uint32_t hook, int priority) {
        batch.add(NFT_MSG_NEWCHAIN, create, [&](nlmsghdr* header) {
            auto* const chain = chain_of(table, "nat", name, hook, priority);
            nftnl_chain_nlmsg_build_payload(header, chain);
            nftnl_chain_free(chain);
        });
    };
    add_chain("prerouting", NF_INET_PRE_ROUTING, before_dstnat);
    add_chain("postrouting", NF_INET_POST_ROUTING, before_srcnat);
    for (const auto map : maps)
        for (const bool is_v4 : {true, false})
            batch.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, [&](nlmsghdr* header) {
                auto* const rule =
                    rule_of(table, map == Map::to ? "prerouting" : "postrouting", map, is_v4);
                nftnl_rule_nlmsg_build_payload(header, rule);
                nftnl_rule_free(rule);
            });
    return send(batch);
}

/// Not part of the other batch: many kernels have none.
std::error_code Rules::install_flow_table() {
    const auto names = interfaces();
    if (names.size() > flow_table_interfaces_max) return code_of(E2BIG);
    std::vector<const char*> devices;
    devices.reserve(names.size() + 1);
    for (const auto& name : names) devices.push_back(name.c_str());
    devices.push_back(nullptr);
    const char* const table = name_.c_str();
    constexpr std::uint16_t create = NLM_F_CREATE | NLM_F_EXCL;
    Batch batch(sequence_);
    batch.add(NFT_MSG_NEWFLOWTABLE, create, [&](nlmsghdr* header) {
        auto* const made = nftnl_flowtable_alloc();
        nftnl_flowtable_set_str(made, NFTNL_FLOWTABLE_TABLE, table);
        nftnl_flowtable_set_str(made, NFTNL_FLOWTABLE_NAME, flow_table);
        nftnl_flowtable_set_u32(made, NFTNL_FLOWTABLE_HOOKNUM, NF_NETDEV_INGRESS);
        nftnl_flowtable_set_u32(made, NFTNL_FLOWTABLE_PRIO, 0);
        nftnl_flowtable_set_u32(made, NFTNL_FLOWTABLE_FLAGS, flow_table_counts);
        nftnl_flowtable_set_array(made, NFTNL_FLOWTABLE_DEVICES, devices.data());
        nftnl_flowtable_nlmsg_build_payload(header, made);
        nftnl_flowtable_free(made);
    });
    for (const bool is_v4 : {true, false}) make_map(batch, name_, Map::flow, is_v4, room_);
    batch.add(NFT_MSG_NEWCHAIN, create, [&](nlmsghdr* header) {
        auto* const chain = chain_of(table, "filter", "forward", NF_INET_FORWARD, behind_filter);
        nftnl_chain_nlmsg_build_payload(header, chain);
        nftnl_chain_free(chain);
    });
    for (const bool is_v4 : {true, false})
        batch.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, [&](nlmsghdr* header) {
            auto* const rule = flow_rule_of(table, is_v4);
            nftnl_rule_nlmsg_build_payload(header, rule);
            nftnl_rule_free(rule);
        });
    return send(batch);
}

bool Rules::offload(const Ends& ends) {
    if (!has_flow_table_) return false;
    Batch batch(sequence_);
    add_element(batch, name_, flow_element_of(ends), ends.at.ip.is_v4(), offload_time);
    const auto refused = send(batch);
    return !refused || refused == std::errc::file_exists;
}

void Rules::end_offload(const Ends& ends) {
    if (!has_flow_table_) return;
    Batch batch(sequence_);
    remove_element(batch, name_, flow_element_of(ends), ends.at.ip.is_v4());
    std::ignore = send(batch);
}

std::vector<std::error_code> Rules::apply(std::span<const Change> changes) {
    std::vector<std::error_code> refused(changes.size(), lack_);
    if (lack_) return refused;
    for (std::size_t begun = 0; begun < changes.size(); begun += batch_changes_max) {
        const auto part =
            changes.subspan(begun, std::min(batch_changes_max, changes.size() - begun));
        Batch batch(sequence_);
        for (const auto& change : part)
            for (const auto& element : elements_of(change.way)) put(batch, change, element);
        const auto problem = send(batch);
        if (!problem) continue;
        // One of them is refused, and the kernel has applied none.
        for (std::size_t i = 0; i < part.size(); ++i) {
            if (part[i].adds && is_unsure(problem)) std::ignore = remove_alone(part[i]);
            refused[begun + i] = part[i].adds ? add_alone(part[i]) : remove_alone(part[i]);
        }
    }
    return refused;
}

void Rules::put(Batch& batch, const Change& change, const Element& element) const {
    const bool is_v4 = change.way.from.is_v4();
    if (change.adds)
        add_element(batch, name_, element, is_v4, change.lifetime);
    else
        remove_element(batch, name_, element, is_v4);
}

std::error_code Rules::add_alone(const Change& change) {
    Batch batch(sequence_);
    for (const auto& element : elements_of(change.way)) put(batch, change, element);
    const auto refused = send(batch);
    if (is_unsure(refused)) std::ignore = remove_alone(change);
    return refused;
}

/// The kernel may have removed either element: its time was over.
std::error_code Rules::remove_alone(const Change& change) {
    std::error_code refused;
    for (const auto& element : elements_of(change.way)) {
        Batch batch(sequence_);
        remove_element(batch, name_, element, change.way.from.is_v4());
        if (const auto problem = send(batch); problem && problem.value() != ENOENT)
            refused = problem;
    }
    if (refused) is_in_doubt_ = true;
    return refused;
}

/// The first error that the kernel reports for the batch.
std::error_code Rules::send(Batch& batch) {
    batch.end();
    auto* const socket = socket_.get();
    if (mnl_socket_sendto(socket, batch.bytes().data(), batch.bytes().size()) < 0)
        return code_of(errno);
    std::array<char, 16384> answer;  // NOLINT: filled by recvfrom
    for (;;) {
        const auto received = mnl_socket_recvfrom(socket, answer.data(), answer.size());
        if (received < 0) return code_of(errno == EAGAIN ? ETIMEDOUT : errno);
        const auto bytes = static_cast<std::size_t>(received);
        if (batch.hear(std::span(answer).first(bytes), mnl_socket_get_portid(socket)))
            return batch.refusal();
    }
}

}  // namespace ballast::nat
