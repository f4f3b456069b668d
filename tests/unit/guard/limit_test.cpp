// SPDX-License-Identifier: Apache-2.0
#include "guard/limit.h"

#include "config/settings.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace ballast::guard {
namespace {

bool is_key_of(const config::ConstRecord& section, std::string_view key) {
    return std::ranges::any_of(config::section_of(section).settings,
                               [&](const auto& setting) { return setting.key == key; });
}

TEST(Limits, each_name_an_existing_setting) {
    const config::Limits limits;
    const config::Listener listener;
    for (const auto& row : all_limits()) {
        const auto dot = row.key.find('.');
        const auto owner = row.key.substr(0, dot);
        const auto key = row.key.substr(dot + 1);
        EXPECT_TRUE(owner.empty() || owner == "limits") << row.key;
        EXPECT_TRUE(owner.empty() ? is_key_of(config::ConstRecord(listener), key)
                                  : is_key_of(config::ConstRecord(limits), key))
            << row.key;
    }
}

TEST(Limits, each_have_their_own_text_and_cure) {
    std::set<std::string_view> texts;
    for (const auto& row : all_limits()) {
        EXPECT_TRUE(texts.insert(row.text).second) << row.text;
        EXPECT_FALSE(row.cure.empty()) << row.text;
    }
    EXPECT_EQ(row_of(Limit::sessions).text, "too many sessions");
    EXPECT_EQ(row_of(Limit::transfers).text, "too many transfers");
}

TEST(Limits, are_counted) {
    EXPECT_EQ(row_of(Limit::sessions).counter, metrics::Counter::limit_sessions);
    EXPECT_EQ(row_of(Limit::sessions_of_listener).counter, metrics::Counter::limit_sessions);
    EXPECT_EQ(row_of(Limit::banned_user).counter, metrics::Counter::refused_by_ban);
    EXPECT_EQ(row_of(Limit::transfers).counter, metrics::Counter::limit_transfers);
    EXPECT_EQ(row_of(Limit::command_rate).counter, metrics::Counter::commands_delayed);
    EXPECT_EQ(row_of(Limit::command_bytes).counter, metrics::Counter::limit_command_bytes);
}

}  // namespace
}  // namespace ballast::guard
