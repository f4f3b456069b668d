// SPDX-License-Identifier: Apache-2.0
#include "migrate/report.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::migrate {
namespace {

Report small_report() {
    Report report;
    report.add({"b.conf", 2}, "weight 3", Outcome::mapped, "weight = 3");
    report.add({"a.conf", 10}, "ops", Outcome::unsupported, "UDP only");
    report.add({"a.conf", 9}, "lvs_sched dh", Outcome::approximated, "the nearest");
    report.add({"a.conf", 10}, "router_id x", Outcome::left_to_keepalived, "VRRP");
    report.add({"b.conf", 3}, "mode http", Outcome::left_to_haproxy, "web");
    report.add({"a.conf", 0}, "the file", Outcome::not_needed, "why");
    return report;
}

TEST(ReportTest, IsSortedByFileAndLine) {
    EXPECT_EQ(text_of(small_report()),
              "a.conf: not needed: the file: why\n"
              "a.conf:9: approximated: lvs_sched dh: the nearest\n"
              "a.conf:10: not supported: ops: UDP only\n"
              "a.conf:10: left to keepalived: router_id x: VRRP\n"
              "b.conf:2: mapped: weight 3: weight = 3\n"
              "b.conf:3: left to HAProxy: mode http: web\n"
              "6 directives: 1 mapped, 1 approximated, 1 not needed, 1 left to keepalived, "
              "1 left to HAProxy, 1 not supported\n");
    EXPECT_EQ(text_of(Report()), "0 directives: none\n");
}

TEST(ReportTest, SaysTheSameAsJson) {
    Report report;
    report.add({"a \"b\".conf", 1}, "x\n\"y\"", Outcome::left_to_keepalived, "\xff");
    EXPECT_EQ(json_of(report),
              "{\"entries\":[\n"
              R"({"file":"a \"b\".conf","line":1,"directive":"x\\u000a\"y\"",)"
              R"("outcome":"left_to_keepalived","text":"\\u00ff"})"
              "\n],\"summary\":{\"mapped\":0,\"approximated\":0,\"not_needed\":0,"
              "\"left_to_keepalived\":1,\"left_to_haproxy\":0,\"unsupported\":0}}\n");
    EXPECT_TRUE(json_of(Report()).starts_with("{\"entries\":[\n\n],\"summary\":{"));
}

TEST(ReportTest, SyntaxErrorsHaveBothForms) {
    const std::vector<SyntaxError> errors{{{"a", 3}, "the block is not closed", "add }"}};
    const auto forms = report_forms();
    ASSERT_EQ(forms.size(), 2U);
    EXPECT_EQ(forms[0].print_errors(errors), "a:3: the block is not closed (add })\n");
    EXPECT_EQ(forms[1].print_errors(errors),
              "{\"errors\":[\n"
              R"({"file":"a","line":3,"what":"the block is not closed","fix":"add }"})"
              "\n]}\n");
}

TEST(ReportTest, WhatIsShownIsOneLineOfText) {
    EXPECT_EQ(shown("a \"b\" \\ c"), "a \"b\" \\ c");
    EXPECT_EQ(shown("a\nb\x1b\x80"), "a\\u000ab\\u001b\\u0080");
    EXPECT_EQ(shown("äö"), "äö");
    EXPECT_EQ(shown(std::string(300, 'x')), std::string(200, 'x') + "...");
}

}  // namespace
}  // namespace ballast::migrate
