// SPDX-License-Identifier: Apache-2.0
// How a story is kept: its bounds, its memory, and its words.
#include "session/story.h"

#include "session/stories.h"
#include "session/story_text.h"
#include "support/counted_memory.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;

constexpr loop::Time start{1h};

struct Read {
    Fact fact;
    std::chrono::microseconds after;
    std::string sentence;
};
std::vector<Read> read(std::string_view bytes) {
    std::vector<Read> all;
    StoryReader reader(bytes);
    while (const auto entry = reader.next())
        all.push_back({entry->fact, entry->after, sentence_of(*entry)});
    return all;
}
void note_command(Story& story, loop::Time now, std::string_view line) {
    story.note(now, Fact::command, {line, 200, "", 1ms});
}

TEST(Story, tells_what_was_noted_in_order) {
    Stories stories(1UL << 20);
    Story story(&stories, start);
    note_command(story, start + 5ms, "NOOP");
    story.note(start + 2s, Fact::said_meanwhile, {"ABOR"});
    const auto all = read(story.copy());
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].fact, Fact::command);
    EXPECT_EQ(all[0].after, 5ms);
    EXPECT_EQ(all[0].sentence, "NOOP: 200. It took 1 ms.");
    EXPECT_EQ(all[1].after, 2s);
    EXPECT_EQ(all[1].sentence, "During the transfer, the client sent ABOR.");
}

TEST(Story, keeps_the_beginning_and_the_latest_and_counts_the_rest) {
    Stories stories(1UL << 20);
    Story story(&stories, start);
    constexpr int commands = 100'000;
    for (int i = 0; i < commands; ++i)
        note_command(story, start + i * 1ms, "CWD " + std::to_string(i));
    const auto all = read(story.copy());
    EXPECT_EQ(all.front().sentence, "CWD 0: 200. It took 1 ms.");
    EXPECT_EQ(all.back().sentence, "CWD 99999: 200. It took 1 ms.");
    const auto gap = std::ranges::find(all, Fact::left_out, &Read::fact);
    ASSERT_NE(gap, all.end());
    const auto missing = commands - static_cast<int>(all.size()) + 1;
    EXPECT_EQ(gap->sentence, "Entries left out here: " + std::to_string(missing) + ".");
    EXPECT_GT(gap - all.begin(), 50);
    EXPECT_GT(all.end() - gap, 500);
    EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Read::after));
    EXPECT_LE(story.copy().size(), Story::beginning_bytes_max + Story::latest_bytes_max + 64);
}

TEST(Story, gives_back_its_memory) {
    Stories stories(1UL << 20);
    {
        Story story(&stories, start);
        EXPECT_EQ(stories.size().bytes_running, 0U);
        note_command(story, start, "NOOP");
        EXPECT_EQ(stories.size().bytes_running, 512U);
        for (int i = 0; i < 1000; ++i) note_command(story, start, "NOOP");
        EXPECT_GT(stories.size().bytes_running, 8192U);
    }
    EXPECT_EQ(stories.size().bytes_running, 0U);
}

TEST(Story, stays_small_when_the_memory_is_used_up) {
    Stories stories(1);
    Story story(&stories, start);
    for (int i = 0; i < 10'000; ++i) note_command(story, start + i * 1ms, "NOOP");
    const auto all = read(story.copy());
    EXPECT_LE(stories.size().bytes_running, Story::beginning_bytes_max + Story::latest_bytes_min);
    EXPECT_EQ(all.back().after, 9'999ms);
    EXPECT_GT(all.size(), 100U);
}

TEST(Story, takes_the_largest_entries_even_then) {
    Stories stories(1);
    Story story(&stories, start);
    const std::string text(10'000, 'x');
    for (int i = 0; i < 100; ++i)
        story.note(start, Fact::transfer, {text,  text, text, text,  text, 1,   1ms, 0, 226, text,
                                           false, 1ms,  text, false, 1ms,  1ms, 0,   0, 0,   text});
    const auto all = read(story.copy());
    EXPECT_GE(all.size(), 3U);
    EXPECT_EQ(all.back().fact, Fact::transfer);
}

TEST(Story, cuts_the_middle_of_a_long_text) {
    Stories stories(1UL << 20);
    Story story(&stories, start);
    note_command(story, start, "STOR " + std::string(2000, 'a') + "/report.csv");
    const auto bytes = story.copy();
    const auto entry = StoryReader(bytes).next();
    EXPECT_EQ(entry->text("line").size(), Story::text_bytes_max);
    EXPECT_TRUE(entry->text("line").starts_with("STOR aaa"));
    EXPECT_TRUE(entry->text("line").ends_with("aaa/report.csv"));
}

TEST(Story, is_not_kept_without_memory) {
    Stories stories(0);
    Story story(&stories, start);
    EXPECT_FALSE(story.is_kept());
    note_command(story, start, "NOOP");
    EXPECT_EQ(story.copy(), "");
}

TEST(Story, says_only_what_is_known) {
    std::string bytes;
    append_entry(bytes, 1s, Fact::command, {"LIST", 0, "", 1500us});
    append_entry(bytes, 1s, Fact::candidate, {"alf1", 3 * 256, 7, 2, 0, 0});
    append_entry(bytes, 1s, Fact::candidate, {"alf2", 128, 7, 2, 99, 12'345});
    append_entry(bytes, 1s, Fact::tls_began, {"TLSv1.3", "X", "", true, "", 12ms});
    const auto all = read(bytes);
    EXPECT_EQ(all[0].sentence, "LIST. It took 1.5 ms.");
    EXPECT_EQ(all[1].sentence,
              "Candidate alf1: weight 3, 7 sessions, 2 transfers, 0 bytes per second.");
    EXPECT_EQ(all[2].sentence,
              "Candidate alf2: weight 0.5, 7 sessions, 2 transfers, 99 bytes per second, logins "
              "take 12.3 ms.");
    EXPECT_EQ(all[3].sentence,
              "TLS with the client began after 12 ms: TLSv1.3, X, resuming an earlier session.");
}

TEST(Story, counts_one_as_one) {
    std::string bytes;
    append_entry(bytes, 1s, Fact::candidate, {"alf1", 256, 1, 1, 1, 0});
    append_entry(bytes, 1s, Fact::ended, {"the client said QUIT", 1s, 1, 0, "", "", ""});
    const auto all = read(bytes);
    EXPECT_EQ(all[0].sentence,
              "Candidate alf1: weight 1, 1 session, 1 transfer, 1 byte per second.");
    EXPECT_EQ(all[1].sentence,
              "The session ended after 1.0 s: the client said QUIT. 1 transfer, 0 bytes.");
}

TEST(Facts, have_sentences_of_their_own_fields) {
    for (const auto& row : all_facts()) {
        EXPECT_FALSE(row.name.empty());
        EXPECT_EQ(std::ranges::count(row.sentence, '['), std::ranges::count(row.sentence, ']'));
        for (std::size_t at = 0; (at = row.sentence.find('{', at)) != std::string_view::npos;) {
            const auto end = row.sentence.find('}', at);
            const auto name = row.sentence.substr(at + 1, end - at - 1);
            EXPECT_NE(std::ranges::find(row.fields(), name, &FactField::name), row.fields().end())
                << row.name << ": " << name;
            at = end;
        }
    }
}

TEST(Stories, lose_the_oldest_first) {
    Stories stories(100'000);
    for (int i = 0; i < 1000; ++i) {
        Story story(&stories, start);
        for (int k = 0; k < 20; ++k) note_command(story, start, "NOOP");
        stories.add("s" + std::to_string(i), story);
    }
    const auto size = stories.size();
    EXPECT_LE(size.bytes_ended, 100'000U);
    EXPECT_GT(size.bytes_ended, 90'000U);
    EXPECT_EQ(stories.find("s0"), nullptr);
    ASSERT_NE(stories.find("s999"), nullptr);
    EXPECT_EQ(read(stories.find("s999")->bytes).size(), 20U);
}

TEST(Stories, are_read_in_slices_from_the_newest_on_while_others_come) {
    Stories stories(1UL << 20);
    const auto add = [&](int i) {
        Story story(&stories, start);
        note_command(story, start, "NOOP");
        stories.add("s" + std::to_string(i), story);
    };
    for (int i = 0; i < 10; ++i) add(i);
    std::vector<std::string> seen;
    auto from = Stories::newest;
    while (from != 0) {
        const auto slice = stories.slice(3, from);
        for (const auto& story : slice.stories) seen.push_back(story->session);
        from = slice.next;
        add(100);
    }
    const auto whole = stories.slice(3);
    EXPECT_EQ(stories.slice(1, whole.number_of(1)).stories.at(0), whole.stories.at(1));
    const std::vector<std::string> all = {"s9", "s8", "s7", "s6", "s5",
                                          "s4", "s3", "s2", "s1", "s0"};
    EXPECT_EQ(seen, all);
}

TEST(Stories, forget_the_ended_ones_when_they_get_no_memory_any_more) {
    Stories stories(1UL << 20);
    Story story(&stories, start);
    note_command(story, start, "NOOP");
    stories.add("s", story);
    stories.set_memory(0);
    EXPECT_EQ(stories.find("s"), nullptr);
    EXPECT_FALSE(stories.are_kept());
    note_command(story, start, "NOOP");  // a running one goes on
    EXPECT_EQ(read(story.copy()).size(), 2U);
}

/// The setting promises this.
TEST(Stories, take_the_memory_that_they_say) {
    constexpr std::size_t bytes_max = 8UL << 20;
    Stories stories(bytes_max);
    const auto before = support::bytes_allocated();
    for (int i = 0; stories.size().bytes_ended < bytes_max * 95 / 100; ++i) {
        Story story(&stories, start);
        for (int k = 0; k < i % 40; ++k) note_command(story, start, "CWD somewhere");
        stories.add("0123456789abcdef" + std::to_string(i), story);
    }
    const auto taken = support::bytes_allocated() - before;
    EXPECT_LT(taken, bytes_max * 110 / 100);
    EXPECT_GT(taken, bytes_max * 80 / 100);
}

}  // namespace
}  // namespace ballast::session
