// SPDX-License-Identifier: Apache-2.0
// The table in a real kernel, in a network of the test's own.
#include "nat/rules.h"

#include "own_networks.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace ballast::nat {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

/// The way of this number. Each has a port of ours and one of the server's.
Way way_of(int number, base::Family family = base::Family::ipv4) {
    const auto& ends = OwnNetworks::ends(family);
    return {.from = ends.client,
            .at = {ends.to_client, static_cast<std::uint16_t>(10000 + number)},
            .to = {ends.server, static_cast<std::uint16_t>(30000 + number)},
            .source = {ends.to_server, 0}};
}

class RulesInKernel : public testing::Test {
protected:
    [[nodiscard]] std::error_code apply(const Way& way, bool adds) {
        const Rules::Change change{way, adds, 150s};
        return rules->apply({&change, 1}).at(0);
    }
    [[nodiscard]] std::error_code add(const Way& way) { return apply(way, true); }
    [[nodiscard]] std::error_code remove(const Way& way) { return apply(way, false); }
    void open(std::uint32_t room = Rules::ways_max) {
        auto opened = Rules::open(room);
        ASSERT_TRUE(opened) << base::to_string(opened.error());
        rules = std::move(*opened);
    }

    OwnNetworks networks;
    std::unique_ptr<Rules> rules;
};

TEST_F(RulesInKernel, the_table_is_there_as_long_as_the_object) {
    EXPECT_EQ(tables(), Names());
    open();
    EXPECT_EQ(tables(), Names{rules->name()});
    rules.reset();
    EXPECT_EQ(tables(), Names());
}

TEST_F(RulesInKernel, two_balancers_have_a_table_each) {
    open();
    const auto other = Rules::open();
    ASSERT_TRUE(other);
    EXPECT_NE(rules->name(), (*other)->name());
    EXPECT_EQ(tables().size(), 2);
}

TEST_F(RulesInKernel, a_process_that_dies_leaves_no_table) {
    const auto child = ::fork();
    if (child == 0) {
        const auto opened = Rules::open();
        // Without destructors, as if it were killed.
        ::_exit(opened && tables() == Names{(*opened)->name()} ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(tables(), Names());
    open();
    EXPECT_EQ(tables(), Names{rules->name()});
}

TEST_F(RulesInKernel, nobody_else_can_change_it) {
    open();
    ASSERT_FALSE(add(way_of(0)));
    EXPECT_TRUE(run("nft list table inet " + rules->name() + " >/dev/null"));
    EXPECT_FALSE(run("nft delete table inet " + rules->name()));
    EXPECT_FALSE(run("nft flush table inet " + rules->name()));
    EXPECT_TRUE(run("nft flush ruleset"));
    EXPECT_EQ(tables(), Names{rules->name()});
    EXPECT_EQ(add(way_of(0)), std::errc::file_exists);
}

TEST_F(RulesInKernel, ways_come_and_go_in_both_families) {
    open();
    for (const auto family : {base::Family::ipv4, base::Family::ipv6}) {
        auto way = way_of(0, family);
        for (const std::uint16_t source : {std::uint16_t{0}, std::uint16_t{20}}) {
            way.source.port = source;
            EXPECT_FALSE(add(way));
            EXPECT_EQ(add(way), std::errc::file_exists);
            EXPECT_FALSE(remove(way));
            EXPECT_FALSE(add(way));
            EXPECT_FALSE(remove(way));
        }
    }
}

TEST_F(RulesInKernel, removing_what_is_not_there_is_no_error) {
    open();
    EXPECT_FALSE(remove(way_of(0)));
    ASSERT_FALSE(add(way_of(1)));
    const std::vector<Rules::Change> changes{
        {way_of(0), false}, {way_of(1), false}, {way_of(2), true, 150s}};
    EXPECT_EQ(rules->apply(changes), std::vector<std::error_code>(3));
    EXPECT_FALSE(add(way_of(1)));
    EXPECT_EQ(add(way_of(2)), std::errc::file_exists);
}

TEST_F(RulesInKernel, one_that_is_refused_does_not_take_the_others_with_it) {
    open();
    ASSERT_FALSE(add(way_of(1)));
    const std::vector<Rules::Change> changes{
        {way_of(0), true, 150s}, {way_of(1), true, 150s}, {way_of(2), true, 150s}};
    const auto refused = rules->apply(changes);
    EXPECT_FALSE(refused.at(0));
    EXPECT_EQ(refused.at(1), std::errc::file_exists);
    EXPECT_FALSE(refused.at(2));
    // The answers to all that do not confuse the next one.
    EXPECT_FALSE(add(way_of(3)));
}

TEST_F(RulesInKernel, a_port_is_used_again_in_the_batch_that_frees_it) {
    open();
    ASSERT_FALSE(add(way_of(0)));
    auto next = way_of(0);
    next.to.port = 50000;
    const std::vector<Rules::Change> changes{{way_of(0), false}, {next, true, 150s}};
    EXPECT_EQ(rules->apply(changes), std::vector<std::error_code>(2));
}

TEST_F(RulesInKernel, thousands_of_changes_at_once_fit) {
    open();
    std::vector<Rules::Change> changes;
    for (int i = 0; i < 5000; ++i) changes.push_back({way_of(i), true, 150s});
    EXPECT_EQ(rules->apply(changes), std::vector<std::error_code>(changes.size()));
    // All of several batches are refused: an answer for each. The kernel takes 8 ms to refuse one.
    const auto exists = std::make_error_code(std::errc::file_exists);
    for (const auto& each : rules->apply(std::span(changes).first(320))) ASSERT_EQ(each, exists);
    for (auto& each : changes) each.adds = false;
    EXPECT_EQ(rules->apply(changes), std::vector<std::error_code>(changes.size()));
    EXPECT_FALSE(add(way_of(4999)));
}

TEST_F(RulesInKernel, a_full_map_refuses_and_has_room_again) {
    open(2);
    EXPECT_FALSE(add(way_of(0)));
    EXPECT_FALSE(add(way_of(1)));
    EXPECT_EQ(add(way_of(2)), std::errc::too_many_files_open_in_system);
    EXPECT_FALSE(remove(way_of(0)));
    EXPECT_FALSE(add(way_of(2)));
}

TEST_F(RulesInKernel, an_element_ends_by_itself) {
    open();
    const Rules::Change brief{way_of(0), true, 20ms};
    ASSERT_FALSE(rules->apply({&brief, 1}).at(0));
    const auto due = std::chrono::steady_clock::now() + 20s;
    while (add(way_of(0)) && std::chrono::steady_clock::now() < due) {
    }
    EXPECT_LT(std::chrono::steady_clock::now(), due);
}

}  // namespace
}  // namespace ballast::nat
