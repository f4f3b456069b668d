// SPDX-License-Identifier: Apache-2.0
#include "session/replies_owed.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::session {
namespace {

constexpr bool pending = true;
constexpr bool over = false;

class RepliesOwedTest : public testing::Test {
protected:
    /// The code of the reply that the client gets now. 0: none.
    std::uint16_t take(std::uint16_t code, bool data_is_pending = pending) {
        return take(ftp::make_reply(code, "words"), data_is_pending);
    }
    std::uint16_t take(const ftp::Reply& reply, bool data_is_pending = pending) {
        const auto told = owed.take(reply, data_is_pending);
        return told ? told->code : 0;
    }
    [[nodiscard]] std::uint16_t final_code() const {
        return owed.final_reply() ? owed.final_reply()->code : 0;
    }
    RepliesOwed owed;
};

TEST_F(RepliesOwedTest, passes_1xx_on_at_once_and_keeps_the_final_reply) {
    EXPECT_FALSE(owed.is_begun());
    EXPECT_EQ(take(150), 150);
    EXPECT_TRUE(owed.is_begun());
    EXPECT_EQ(take(226), 0);
    EXPECT_EQ(final_code(), 226);
    EXPECT_EQ(owed.take_final()->code, 226);
    EXPECT_EQ(owed.take_final(), std::nullopt);
}

TEST_F(RepliesOwedTest, adds_the_text_of_a_dropped_1xx_to_the_final_reply) {
    owed.note_own_150();
    EXPECT_EQ(take(ftp::make_reply(150, "FILE: a.1")), 0);
    EXPECT_EQ(take(226), 0);
    EXPECT_EQ(owed.take_final()->text, "226-The server said:\r\n FILE: a.1\r\n226 words\r\n");
}

TEST_F(RepliesOwedTest, knows_the_announced_size) {
    struct Row {
        std::string_view words;
        std::optional<std::uint64_t> size;
    };
    const Row rows[] = {
        {"Opening BINARY mode data connection for a (1234 bytes).", 1234},
        {"Opening ASCII mode data connection for (1) (0 bytes)", 0},
        {"Data connection accepted from 198.51.100.7:4; transfer starting for a (5 bytes).", 5},
        {"Opening data connection", std::nullopt},
        {"I have (many bytes)", std::nullopt},
        {"1234 bytes", std::nullopt},
        {"a (99999999999999999999999 bytes)", std::nullopt},
    };
    for (const auto& row : rows) {
        RepliesOwed each;
        (void)each.take(ftp::make_reply(150, row.words), pending);
        EXPECT_EQ(each.announced_bytes(), row.size) << row.words;
    }
}

TEST_F(RepliesOwedTest, gives_each_stat_one_reply_whatever_its_code) {
    take(150);
    owed.add_stat();
    owed.add_stat();
    EXPECT_EQ(take(211), 211);
    EXPECT_EQ(take(550), 550);  // about STAT's file, because the data still moves
    EXPECT_EQ(owed.stats(), 0U);
    EXPECT_EQ(take(226), 0);
    EXPECT_EQ(final_code(), 226);
}

TEST_F(RepliesOwedTest, takes_a_refusal_after_the_data_for_the_final_reply) {
    take(150);
    owed.add_stat();
    EXPECT_EQ(take(550, over), 0);
    EXPECT_EQ(final_code(), 550);
    EXPECT_EQ(take(211, over), 0);
    EXPECT_EQ(owed.take_held().size(), 1U);
}

TEST_F(RepliesOwedTest, gives_a_refusal_back_to_the_transfer_when_stat_is_answered) {
    take(150);
    owed.add_stat();
    EXPECT_EQ(take(451), 451);  // as the answer to STAT
    EXPECT_EQ(take(211), 211);
    EXPECT_EQ(final_code(), 451);
    EXPECT_EQ(owed.take_final(), std::nullopt);  // the client has it
}

TEST_F(RepliesOwedTest, takes_the_later_of_two_ends_for_the_final_reply) {
    take(150);
    owed.add_stat();
    EXPECT_EQ(take(226), 0);
    EXPECT_EQ(take(250), 226);
    EXPECT_EQ(final_code(), 250);
}

TEST_F(RepliesOwedTest, takes_the_reply_after_a_second_1xx_for_the_answer_to_stat) {
    take(150);
    owed.add_stat();
    EXPECT_EQ(take(150), 150);
    EXPECT_EQ(take(226), 226);
    EXPECT_EQ(final_code(), 0);
    EXPECT_EQ(take(226), 0);
    EXPECT_EQ(final_code(), 226);
}

TEST_F(RepliesOwedTest, never_takes_a_421_for_the_answer_to_stat) {
    take(150);
    owed.add_stat();
    take(150);
    EXPECT_EQ(take(421), 0);
    EXPECT_EQ(final_code(), 421);
}

TEST_F(RepliesOwedTest, counts_the_abandoned_stats) {
    take(150);
    owed.add_stat();
    owed.add_stat();
    take(226);
    owed.give_up_stats();
    EXPECT_EQ(owed.stats(), 0U);
    EXPECT_EQ(owed.take_missing(), 2U);
    EXPECT_EQ(owed.take_missing(), 0U);
}

TEST_F(RepliesOwedTest, limits_the_announcements_that_it_keeps) {
    take(150);
    owed.add_stat();
    take(226);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(take(150), 0);
    EXPECT_LE(owed.take_held().size(), 2 * RepliesOwed::stats_max);
}

}  // namespace
}  // namespace ballast::session
