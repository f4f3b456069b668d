// SPDX-License-Identifier: Apache-2.0
#include "metrics/commands.h"

#include <gtest/gtest.h>
#include <thread>

namespace ballast::metrics {
namespace {

std::uint64_t count_of(std::string_view verb, std::string_view reply_class) {
    for (const auto& each : command_counts())
        if (each.verb == verb && each.reply_class == reply_class) return each.count;
    return 0;
}

TEST(Commands, are_counted_by_verb_and_class_of_the_reply) {
    const auto before = count_of("RETR", "5xx");
    const auto others = count_of("RETR", "2xx");
    count_command("RETR", 550);
    std::thread([] { count_command("RETR", 501); }).join();
    EXPECT_EQ(count_of("RETR", "5xx"), before + 2);
    EXPECT_EQ(count_of("RETR", "2xx"), others);
}

TEST(Commands, without_a_reply_are_counted_too) {
    const auto before = count_of("QUIT", "none");
    count_command("QUIT", 0);
    EXPECT_EQ(count_of("QUIT", "none"), before + 1);
}

TEST(Commands, that_the_table_does_not_know_count_as_one_so_that_clients_cannot_make_names) {
    const auto before = count_of("other", "5xx");
    for (const auto* const verb : {"AAAA", "ZZZZ", "", "retr", "\n"}) count_command(verb, 500);
    EXPECT_EQ(count_of("other", "5xx"), before + 5);
}

TEST(Commands, with_an_impossible_code_count_as_unanswered) {
    const auto before = count_of("NOOP", "none");
    count_command("NOOP", 600);
    count_command("NOOP", 65535);
    count_command("NOOP", 7);
    EXPECT_EQ(count_of("NOOP", "none"), before + 3);
}

TEST(Commands, in_a_transfer_have_a_class_of_their_own) {
    const auto before = count_of("ABOR", "in_transfer");
    count_command_in_transfer("ABOR");
    EXPECT_EQ(count_of("ABOR", "in_transfer"), before + 1);
}

}  // namespace
}  // namespace ballast::metrics
