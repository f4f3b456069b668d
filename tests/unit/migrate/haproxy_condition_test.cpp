// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_condition.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::migrate::haproxy {
namespace {

std::string value_of(std::string_view condition) {
    const auto value = evaluate(condition, [](const std::string& name) {
        return name == "SITE" ? std::optional<std::string>("north") : std::nullopt;
    });
    if (!value) return value.error();
    return *value ? "true" : "false";
}

TEST(HaproxyCondition, HasAValue) {
    const std::vector<std::pair<std::string_view, std::string_view>> cases{
        {"", "false"},
        {"0", "false"},
        {"1", "true"},
        {"!0", "true"},
        {"!!1", "true"},
        {"defined(SITE)", "true"},
        {"defined(NOPE)", "false"},
        {"streq(a,a)", "true"},
        {"streq( a , b )", "false"},
        {"strneq(a,b)", "true"},
        {"streq(,)", "true"},
        {"strstr(haproxy,prox)", "true"},
        {"version_atleast(2.4)", "true"},
        {"version_atleast(3.2.0)", "true"},
        {"version_atleast(3.3-dev1)", "false"},
        {"version_before(3.3)", "true"},
        {"feature(OPENSSL)", "true"},
        {"enabled(EPOLL)", "true"},
        {"openssl_version_atleast(3.0)", "true"},
        {"openssl_version_before(3.0)", "false"},
        {"ssllib_name_startswith(OpenSSL)", "true"},
        {"awslc_api_atleast(1)", "false"},
        {"awslc_api_before(1)", "false"},
        {"1 && 0", "false"},
        {"1 || 0 && 0", "true"},
        {"(1 || 0) && 0", "false"},
        {"!(0) && !defined(NOPE)", "true"},
    };
    for (const auto& [condition, value] : cases) EXPECT_EQ(value_of(condition), value) << condition;
}

TEST(HaproxyCondition, IsRefusedWithAReason) {
    const std::vector<std::pair<std::string_view, std::string_view>> cases{
        {"maybe", "'maybe' is not a condition"},
        {"-1", "'-1' is not a condition"},
        {"nope(1)", "the predicate 'nope' is unknown"},
        {"streq(a)", "streq needs 2 argument(s)"},
        {"defined(SITE", "a parenthesis is not closed"},
        {"(1", "a parenthesis is not closed"},
        {"1 1", "'1' is unexpected"},
        {"1 &&", "'' is not a condition"},
    };
    for (const auto& [condition, reason] : cases)
        EXPECT_EQ(value_of(condition), reason) << condition;
    EXPECT_EQ(value_of(std::string(100, '!') + "1"), "the condition is nested too deeply");
    EXPECT_EQ(value_of(std::string(100, '(')), "the condition is nested too deeply");
}

}  // namespace
}  // namespace ballast::migrate::haproxy
