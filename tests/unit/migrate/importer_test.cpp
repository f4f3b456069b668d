// SPDX-License-Identifier: Apache-2.0
#include "migrate/importer.h"

#include <gtest/gtest.h>

namespace ballast::migrate {
namespace {

TEST(ImporterTest, WhatCheckWouldRefuseIsInTheReport) {
    const Importer importer{.name = "nothing",
                            .summary = "",
                            .read = [](const Source&) -> Imported { return Import(); }};
    const auto done = run(importer, {.file = "a.conf", .text = "", .id = ""});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->report.count(Outcome::unsupported), 2U);
    EXPECT_EQ(done->report.sorted()[0].text,
              "the configuration needs a change by hand: ballast.toml:1:1: listener: there is no "
              "listener (add a [listener.NAME] table)");
}

TEST(ImporterTest, SyntaxErrorsLeaveNothing) {
    const Importer importer{.name = "broken", .summary = "", .read = [](const Source& source) {
                                return Imported(std::unexpected(
                                    std::vector<SyntaxError>{{{source.file, 1}, "what", "fix"}}));
                            }};
    const auto done = run(importer, {.file = "a.conf", .text = "", .id = ""});
    ASSERT_FALSE(done);
    EXPECT_EQ(to_string(done.error()[0]), "a.conf:1: what (fix)");
}

}  // namespace
}  // namespace ballast::migrate
