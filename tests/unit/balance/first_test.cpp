// SPDX-License-Identifier: Apache-2.0
#include "balance/first.h"

#include <gtest/gtest.h>
#include <vector>

namespace ballast::balance {
namespace {

TEST(First, chooses_the_first_whatever_the_loads_and_weights) {
    First policy;
    const std::vector<std::vector<Candidate>> table = {
        {{.id = 7}},
        {{.id = 7, .sessions = 900}, {.id = 3}},
        {{.id = 7, .weight = 1}, {.id = 3, .weight = 256}, {.id = 5}},
    };
    for (const auto& ready : table)
        for (int i = 0; i < 3; ++i) EXPECT_EQ(policy.pick(ready, Client{}), 0U);
}

TEST(First, fills_one_after_the_other_if_full_ones_are_left_out) {
    First policy;
    const std::vector<std::uint32_t> max_sessions = {3, 2, 4};
    std::vector<Candidate> all = {{.id = 0}, {.id = 1}, {.id = 2}};
    std::string order;
    for (int session = 0; session < 9; ++session) {
        std::vector<Candidate> ready;
        for (const auto& backend : all)
            if (backend.sessions < max_sessions[backend.id]) ready.push_back(backend);
        const auto id = ready[policy.pick(ready, Client{})].id;
        ++all[id].sessions;
        order += static_cast<char>('a' + id);
    }
    EXPECT_EQ(order, "aaabbcccc");
}

}  // namespace
}  // namespace ballast::balance
