// SPDX-License-Identifier: Apache-2.0
#include "cli/event_reader.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cli {
namespace {

std::vector<std::string> all_of(EventReader& reader) {
    std::vector<std::string> all;
    while (auto event = reader.next()) all.push_back(std::move(*event));
    return all;
}

TEST(EventReader, finds_events_wherever_the_bytes_are_split) {
    constexpr std::string_view stream =
        ": hello\n\nid: 1\nevent: a\ndata: {\"x\":1}\n\n:\n\ndata:two\r\ndata: lines\r\n\r\n"
        "event: none\n\ndata: last\n\n";
    const std::vector<std::string> expected = {"{\"x\":1}", "two\nlines", "last"};
    for (std::size_t split = 0; split <= stream.size(); ++split) {
        EventReader reader;
        reader.add(stream.substr(0, split));
        auto found = all_of(reader);
        reader.add(stream.substr(split));
        for (auto& each : all_of(reader)) found.push_back(std::move(each));
        EXPECT_EQ(found, expected) << split;
    }
}

TEST(EventReader, waits_for_the_end_of_an_event) {
    EventReader reader;
    reader.add("data: x\n");
    EXPECT_FALSE(reader.next());
    reader.add("\n");
    EXPECT_EQ(reader.next(), "x");
    EXPECT_FALSE(reader.next());
}

}  // namespace
}  // namespace ballast::cli
