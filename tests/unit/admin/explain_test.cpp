// SPDX-License-Identifier: Apache-2.0
#include "admin/explain.h"

#include "session/story.h"

#include <gtest/gtest.h>

namespace ballast::admin {
namespace {

using namespace std::chrono_literals;
using session::append_entry;
using session::Fact;

SessionStory story() {
    SessionStory made{
        .session = "s1", .began_at = Moment(1'764'425'000s), .ended_at = {}, .bytes = {}};
    append_entry(made.bytes, 0s, Fact::accepted,
                 {"198.51.100.7:50000", "ftp", "192.0.2.1:21", "", 3});
    append_entry(made.bytes, 1500ms, Fact::candidate, {"alf1", 128, 7, 2, 99, 0});
    append_entry(made.bytes, 2s, Fact::tls_began, {"TLSv1.3", "X", "", false, "", 12ms});
    append_entry(made.bytes, 3s, Fact::command, {"CWD a\nb\xff\"", 250, "", 1ms});
    return made;
}

TEST(Explain, shows_each_entry_with_its_time_sentence_and_values) {
    const auto explained = explain(story());
    EXPECT_EQ(explained.client, "198.51.100.7:50000");
    EXPECT_EQ(explained.listener, "ftp");
    ASSERT_EQ(explained.entries.size(), 4U);
    EXPECT_EQ(
        json_of(explained.entries[1]),
        R"({"at":"2025-11-29T14:03:21.500Z","after":1.5,"what":"candidate",)"
        R"("text":"Candidate alf1: weight 0.5, 7 sessions, 2 transfers, 99 bytes per second.",)"
        R"("fields":{"backend":"alf1","weight":0.5,"sessions":7,"transfers":2,"rate":99}})");
    EXPECT_EQ(explained.entries[2].fields.text,
              R"({"version":"TLSv1.3","cipher":"X","resumed":false,"took":0.012})");
}

TEST(Explain, keeps_json_whole_whatever_a_name_contains) {
    const auto explained = explain(story());
    EXPECT_EQ(explained.entries[3].fields.text,
              R"({"line":"CWD a\u000ab\u00ff\"","code":250,"took":0.001})");
    EXPECT_TRUE(
        json_of(explained).contains(R"("text":"CWD a\u000ab\u00ff\": 250. It took 1 ms.")"));
}

TEST(Explain, shows_nothing_of_an_entry_without_values_but_its_name) {
    SessionStory made{.session = "s1", .began_at = {}, .ended_at = {}, .bytes = {}};
    append_entry(made.bytes, 0s, Fact::seat_recalled, {});
    EXPECT_EQ(explain(made).entries.at(0).fields.text, "{}");
}

}  // namespace
}  // namespace ballast::admin
