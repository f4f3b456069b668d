// SPDX-License-Identifier: Apache-2.0
#include "cli/top_frame.h"

#include "cli/printable.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::cli {
namespace {

using namespace std::chrono_literals;

RunningTransfer transfer(std::string session, std::uint64_t bytes,
                         std::optional<std::uint64_t> size = std::nullopt) {
    return {.session = std::move(session),
            .user = "alice",
            .client = "192.0.2.1:40000",
            .backend = "files/f1",
            .direction = "download",
            .file = "/pub/file.iso",
            .bytes = bytes,
            .size = size,
            .seconds = 10,
            .bytes_per_second = static_cast<double>(bytes) / 10};
}

std::vector<std::string> frame(std::vector<RunningTransfer> transfers, const Screen& screen,
                               Order order = Order::rate) {
    const Summary summary{.version = "1.2.3", .state = "ready", .sessions = 7, .problem = {}};
    return top_frame(summary, std::move(transfers), order, false, screen);
}

constexpr Screen large{.columns = 140, .rows = 12};

TEST(TopFrame, shows_each_transfer_and_the_sums) {
    const auto lines = frame({transfer("s1", 1024, 4096), transfer("s2", 10'240)}, large);
    ASSERT_EQ(lines.size(), large.rows);
    EXPECT_EQ(lines[0], "ballast 1.2.3  ready  sessions 7  transfers 2  down 1.1 KiB/s  up 0 B/s");
    EXPECT_TRUE(lines[2].starts_with("USER")) << lines[2];
    EXPECT_TRUE(lines[3].contains("1.0 KiB/s") && lines[3].contains("s2")) << lines[3];
    EXPECT_FALSE(lines[3].contains('[')) << lines[3];
    EXPECT_TRUE(lines[4].contains("[####              ]   25%")) << lines[4];
    EXPECT_TRUE(lines[4].contains("1.0 KiB   30s  /pub/file.iso  files/f1  192.0.2.1:40000"))
        << lines[4];
    EXPECT_TRUE(lines.back().starts_with("q quit  s sorted by rate  space pause"));
}

TEST(TopFrame, never_exceeds_the_screen) {
    std::vector<RunningTransfer> many;
    for (int i = 0; i < 100; ++i) many.push_back(transfer("s" + std::to_string(i), 5, 10));
    for (const bool has_colors : {false, true})
        for (std::size_t columns = 1; columns < 150; columns += 7)
            for (std::size_t rows = 1; rows < 30; rows += 3) {
                const auto lines =
                    frame(many, {.columns = columns, .rows = rows, .has_colors = has_colors});
                EXPECT_EQ(lines.size(), rows);
                for (const auto& line : lines)
                    if (!has_colors) EXPECT_LE(width_of(line), columns) << line;
            }
    EXPECT_TRUE(frame(many, large).back().contains("(92 more)"));
}

TEST(TopFrame, obeys_no_name) {
    auto evil = transfer("s1", 5);
    evil.user = "\x1b[2J";
    evil.file = "a\nb";
    for (const auto& line : frame({evil}, large))
        for (const char c : line) EXPECT_NE(c, '\x1b');
    EXPECT_TRUE(frame({evil}, large)[3].contains(R"(\x1b[2J)"));
    EXPECT_TRUE(frame({evil}, large)[3].contains(R"(a\x0ab)"));
}

TEST(TopFrame, sorts_as_wanted) {
    auto fast = transfer("fast", 1'000'000, 100'000'000);
    auto soon = transfer("soon", 900, 1000);
    auto old = transfer("old", 10);
    old.seconds = 1000;
    auto first = transfer("first", 20);
    first.user = "aaron";
    const std::vector<RunningTransfer> all = {soon, old, first, fast};
    const auto top_of = [&](Order order) {
        const auto line = frame(all, large, order)[3];
        return line.substr(line.rfind(' ') + 1);
    };
    EXPECT_EQ(top_of(Order::rate), "fast");
    EXPECT_EQ(top_of(Order::left), "soon");
    EXPECT_EQ(top_of(Order::age), "old");
    EXPECT_EQ(top_of(Order::user), "first");
    auto order = Order::rate;
    for (int i = 0; i < 4; ++i) order = next_order(order);
    EXPECT_EQ(order, Order::rate);
}

TEST(Rates, are_what_has_moved_since_the_last_look) {
    Rates rates;
    std::vector<RunningTransfer> all = {transfer("s1", 1000)};
    const std::chrono::steady_clock::time_point begin{};
    rates.update(all, begin);
    EXPECT_EQ(all[0].bytes_per_second, 100);  // on average
    all = {transfer("s1", 4000), transfer("s2", 50)};
    rates.update(all, begin + 2s);
    EXPECT_EQ(all[0].bytes_per_second, 1500);
    EXPECT_EQ(all[1].bytes_per_second, 5);
    all = {transfer("s1", 10), transfer("s2", 50)};  // the next transfer of this session
    rates.update(all, begin + 3s);
    EXPECT_EQ(all[0].bytes_per_second, 1);
    EXPECT_EQ(all[1].bytes_per_second, 0);
}

TEST(ProgressBar, is_full_only_at_the_end) {
    EXPECT_EQ(progress_bar(0, 100, 12), "[          ]");
    EXPECT_EQ(progress_bar(99, 100, 12), "[######### ]");
    EXPECT_EQ(progress_bar(100, 100, 12), "[##########]");
    EXPECT_EQ(progress_bar(150, 100, 12), "[##########]");
    EXPECT_EQ(progress_bar(1, 0, 12), "[          ]");
    EXPECT_EQ(progress_bar(1, 1, 0), "[#]");
}

}  // namespace
}  // namespace ballast::cli
