// SPDX-License-Identifier: Apache-2.0
#include "admin/history.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::admin {
namespace {

BackendState backend(std::string name, std::uint64_t rate, std::uint32_t transfers = 1) {
    BackendState state;
    state.pool = "files";
    state.backend = std::move(name);
    state.address = "192.0.2.1:21";
    state.bytes_per_second = rate;
    state.transfers = transfers;
    return state;
}

Moment second(int number) { return Moment(std::chrono::seconds(number)); }

TEST(History, adds_up_what_backends_do) {
    History history;
    history.add(second(5), {.sessions = 9}, {backend("f1", 100, 2), backend("f2", 20, 3)});
    ASSERT_EQ(history.samples().size(), 1U);
    const auto& sample = history.samples().front();
    EXPECT_EQ(sample.at, second(5));
    EXPECT_EQ(sample.sessions, 9U);
    EXPECT_EQ(sample.transfers, 5U);
    EXPECT_EQ(sample.bytes_per_second, 120U);
}

TEST(History, forgets_what_is_too_old) {
    History history;
    const int more = static_cast<int>(History::samples_max) + 3;
    for (int i = 0; i < more; ++i)
        history.add(second(i), {.sessions = 1}, {backend("f1", static_cast<std::uint64_t>(i))});
    EXPECT_EQ(history.samples().size(), History::samples_max);
    EXPECT_EQ(history.samples().front().at, second(3));
    ASSERT_EQ(history.backends().size(), 1U);
    EXPECT_EQ(history.backends()[0].bytes_per_second.size(), History::samples_max);
    EXPECT_EQ(history.backends()[0].bytes_per_second.front(), 3U);
}

TEST(History, follows_reloads) {
    History history;
    history.add(second(0), {}, {backend("f1", 1), backend("f2", 2)});
    history.add(second(5), {}, {backend("f2", 3), backend("f3", 4)});
    ASSERT_EQ(history.backends().size(), 2U);
    EXPECT_EQ(history.backends()[0].bytes_per_second, (std::vector<std::uint64_t>{2, 3}));
    EXPECT_EQ(history.backends()[1].backend, "f3");
    EXPECT_EQ(history.backends()[1].bytes_per_second, (std::vector<std::uint64_t>{4}));
    // One that comes back begins anew.
    history.add(second(10), {}, {backend("f1", 5)});
    EXPECT_EQ(history.backends()[0].bytes_per_second, (std::vector<std::uint64_t>{5}));
}

}  // namespace
}  // namespace ballast::admin
