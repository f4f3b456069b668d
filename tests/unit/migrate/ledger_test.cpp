// SPDX-License-Identifier: Apache-2.0
#include "migrate/ledger.h"

#include <gtest/gtest.h>

namespace ballast::migrate {
namespace {

TEST(Ledger, ADirectiveIsReportedOnceWithTheWorstOutcome) {
    Ledger ledger;
    EXPECT_FALSE(ledger.has({"f", 1}));
    ledger.add({"f", 1}, "timeout client 5s", Outcome::mapped, "first");
    ledger.add({"f", 1}, "timeout client 5s", Outcome::not_needed, "less");
    ledger.add({"f", 1}, "timeout client 5s", Outcome::mapped, "again");
    ledger.add({"f", 1}, "another", Outcome::unsupported, "worst");
    ledger.add({"f", 1}, "another", Outcome::approximated, "better");
    ledger.add({"e", 9}, "another", Outcome::left_to_haproxy, "left");
    ledger.add({"e", 9}, "another", Outcome::approximated, "worse");
    EXPECT_TRUE(ledger.has({"f", 1}));
    EXPECT_EQ(text_of(ledger.report()),
              "e:9: approximated: another: worse\n"
              "f:1: mapped: timeout client 5s: first\n"
              "f:1: not supported: another: worst\n"
              "3 directives: 1 mapped, 1 approximated, 1 not supported\n");
}

}  // namespace
}  // namespace ballast::migrate
