// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition.h"

#include "metrics/commands.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace ballast::metrics {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST(Exposition, shows_a_gauge_with_its_help_type_and_labels) {
    Exposition page;
    page.add(Family::pool_queue, {"files"}, 7);
    EXPECT_EQ(page.text(),
              "# HELP ballast_pool_queued_sessions Sessions that wait for a seat now.\n"
              "# TYPE ballast_pool_queued_sessions gauge\n"
              "ballast_pool_queued_sessions{pool=\"files\"} 7\n");
}

TEST(Exposition, escapes_what_would_break_a_line) {
    Exposition page;
    page.add(Family::pool_queue, {"a\nb\"c\\d"}, 1);
    EXPECT_THAT(page.text(), HasSubstr(R"({pool="a\nb\"c\\d"} 1)"));
}

TEST(Exposition, shows_a_histogram_with_ascending_counts) {
    Histogram histogram(size_scale);
    histogram.observe(1);
    histogram.observe(20'000);
    histogram.observe(5'000'000'000'000);
    Exposition page;
    page.add(Family::transfer_size, {"upload"}, histogram.read());
    const auto text = page.text();
    const std::string name = "ballast_transfer_size_bytes";
    EXPECT_THAT(text, HasSubstr(name + "_bucket{direction=\"upload\",le=\"1000\"} 1\n"));
    EXPECT_THAT(text, HasSubstr(name + "_bucket{direction=\"upload\",le=\"100000\"} 2\n"));
    EXPECT_THAT(text, HasSubstr(name + "_bucket{direction=\"upload\",le=\"+Inf\"} 3\n"));
    EXPECT_THAT(text, HasSubstr(name + "_count{direction=\"upload\"} 3\n"));
}

TEST(Exposition, writes_large_counters_in_full) {
    Exposition page;
    page.add(Family::relayed_bytes, {"copy"}, 1234567890123456);
    EXPECT_THAT(page.text(), HasSubstr("{path=\"copy\"} 1234567890123456\n"));
}

TEST(Exposition, writes_times_without_the_noise_of_binary_fractions) {
    Exposition page;
    page.add(Family::worker_lag, {"0"}, Histogram(latency_scale).read());
    const auto text = page.text();
    for (const auto* const bound : {"0.00025", "0.001", "0.0025", "0.1", "30"})
        EXPECT_THAT(text, HasSubstr(std::string("le=\"") + bound + "\""));
}

TEST(Exposition, adds_counters_up_that_are_one_to_operators) {
    const auto sample = [](std::string_view name) {
        Exposition page;
        page.add_counts();
        const auto text = page.text();
        const auto at = text.find(name);
        if (at == std::string::npos) return -1.0;
        return std::stod(text.substr(at + name.size() + 1));
    };
    constexpr auto all = R"(ballast_tls_handshakes_total{leg="client",connection="data"})";
    constexpr auto resumed = R"(ballast_tls_resumptions_total{leg="client",connection="data"})";
    const auto all_before = sample(all);
    const auto resumed_before = sample(resumed);
    ASSERT_GE(all_before, 0);
    count(Counter::tls_data_handshakes_resumed, 2);
    count(Counter::tls_data_handshakes_full, 3);
    EXPECT_EQ(sample(all), all_before + 5);
    EXPECT_EQ(sample(resumed), resumed_before + 2);
}

TEST(Exposition, shows_every_counter) {
    for (const auto& row : all_counters()) EXPECT_TRUE(is_exposed(row.counter)) << row.name;
}

TEST(Exposition, shows_commands) {
    count_command("SIZE", 213);
    Exposition page;
    page.add_counts();
    EXPECT_THAT(page.text(), HasSubstr(R"(ballast_commands_total{verb="SIZE",class="2xx"} )"));
}

TEST(Families, are_named_by_the_conventions_of_prometheus) {
    std::set<std::string_view> names;
    for (const auto& row : all_families()) {
        names.insert(row.name);
        const std::string name(row.name);
        EXPECT_TRUE(name.starts_with("ballast_") || name.starts_with("process_")) << name;
        EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos);
        if (row.type == Type::counter)
            EXPECT_THAT(name, EndsWith("_total"));
        else
            EXPECT_THAT(name, Not(EndsWith("_total")));
        EXPECT_TRUE(row.help.ends_with('.') && row.help.find('|') == std::string_view::npos)
            << name;
    }
    EXPECT_EQ(names.size(), all_families().size());
}

TEST(Families, have_labels_that_clients_cannot_choose) {
    const std::set<std::string_view> bounded = {
        "version", "state", "result",    "worker",  "reason", "listener",  "limit",
        "verb",    "class", "direction", "leg",     "path",   "operation", "connection",
        "file",    "pool",  "backend",   "address", "health", "cause"};
    for (const auto& row : all_families())
        for (const auto label : row.labels)
            EXPECT_TRUE(label.empty() || bounded.contains(label)) << row.name << ' ' << label;
}

TEST(Families, are_in_the_manual_as_the_program_writes_them) {
    std::ifstream file(SOURCE_ROOT "/docs/metrics.md");
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_THAT(text.str(), HasSubstr(families_as_markdown()))
        << "replace the table by what `ballast manual --metrics` prints";
}

}  // namespace
}  // namespace ballast::metrics
