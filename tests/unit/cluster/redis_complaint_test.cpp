// SPDX-License-Identifier: Apache-2.0
#include "cluster/redis_complaint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ballast::cluster {
namespace {

struct Row {
    std::string_view complaint;  ///< as Redis 7.0.15 says it, unless noted
    std::string_view cure;
};

TEST(RedisComplaint, says_what_would_be_right) {
    for (const auto& [complaint, cure] : {
             Row{"LOADING Redis is loading the dataset in memory", "will be ready soon"},
             Row{"READONLY You can't write against a read only replica.", "name the primary"},
             Row{"READONLY You can't write against a read only replica. script: "
                 "2c19, on @user_script:26.",
                 "name the primary"},
             Row{"OOM command not allowed when used memory > 'maxmemory'.", "raise its maxmemory"},
             Row{"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to "
                 "persist to disk.",
                 "see its log"},
             Row{"NOAUTH Authentication required.", "cluster.password_file"},
             Row{"WRONGPASS invalid username-password pair or user is disabled.",
                 "correct the user"},
             Row{"ERR invalid password", "correct the password"},  // Redis 5
             Row{"NOPERM this user has no permissions to run the 'xadd' command", "allow the user"},
             Row{"ERR AUTH <password> called without any password configured for the default "
                 "user. Are you sure your configuration is correct?",
                 "remove cluster.password_file"},
             Row{"ERR Client sent AUTH, but no password is set", "remove"},  // Redis 5
             Row{"MOVED 3999 127.0.0.1:6381", "another of its servers"},
             Row{"CLUSTERDOWN Hash slot not served", "incomplete"},
             Row{"DENIED Redis is running in protected mode because", "its own machine only"},
             Row{"ERR max number of clients reached", "maxclients"},
             Row{"ERR unknown command 'XADD'", "too old"},
             Row{"ERR DB index is out of range", "another database"},
         })
        EXPECT_THAT(cure_of_complaint(complaint), testing::HasSubstr(cure)) << complaint;
    EXPECT_EQ(cure_of_complaint("ERR something else"), "");
}

TEST(RedisComplaint, is_told_with_place_and_command) {
    EXPECT_EQ(tell_complaint("10.0.0.5:6379", "XADD", "OOM too much"),
              "10.0.0.5:6379 answers XADD with \"OOM too much\" (it is full: raise its maxmemory)");
    EXPECT_EQ(tell_complaint("10.0.0.5:6379", "XADD", "ERR no"),
              "10.0.0.5:6379 answers XADD with \"ERR no\"");
}

TEST(RedisComplaint, is_told_without_what_a_terminal_obeys) {
    EXPECT_EQ(tell_complaint("a", "GET", "ERR \x1b[2J\n\xff"), "a answers GET with \"ERR ?[2J??\"");
    EXPECT_LT(tell_complaint("a", "GET", std::string(5000, 'x')).size(), 300U);
}

}  // namespace
}  // namespace ballast::cluster
