// SPDX-License-Identifier: Apache-2.0
// What a pool tells about its choices.
#include "pool/pool.h"
#include "support/test_loop.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

class ChoiceTest : public testing::Test {
protected:
    ChoiceTest() {
        config.name = "files";
        config.balance = balance::find_policy("least-sessions");
        config.probe.rise = 1;
        config.probe.fall = 1;
    }
    config::Backend& add_backend() {
        config::Backend backend;
        backend.name = "alf" + std::to_string(config.backends.size() + 1);
        backend.host = "10.0.0." + std::to_string(11 + config.backends.size());
        return config.backends.emplace_back(backend);
    }
    Pool& pool() {
        if (!made_) made_ = std::make_shared<Pool>(config, [this] { return loop.now(); });
        return *made_;
    }
    std::expected<Seat, Refusal> choose(std::vector<BackendId> tried = {}) {
        return pool().choose({base::Ip::parse("192.0.2.7").value(), "anna"}, tried, &choice);
    }
    BackendId id(std::size_t index) { return pool().status().at(index).backend.id; }
    Unfit unfit(const std::string& name) {
        for (const auto& option : choice.options)
            if (option.name == name) return option.unfit;
        ADD_FAILURE() << name << " is not among the options";
        return Unfit::no;
    }

    support::TestLoop loop;
    config::Pool config;
    Choice choice;

private:
    std::shared_ptr<Pool> made_;
};

TEST_F(ChoiceTest, names_the_policy_and_the_numbers_that_it_saw) {
    add_backend().weight = 3;
    add_backend();
    const auto first = choose();
    const auto second = choose();
    ASSERT_TRUE(second);
    EXPECT_EQ(choice.why, Choice::Why::policy);
    EXPECT_EQ(choice.policy, "least-sessions");
    ASSERT_EQ(choice.options.size(), 2U);
    EXPECT_EQ(choice.options[0].name, "alf1");
    EXPECT_EQ(choice.options[0].numbers.sessions, 1U);
    EXPECT_EQ(choice.options[0].numbers.weight, 3U * 256);
    EXPECT_EQ(choice.options[1].numbers.sessions, 0U);
    EXPECT_EQ(choice.more, 0U);
}

TEST_F(ChoiceTest, says_why_others_could_not_be_chosen) {
    for (int i = 0; i < 5; ++i) add_backend();
    config.backends[1].max_sessions = 1;
    config.backends[4].backup = true;
    pool().probe_failed(id(0), "no answer");
    (void)pool().administer("alf3", AdminState::draining);
    const auto fills_alf2 = choose({id(3), id(4)});
    ASSERT_TRUE(fills_alf2);
    const auto last = choose({id(3)});
    ASSERT_TRUE(last);
    EXPECT_EQ(last->backend().name, "alf5");
    EXPECT_EQ(unfit("alf1"), Unfit::down);
    EXPECT_EQ(unfit("alf2"), Unfit::full);
    EXPECT_EQ(unfit("alf3"), Unfit::withdrawn);
    EXPECT_EQ(unfit("alf4"), Unfit::tried);
    EXPECT_EQ(unfit("alf5"), Unfit::no);
    const auto first = choose();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->backend().name, "alf4");
    EXPECT_EQ(unfit("alf5"), Unfit::later_tier);
}

TEST_F(ChoiceTest, explains_a_refusal) {
    add_backend();
    add_backend();
    pool().probe_failed(id(0), "no answer");
    pool().probe_failed(id(1), "no answer");
    EXPECT_EQ(choose().error(), Refusal::all_down);
    EXPECT_EQ(choice.why, Choice::Why::none);
    EXPECT_EQ(unfit("alf1"), Unfit::down);
    EXPECT_EQ(unfit("alf2"), Unfit::down);
}

TEST_F(ChoiceTest, tells_a_client_that_sticks_from_one_that_was_chosen) {
    add_backend();
    add_backend();
    config.stick.by = config::StickBy::user;
    auto first = choose();
    ASSERT_TRUE(first);
    first->logged_in(1ms);
    const auto own = first->backend().name;
    EXPECT_EQ(choice.why, Choice::Why::policy);
    const auto again = choose();
    ASSERT_TRUE(again);
    EXPECT_EQ(choice.why, Choice::Why::sticky);
    EXPECT_EQ(unfit(own), Unfit::no);
    EXPECT_EQ(unfit(own == "alf1" ? "alf2" : "alf1"), Unfit::not_its_own);
}

TEST_F(ChoiceTest, names_sixteen_options_with_the_chosen_one_and_counts_the_rest) {
    for (int i = 0; i < 40; ++i) add_backend().weight = i == 39 ? 2 : 1;
    std::vector<Seat> seats;
    for (int i = 0; i < 40; ++i) seats.push_back(std::move(choose().value()));
    const auto chosen = choose();
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->backend().name, "alf40");
    EXPECT_EQ(choice.options.size(), Choice::options_max);
    EXPECT_EQ(choice.more, 24U);
    EXPECT_EQ(unfit("alf40"), Unfit::no);
}

}  // namespace
}  // namespace ballast::pool
