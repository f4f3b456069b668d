// SPDX-License-Identifier: Apache-2.0
// What the story of a session costs: nanoseconds for each thing that is noted, and the memory that
// is kept. The baseline is a session whose story is not kept.

#include "session/story.h"

#include "session/stories.h"
#include "session/story_text.h"
#include "support/options.h"
#include "support/results.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <malloc.h>
#include <string>
#include <vector>

namespace {

using namespace ballast;
using namespace std::chrono_literals;
using session::Fact;

constexpr int notes = 1'000'000;

void note_command(session::Story& story, loop::Time now) {
    static const std::string line = "CWD /incoming/2026/11";
    story.note(now, Fact::command, {line, 250, std::string_view(), 1ms});
}

void note_transfer(session::Story& story, loop::Time now) {
    static const std::string line = "STOR report.csv";
    static const std::string file = "/incoming/2026/11/report.csv";
    story.note(now, Fact::transfer, {line,      file, "upload",  "whole", std::string_view(),
                                     1'000'000, 80ms, 0,         226,     "passive",
                                     true,      2ms,  "passive", false,   1ms,
                                     5ms,       0,    0,         0,       std::string_view()});
}

/// Nanoseconds for one.
double time_of(session::Story& story, void (*note)(session::Story&, loop::Time)) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < notes; ++i) note(story, begin + i * 1us);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
    return time.count() / notes;
}

void measure_times(bench::Results& results) {
    session::Stories none(0);
    session::Stories some(64UL << 20);
    for (auto* const stories : {&none, &some}) {
        const auto* const name = stories == &none ? "not kept" : "kept";
        session::Story commands(stories, {});
        results.add("a command, ns", "not kept", name, time_of(commands, note_command));
        session::Story transfers(stories, {});
        results.add("a transfer, ns", "not kept", name, time_of(transfers, note_transfer));
    }
}

/// A session that logs in, says some commands, moves a file and ends.
void live(session::Stories& stories, int number) {
    session::Story story(&stories, {});
    story.note({}, Fact::accepted,
               {"198.51.100.7:50000", "ftp", "192.0.2.1:21", std::string_view(), 0});
    story.note({}, Fact::routed, {"files", "the listener's own pool", "anna", std::string_view()});
    for (const auto* const name : {"files-1", "files-2", "files-3", "files-4"})
        story.note({}, Fact::candidate, {name, 256, 17, 3, 1'000'000, 12'000});
    story.note({}, Fact::chosen, {"files", "files-2", "policy", "least-sessions"});
    story.note(
        {}, Fact::connected,
        {"files-2", "10.0.0.12:21", 1ms, 2ms, 0ms, std::string_view(), std::string_view(), 1ms});
    story.note({}, Fact::logged_in, {"anna", std::string_view(), "files", "files-2", 12ms});
    for (int i = 0; i < 8; ++i) note_command(story, {});
    note_transfer(story, {});
    story.note({}, Fact::ended,
               {"the client said QUIT", 1s, 1, 1'000'000, "anna", "files", "files-2"});
    stories.add(fmt::format("0123abcd{:x}", number), story);
}

void measure_lives(bench::Results& results) {
    session::Stories stories(64UL << 20);
    constexpr int lives = 100'000;
    const auto before = ::mallinfo2().uordblks;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < lives; ++i) live(stories, i);
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
    const auto taken = static_cast<double>(::mallinfo2().uordblks - before);
    const auto size = stories.size();
    results.add("a whole session, us", "kept", "kept", time.count() / lives);
    results.add("an ended session, bytes", "kept", "kept",
                static_cast<double>(size.bytes_ended) / static_cast<double>(size.stories_ended));
    results.add("memory taken, of that stated", "kept", "kept",
                taken / static_cast<double>(size.bytes_ended));
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const auto options = bench::options_of(
            count, arguments, "Measures what the story of a session costs.", {.rounds = 5});
        bench::Results results;
        for (int round = 0; round < options.rounds; ++round) {
            measure_times(results);
            measure_lives(results);
        }
        results.print();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_story: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
