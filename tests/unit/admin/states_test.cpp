// SPDX-License-Identifier: Apache-2.0
#include "admin/states.h"

#include <gtest/gtest.h>

namespace ballast::admin {
namespace {

using pool::AdminState;

TEST(States, are_the_same_after_being_written_and_read) {
    States states;
    states.balancer = AdminState::draining;
    states.set({"files", "f1"}, AdminState::disabled);
    states.set({"a\"\n", "\xc3\xa9"}, AdminState::draining_idle);
    states.set({"a", "moving"}, AdminState::draining_move);
    const auto read = states_from(to_json(states));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->balancer, AdminState::draining);
    EXPECT_EQ(read->backends, states.backends);
}

TEST(States, do_not_hold_what_is_ready) {
    States states;
    states.set({"files", "f1"}, AdminState::disabled);
    states.set({"files", "f1"}, AdminState::ready);
    states.set({"files", "f2"}, AdminState::ready);
    EXPECT_TRUE(states.backends.empty());
    EXPECT_EQ(to_json(states), "{\"state\":\"ready\",\"backends\":[]}\n");
}

TEST(States, are_refused_if_the_text_is_damaged) {
    for (const auto* const text :
         {"", "{", "[]", "null", "{}", R"({"state":"off","backends":[]})", R"({"state":"ready"})",
          R"({"state":"ready","backends":{}})", R"({"state":"ready","backends":[1]})",
          R"({"state":"ready","backends":[{"pool":"a","backend":"b"}]})",
          R"({"state":"ready","backends":[{"pool":"a","backend":1,"state":"drain"}]})",
          R"({"state":"ready","backends":[{"pool":"a","backend":"b","state":"gone"}]})",
          R"({"state":"ready","backends":[]}x)"})
        EXPECT_FALSE(states_from(text)) << text;
    const auto whole = to_json(
        {.balancer = AdminState::disabled, .backends = {{{"a", "b"}, AdminState::draining}}});
    ASSERT_TRUE(states_from(whole));
    for (std::size_t length = 0; length + 2 < whole.size(); ++length)
        EXPECT_FALSE(states_from(std::string_view(whole).substr(0, length))) << length;
}

}  // namespace
}  // namespace ballast::admin
