// SPDX-License-Identifier: Apache-2.0
#include "ftp/command.h"
#include "ftp/host_port.h"
#include "ftp/reply.h"
#include "ftp/verb.h"
#include "micro/micro.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <string>
#include <string_view>

namespace ballast::bench {

namespace {

void parse_command(benchmark::State& state, std::string_view line) {
    ftp::CommandParser parser;
    for (auto _ : state) {
        auto step = parser.next(line);
        if (!step.command || !step.command->has_value()) state.SkipWithError("no command");
        benchmark::DoNotOptimize(step);
    }
}

/// The line comes byte by byte.
void parse_torn_command(benchmark::State& state, std::string_view line) {
    ftp::CommandParser parser;
    for (auto _ : state)
        for (std::size_t length = 1; length <= line.size(); ++length) {
            auto step = parser.next(line.substr(0, length));
            benchmark::DoNotOptimize(step);
        }
}

void parse_reply(benchmark::State& state, const std::string& text) {
    ftp::ReplyParser parser;
    for (auto _ : state) {
        auto step = parser.next(text);
        if (!step.reply || !step.reply->has_value()) state.SkipWithError("no reply");
        benchmark::DoNotOptimize(step);
    }
}

std::string long_reply() {
    std::string text = "211-Status\r\n";
    for (int i = 0; i < 100; ++i)
        text += fmt::format("-rw-r--r-- 1 anna users 1234567 Nov 30 12:00 report-{:04}.pdf\r\n", i);
    return text + "211 End\r\n";
}

}  // namespace

void register_parsers() {
    using benchmark::RegisterBenchmark;
    RegisterBenchmark("each/command: NOOP", parse_command, "NOOP\r\n");
    RegisterBenchmark("each/command: RETR and a name of 60 bytes", parse_command,
                      "RETR /pub/incoming/2026/november/report-of-the-whole-month-0001.pdf\r\n");
    RegisterBenchmark("each/command: the same, byte by byte", parse_torn_command,
                      "RETR /pub/incoming/2026/november/report-of-the-whole-month-0001.pdf\r\n");
    RegisterBenchmark("each/reply: 226", parse_reply, "226 Transfer complete.\r\n");
    RegisterBenchmark("each/reply: of 102 lines, 6 KiB", parse_reply, long_reply());
    RegisterBenchmark("each/the port in a 229", [](benchmark::State& state) {
        for (auto _ : state)
            benchmark::DoNotOptimize(
                ftp::parse_passive_reply("229 Entering Extended Passive Mode (|||22000|)"));
    });
    RegisterBenchmark("each/the row of a verb", [](benchmark::State& state) {
        for (auto _ : state) benchmark::DoNotOptimize(ftp::find_verb("RETR"));
    });
}

}  // namespace ballast::bench
