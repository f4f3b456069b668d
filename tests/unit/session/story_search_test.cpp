// SPDX-License-Identifier: Apache-2.0
#include "session/story_search.h"

#include "session/story.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;

class StorySearch : public testing::Test {
protected:
    StorySearch() {
        append_entry(bytes, 0s, Fact::accepted,
                     {"198.51.100.7:50000", "ftp", "192.0.2.1:21", "", 0});
        append_entry(bytes, 1s, Fact::logged_in, {"anna", "", "files", "alf1/10.0.0.11:21", 5ms});
        transfer(60s, "/in/report.csv", "failed");
        transfer(120s, "/in/other.csv", "whole");
        append_entry(bytes, 130s, Fact::ended,
                     {"the client said QUIT", 130s, 2, 2000, "anna", "files", "alf1/10.0.0.11:21"});
    }
    void transfer(std::chrono::seconds after, std::string_view file, std::string_view result) {
        append_entry(bytes, after, Fact::transfer,
                     {"STOR x", file, "upload",  result, "",  1000, 10s, 0, 226, "passive",
                      false,    1ms,  "passive", false,  1ms, 1ms,  0,   0, 0,   ""});
    }
    std::optional<StorySummary> find(const StoryQuery& query) {
        return search(query, "s1", began, began + 130s, bytes);
    }
    static std::size_t matches(const StorySummary& summary) {
        StoryReader reader(summary.matches);
        std::size_t count = 0;
        while (reader.next()) ++count;
        return count;
    }

    const StoryQuery::Moment began{24h};
    std::string bytes;
};

TEST_F(StorySearch, sums_a_story_up) {
    const auto found = find({});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->session, "s1");
    EXPECT_EQ(found->client, "198.51.100.7:50000");
    EXPECT_EQ(found->listener, "ftp");
    EXPECT_EQ(found->user, "anna");
    EXPECT_EQ(found->pool, "files");
    EXPECT_EQ(found->backend, "alf1/10.0.0.11:21");
    EXPECT_EQ(found->end_reason, "the client said QUIT");
    EXPECT_EQ(found->transfers, 2U);
    EXPECT_EQ(found->failed_transfers, 1U);
    EXPECT_EQ(found->bytes, 2000U);
    EXPECT_EQ(found->matches, "");
}

TEST_F(StorySearch, finds_by_user_client_listener_and_backend) {
    EXPECT_TRUE(find({.user = "anna"}));
    EXPECT_FALSE(find({.user = "ann"}));
    EXPECT_TRUE(find({.client = "198.51.100.7"}));
    EXPECT_FALSE(find({.client = "198.51.100.70"}));
    EXPECT_TRUE(find({.listener = "ftp"}));
    EXPECT_FALSE(find({.listener = "ftps"}));
    EXPECT_TRUE(find({.backend = "alf1"}));
    EXPECT_TRUE(find({.backend = "alf1/10.0.0.11:21"}));
    EXPECT_FALSE(find({.backend = "alf"}));
    EXPECT_FALSE(find({.user = "anna", .backend = "alf2"}));
}

TEST_F(StorySearch, finds_a_file_by_its_path_or_its_last_parts) {
    EXPECT_TRUE(find({.file = "/in/report.csv"}));
    EXPECT_TRUE(find({.file = "report.csv"}));
    EXPECT_TRUE(find({.file = "in/report.csv"}));
    EXPECT_TRUE(find({.file = "rep*.csv"}));
    EXPECT_FALSE(find({.file = "port.csv"}));
    const auto both = find({.file = "*.csv"});
    ASSERT_TRUE(both);
    EXPECT_EQ(matches(*both), 2U);
}

TEST_F(StorySearch, compares_the_time_of_a_transfer_with_the_time_that_is_asked_for) {
    EXPECT_TRUE(find({.file = "report.csv", .from = began + 50s, .to = began + 55s}));
    EXPECT_FALSE(find({.file = "report.csv", .from = began + 61s}));
    EXPECT_FALSE(find({.file = "report.csv", .to = began + 49s}));
    EXPECT_TRUE(find({.from = began + 130s}));
    EXPECT_FALSE(find({.from = began + 131s}));
    EXPECT_FALSE(find({.to = began - 1s}));
}

TEST_F(StorySearch, finds_only_failures) {
    const auto failed = find({.failed_only = true});
    ASSERT_TRUE(failed);
    EXPECT_EQ(matches(*failed), 1U);
    EXPECT_FALSE(find({.file = "other.csv", .failed_only = true}));
}

TEST_F(StorySearch, lists_so_many_transfers) {
    for (int i = 0; i < 100; ++i) transfer(125s, "/in/many", "whole");
    const auto found = find({.file = "many"});
    ASSERT_TRUE(found);
    EXPECT_EQ(matches(*found), StorySummary::matches_max);
}

}  // namespace
}  // namespace ballast::session
