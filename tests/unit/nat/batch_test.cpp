// SPDX-License-Identifier: Apache-2.0
// Messages to nf_tables, read back, and the kernel's answers.
#include "nat/batch.h"

#include "nat/maps.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

// After the standard headers, which they need.
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

namespace ballast::nat {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t port = 4711;

base::Ip ip(const char* text) { return *base::Ip::parse(text); }

const Way way_v4{.from = ip("192.0.2.2"),
                 .at = {ip("192.0.2.1"), 20000},
                 .to = {ip("198.51.100.11"), 40000},
                 .source = {ip("198.51.100.1"), 0}};
const Way way_v6{.from = ip("2001:db8:2::11"),
                 .at = {ip("2001:db8:2::1"), 20100},
                 .to = {ip("2001:db8:1::2"), 50001},
                 .source = {ip("2001:db8:1::1"), 20}};

std::vector<const nlmsghdr*> messages_of(const Batch& batch) {
    std::vector<const nlmsghdr*> all;
    auto left = static_cast<int>(batch.bytes().size());
    const auto* header = reinterpret_cast<const nlmsghdr*>(batch.bytes().data());
    for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left))
        all.push_back(header);
    EXPECT_EQ(left, 0);
    return all;
}

/// What the kernel reads in a message with one element.
struct Read {
    std::string table;
    std::string map;
    Bytes key;
    Bytes value;
    std::uint64_t lifetime = 0;
};

Read read(const nlmsghdr* message) {
    Read read;
    auto* const set = nftnl_set_alloc();
    EXPECT_EQ(nftnl_set_elems_nlmsg_parse(message, set), 0);
    read.table = nftnl_set_get_str(set, NFTNL_SET_TABLE);
    read.map = nftnl_set_get_str(set, NFTNL_SET_NAME);
    const auto take = [](nftnl_set_elem* element, void* into) {
        auto& all = *static_cast<Read*>(into);
        EXPECT_TRUE(all.key.empty());
        const auto bytes = [&](std::uint16_t what) {
            std::uint32_t size = 0;
            const auto* const from =
                static_cast<const std::uint8_t*>(nftnl_set_elem_get(element, what, &size));
            return from == nullptr ? Bytes() : Bytes(from, from + size);
        };
        all.key = bytes(NFTNL_SET_ELEM_KEY);
        all.value = bytes(NFTNL_SET_ELEM_DATA);
        if (nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_TIMEOUT))
            all.lifetime = nftnl_set_elem_get_u64(element, NFTNL_SET_ELEM_TIMEOUT);
        return 0;
    };
    nftnl_set_elem_foreach(set, take, &read);
    nftnl_set_free(set);
    return read;
}

TEST(Batch, a_way_is_two_elements_in_the_order_of_packets) {
    std::uint32_t sequence = 0;
    Batch batch(sequence);
    for (const auto& element : elements_of(way_v4))
        add_element(batch, "ballast-1", element, true, 150s);
    batch.end();
    const auto messages = messages_of(batch);
    ASSERT_EQ(messages.size(), 4);
    EXPECT_EQ(messages[0]->nlmsg_type, NFNL_MSG_BATCH_BEGIN);
    EXPECT_EQ(messages[3]->nlmsg_type, NFNL_MSG_BATCH_END);
    const auto to = read(messages[1]);
    EXPECT_EQ(to.table, "ballast-1");
    EXPECT_EQ(to.map, "to4");
    // Ports are in network order, and each part begins at a multiple of four.
    EXPECT_EQ(to.key, (Bytes{192, 0, 2, 2, 192, 0, 2, 1, 0x4e, 0x20, 0, 0}));
    EXPECT_EQ(to.value, (Bytes{198, 51, 100, 11, 0x9c, 0x40, 0, 0}));
    EXPECT_EQ(to.lifetime, 150'000);
    const auto source = read(messages[2]);
    EXPECT_EQ(source.map, "source4");
    EXPECT_EQ(source.key, (Bytes{192, 0, 2, 2, 198, 51, 100, 11, 0x9c, 0x40, 0, 0}));
    EXPECT_EQ(source.value, (Bytes{198, 51, 100, 1}));
}

TEST(Batch, a_way_with_a_source_port_is_in_another_map) {
    std::uint32_t sequence = 0;
    Batch batch(sequence);
    for (const auto& element : elements_of(way_v6))
        add_element(batch, "ballast-1", element, false, 1ms);
    batch.end();
    const auto messages = messages_of(batch);
    ASSERT_EQ(messages.size(), 4);
    EXPECT_EQ(read(messages[1]).map, "to6");
    EXPECT_EQ(read(messages[1]).key.size(), 36);
    const auto source = read(messages[2]);
    EXPECT_EQ(source.map, "sourceport6");
    ASSERT_EQ(source.value.size(), 20);
    EXPECT_EQ(source.value[16], 0);
    EXPECT_EQ(source.value[17], 20);
}

TEST(Batch, a_removal_names_the_same_keys_and_nothing_else) {
    std::uint32_t sequence = 0;
    Batch adds(sequence);
    Batch removes(sequence);
    for (const auto& element : elements_of(way_v4)) {
        add_element(adds, "ballast-1", element, true, 150s);
        remove_element(removes, "ballast-1", element, true);
    }
    adds.end();
    removes.end();
    const auto added = messages_of(adds);
    const auto removed = messages_of(removes);
    ASSERT_EQ(removed.size(), 4);
    for (const std::size_t i : {1U, 2U}) {
        EXPECT_EQ(removed[i]->nlmsg_type & 0xff, NFT_MSG_DELSETELEM);
        EXPECT_EQ(read(removed[i]).map, read(added[i]).map);
        EXPECT_EQ(read(removed[i]).key, read(added[i]).key);
        EXPECT_TRUE(read(removed[i]).value.empty());
    }
}

TEST(Batch, only_the_last_message_is_acknowledged) {
    std::uint32_t sequence = 0;
    Batch batch(sequence);
    for (int i = 0; i < 3; ++i) batch.add(NFT_MSG_NEWSETELEM, 0, [](nlmsghdr*) {});
    batch.end();
    std::vector<bool> acknowledged;
    for (const auto* const each : messages_of(batch))
        acknowledged.push_back((each->nlmsg_flags & NLM_F_ACK) != 0);
    EXPECT_EQ(acknowledged, (std::vector{false, false, false, true, false}));
}

// Answers

/// A batch with two messages, and what the kernel may say about it.
class Answers : public testing::Test {
protected:
    Answers() {
        for (int i = 0; i < 2; ++i) batch.add(NFT_MSG_NEWSETELEM, 0, [](nlmsghdr*) {});
        batch.end();
    }
    struct Answer {
        std::uint32_t sequence;
        int error;
        std::uint32_t to = port;
    };
    bool hear(const std::vector<Answer>& answers) {
        std::vector<char> bytes(answers.size() * 64);
        std::size_t used = 0;
        for (const auto& each : answers) {
            auto* const header = mnl_nlmsg_put_header(bytes.data() + used);
            header->nlmsg_type = NLMSG_ERROR;
            header->nlmsg_seq = each.sequence;
            header->nlmsg_pid = each.to;
            auto* const report =
                static_cast<nlmsgerr*>(mnl_nlmsg_put_extra_header(header, sizeof(nlmsgerr)));
            report->error = -each.error;
            used += header->nlmsg_len;
        }
        bytes.resize(used);
        return batch.hear(bytes, port);
    }
    [[nodiscard]] int refusal() const { return batch.refusal().value(); }

    std::uint32_t sequence = 100;
    Batch batch{sequence};  // 101, its messages 102 and 103, and its end 104
};

TEST_F(Answers, an_acknowledgement_of_the_last_message_is_one_of_all) {
    EXPECT_TRUE(hear({{103, 0}}));
    EXPECT_EQ(refusal(), 0);
}

TEST_F(Answers, the_first_error_counts_and_the_last_message_ends_the_answer) {
    EXPECT_FALSE(hear({{102, EEXIST}}));
    EXPECT_TRUE(hear({{103, ENOENT}}));
    EXPECT_EQ(refusal(), EEXIST);
}

TEST_F(Answers, an_error_of_the_batch_itself_ends_the_answer) {
    EXPECT_TRUE(hear({{101, EPERM}}));
    EXPECT_EQ(refusal(), EPERM);
}

TEST_F(Answers, late_answers_to_a_batch_before_are_not_heard) {
    EXPECT_FALSE(hear({{97, EEXIST}, {99, EPERM}, {100, 0}}));
    EXPECT_TRUE(hear({{98, ENFILE}, {103, 0}}));
    EXPECT_EQ(refusal(), 0);
}

TEST_F(Answers, answers_to_others_are_not_heard) {
    EXPECT_FALSE(hear({{103, 0, port + 1}, {101, EPERM, port + 1}, {102, EEXIST, port + 1}}));
    EXPECT_TRUE(hear({{103, 0}}));
    EXPECT_EQ(refusal(), 0);
}

TEST_F(Answers, numbers_behind_the_batch_are_not_heard) {
    EXPECT_FALSE(hear({{104, EPERM}, {105, EPERM}}));
    EXPECT_TRUE(hear({{103, 0}}));
    EXPECT_EQ(refusal(), 0);
}

TEST_F(Answers, half_an_answer_is_not_heard) {
    std::vector<char> bytes(NLMSG_HDRLEN);
    auto* const header = mnl_nlmsg_put_header(bytes.data());
    header->nlmsg_type = NLMSG_ERROR;
    header->nlmsg_seq = 103;
    header->nlmsg_pid = port;
    EXPECT_FALSE(batch.hear(bytes, port));
    EXPECT_FALSE(batch.hear(std::span(bytes).first(10), port));
    EXPECT_FALSE(batch.hear({}, port));
}

TEST(Batch, its_numbers_may_wrap) {
    std::uint32_t sequence = 0xffffffffU - 1;
    Batch batch(sequence);  // 0xffffffff
    batch.add(NFT_MSG_NEWSETELEM, 0, [](nlmsghdr*) {});
    batch.add(NFT_MSG_NEWSETELEM, 0, [](nlmsghdr*) {});
    batch.end();
    const auto messages = messages_of(batch);
    ASSERT_EQ(messages.size(), 4);
    EXPECT_EQ(messages[0]->nlmsg_seq, 0xffffffffU);
    EXPECT_EQ(messages[2]->nlmsg_seq, 1);
    std::array<char, 64> bytes{};
    auto* const header = mnl_nlmsg_put_header(bytes.data());
    header->nlmsg_type = NLMSG_ERROR;
    header->nlmsg_pid = port;
    auto* const report =
        static_cast<nlmsgerr*>(mnl_nlmsg_put_extra_header(header, sizeof(nlmsgerr)));
    const auto hear = [&](std::uint32_t number, int error) {
        header->nlmsg_seq = number;
        report->error = -error;
        return batch.hear(std::span<const char>(bytes).first(header->nlmsg_len), port);
    };
    EXPECT_FALSE(hear(0xfffffffeU, EPERM));
    EXPECT_FALSE(hear(0, EEXIST));
    EXPECT_TRUE(hear(1, 0));
    EXPECT_EQ(batch.refusal().value(), EEXIST);
}

}  // namespace
}  // namespace ballast::nat
