// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe_secrets.h"

#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ballast::daemon {
namespace {

config::Config with_login_probe(const std::string& password_file) {
    config::Config config;
    config.pools.emplace_back();
    config.pools[0].name = "files";
    config.pools[0].where.key = "pool.files";
    config.pools[0].probe.type = config::ProbeType::login;
    config.pools[0].probe.password_file = password_file;
    return config;
}

TEST(ProbeSecrets, are_the_first_line_of_their_file) {
    const auto file = testing::TempDir() + "ballast-secret-" + std::to_string(::getpid());
    std::ofstream(file, std::ios::binary) << "open sesame\r\nnot this\n";
    std::vector<config::Problem> problems;
    const auto secrets = read_probe_secrets(with_login_probe(file), problems);
    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(secrets, (ProbeSecrets{{"files", "open sesame"}}));
    ::unlink(file.c_str());
}

TEST(ProbeSecrets, that_cannot_be_read_are_a_problem_and_not_an_empty_password) {
    std::vector<config::Problem> problems;
    EXPECT_TRUE(read_probe_secrets(with_login_probe("/nowhere/secret"), problems).empty());
    ASSERT_EQ(problems.size(), 1);
    EXPECT_EQ(problems[0].what, "cannot read /nowhere/secret: No such file or directory");
}

}  // namespace
}  // namespace ballast::daemon
