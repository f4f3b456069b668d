// SPDX-License-Identifier: Apache-2.0
#include "daemon/trial_store.h"

#include "support/temporary_directory.h"

#include <gtest/gtest.h>

namespace ballast::daemon {
namespace {

/// 48 bytes.
constexpr auto secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\n";

class TrialStore : public testing::Test {
protected:
    void SetUp() override {
        directory_.write("secret", secret);
        directory_.write("password", "open sesame\n");
        config_.cluster.store = {"rediss://127.0.0.1"};
        config_.cluster.secret_file = directory_.file("secret");
        config_.cluster.password_file = directory_.file("password");
    }
    [[nodiscard]] std::vector<config::Problem> problems() const {
        std::vector<config::Problem> all;
        try_store_files(config_, all);
        return all;
    }

    support::TemporaryDirectory directory_;
    config::Config config_;
};

TEST_F(TrialStore, has_nothing_to_say_if_all_files_are_good) {
    EXPECT_TRUE(problems().empty());
    config_.cluster.password_file.clear();
    EXPECT_TRUE(problems().empty());
}

TEST_F(TrialStore, does_not_read_files_without_a_store) {
    config_.cluster.store = {"memory"};
    config_.cluster.secret_file = directory_.file("no such file");
    EXPECT_TRUE(problems().empty());
}

TEST_F(TrialStore, names_each_file_that_cannot_be_read) {
    config_.cluster.secret_file = directory_.file("no secret");
    config_.cluster.password_file = directory_.file("no password");
    config_.cluster.ca = directory_.file("no authority");
    const auto all = problems();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].where.key, "cluster.secret_file");
    EXPECT_TRUE(all[0].what.contains("no secret")) << all[0].what;
    EXPECT_EQ(all[1].where.key, "cluster.password_file");
    EXPECT_TRUE(all[1].what.contains("no password")) << all[1].what;
    EXPECT_EQ(all[2].where.key, "cluster.ca");
    EXPECT_TRUE(all[2].what.contains("no authority")) << all[2].what;
    for (const auto& each : all) EXPECT_FALSE(each.fix.empty()) << each.what;
}

TEST_F(TrialStore, says_what_a_file_should_hold) {
    directory_.write("secret", "short\n");
    directory_.write("password", "\n");
    const auto all = problems();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_TRUE(all[0].fix.contains("openssl rand -base64 48")) << all[0].fix;
    EXPECT_TRUE(all[1].fix.contains("first line")) << all[1].fix;
}

}  // namespace
}  // namespace ballast::daemon
