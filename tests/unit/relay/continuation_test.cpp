// SPDX-License-Identifier: Apache-2.0
// One transfer over several sources.
#include "relay/chain.h"
#include "relay/noise.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace ballast::relay {
namespace {

using namespace std::chrono_literals;
using support::DataPeer;

constexpr std::uint64_t first = Trail::first_bytes;
constexpr std::uint64_t size = Trail::sample_bytes;
constexpr std::uint64_t every = 64 << 10;

/// Where a source may be lost.
std::vector<std::size_t> cuts(std::size_t end) {
    std::vector<std::size_t> all{0, 1, first - 1, first, first + 1};
    for (const auto sample : {every, 2 * every})
        for (const auto at :
             {sample - 1, sample, sample + 1, sample + size - 1, sample + size, sample + size + 1})
            all.push_back(at);
    for (const auto at : {end - 1, end}) all.push_back(at);
    return all;
}

std::string with_other_byte(std::string file, std::size_t at) {
    file[at] = static_cast<char>(~file[at]);
    return file;
}

/// The whole file has arrived, and everything was counted once.
void expect_whole(const Chain& chain, const std::string& file) {
    ASSERT_EQ(chain.report.end, End::source_ended);
    ASSERT_FALSE(chain.report.is_checking);
    ASSERT_TRUE(chain.receiver.received() == file);
    ASSERT_EQ(chain.report.bytes_taken, file.size());
    ASSERT_EQ(chain.report.bytes_delivered, file.size());
    ASSERT_EQ(*chain.moved, file.size());
}

TEST(Continuation, a_single_source_is_not_checked) {
    const auto file = noise(3 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.finish(file);
    expect_whole(chain, file);
    EXPECT_EQ(chain.report.bytes_checked, 0U);
    EXPECT_EQ(chain.continuation.trail.samples().size(), 3U);
}

TEST(Continuation, delivers_each_byte_once_wherever_two_sources_are_lost) {
    const auto file = noise(2 * every + every / 2);
    for (const bool can_restart : {true, false})
        for (const auto one : cuts(file.size()))
            for (const auto two : cuts(file.size())) {
                SCOPED_TRACE(fmt::format("lost at {} and at {}, {}", one, two, can_restart));
                Chain chain(Trail::of_samples(every));
                chain.begin();
                chain.lose(file, one);
                ASSERT_EQ(chain.report.end, End::source_failed);
                ASSERT_EQ(chain.report.bytes_taken, one);
                chain.begin(can_restart);
                chain.lose(file, two);
                ASSERT_EQ(chain.report.end, End::source_failed);
                ASSERT_EQ(chain.report.bytes_taken, std::max(one, two));
                ASSERT_EQ(chain.report.is_checking, two < one);
                chain.begin(can_restart);
                chain.finish(file);
                expect_whole(chain, file);
            }
}

TEST(Continuation, reads_again_no_more_than_since_the_last_sample) {
    const auto file = noise(10 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.lose(file, 9 * every + size + 100);
    chain.begin();
    chain.finish(file);
    expect_whole(chain, file);
    EXPECT_EQ(chain.report.bytes_checked, size + 100);
}

TEST(Continuation, a_different_byte_in_a_sample_ends_it_before_anything_is_delivered) {
    const auto file = noise(4 * every);
    for (const bool can_restart : {true, false}) {
        Chain chain(Trail::of_samples(every));
        chain.begin();
        chain.lose(file, 3 * every + size);
        chain.begin(can_restart);
        chain.finish(with_other_byte(file, 3 * every + 5));
        EXPECT_TRUE(chain.is_over());
        EXPECT_EQ(chain.report.end, End::differs);
        EXPECT_EQ(chain.report.difference, fmt::format("byte {} differs", 3 * every + 5));
        EXPECT_TRUE(chain.report.is_checking);
        EXPECT_EQ(chain.receiver.received(), file.substr(0, 3 * every + size));
        EXPECT_EQ(chain.report.bytes_taken, 3 * every + size);
        // A third source with the right file may still be tried.
        chain.begin();
        EXPECT_EQ(chain.report.difference, "");
        chain.finish(file);
        expect_whole(chain, file);
    }
}

TEST(Continuation, compares_the_first_sample_with_a_source_that_cannot_restart) {
    const auto file = noise(4 * every);
    const auto other = with_other_byte(file, 7);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.lose(file, 3 * every + size);
    chain.begin(false);
    chain.finish(other);
    EXPECT_EQ(chain.report.difference, "byte 7 differs");
    // It is not compared with one that can: the last sample must do.
    chain.begin();
    chain.finish(other);
    expect_whole(chain, file);
}

TEST(Continuation, a_byte_between_the_samples_goes_unnoticed_and_is_not_delivered_again) {
    const auto file = noise(4 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.lose(file, 3 * every);
    chain.begin(false);
    chain.finish(with_other_byte(file, every - 1));
    expect_whole(chain, file);
}

TEST(Continuation, a_source_that_ends_before_what_was_taken_differs) {
    const auto file = noise(4 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.lose(file, 3 * every + size);
    chain.begin();
    chain.finish(file.substr(0, 3 * every + size - 1));
    EXPECT_EQ(chain.report.end, End::differs);
    EXPECT_EQ(chain.report.difference,
              fmt::format("the other file ends at byte {}", 3 * every + size - 1));
    EXPECT_EQ(chain.receiver.received().size(), 3 * every + size);
}

TEST(Continuation, a_source_that_ends_where_the_former_one_was_lost_ends_properly) {
    const auto file = noise(3 * every + 77);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.lose(file, file.size());
    chain.begin();
    chain.finish(file);
    expect_whole(chain, file);
}

TEST(Continuation, nothing_is_checked_if_nothing_was_taken) {
    const auto file = noise(every);
    Chain chain{Trail()};
    chain.begin();
    chain.lose(file, 0);
    EXPECT_EQ(chain.report.end, End::source_failed);
    chain.begin();
    EXPECT_FALSE(chain.report.is_checking);
    chain.finish(file);
    expect_whole(chain, file);
}

TEST(Continuation, without_a_trail_no_other_source_is_believed) {
    const auto file = noise(every);
    Chain chain{Trail()};
    chain.begin();
    chain.lose(file, 10);
    EXPECT_FALSE(chain.continuation.trail.is_checkable());
    chain.begin();
    EXPECT_EQ(chain.report.end, End::differs);
    EXPECT_EQ(chain.report.difference, "nothing is remembered of bytes 0 to 10");
}

TEST(Continuation, compares_the_digest_of_a_listing) {
    const auto listing = noise(10'000);
    for (const std::size_t cut : {1U, 5000U, 9999U, 10'000U}) {
        Chain chain(Trail::of_digest(10'000));
        chain.begin();
        chain.lose(listing, cut);
        chain.begin();
        chain.finish(with_other_byte(listing, cut - 1));
        EXPECT_EQ(chain.report.end, End::differs);
        EXPECT_EQ(chain.report.difference,
                  fmt::format("the digest of the first {} bytes differs", cut));
        EXPECT_EQ(chain.receiver.received(), listing.substr(0, cut));
        chain.begin();
        chain.lose(listing, cut / 2);
        EXPECT_TRUE(chain.report.is_checking);
        chain.begin();
        chain.finish(listing);
        expect_whole(chain, listing);
    }
}

TEST(Continuation, no_source_is_believed_beyond_the_bound_of_a_digest) {
    const auto listing = noise(30'000);
    Chain chain(Trail::of_digest(10'000));
    chain.begin();
    chain.lose(listing, 10'001);
    EXPECT_FALSE(chain.continuation.trail.is_checkable());
    EXPECT_EQ(chain.receiver.received().size(), 10'001U);
    chain.begin();
    chain.finish(listing);
    EXPECT_EQ(chain.report.end, End::differs);
    EXPECT_EQ(chain.receiver.received().size(), 10'001U);
}

TEST(Continuation, delivers_what_the_former_relay_could_not) {
    const auto file = noise(4 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.receiver.stop_reading();
    chain.send_up_to(file, 3 * every);
    chain.loop.settle();
    EXPECT_TRUE(chain.report.sink_is_slow);
    EXPECT_GT(chain.report.bytes_taken, chain.report.bytes_delivered);
    chain.cancel();
    EXPECT_EQ(chain.continuation.undelivered.copied.size(),
              chain.report.bytes_taken - chain.report.bytes_delivered);
    chain.begin();
    EXPECT_FALSE(chain.report.sink_is_slow);
    chain.receiver.resume_reading();
    chain.finish(file);
    expect_whole(chain, file);
    EXPECT_TRUE(chain.continuation.undelivered.copied.empty());
}

TEST(Continuation, keeps_the_undelivered_bytes_through_sources_that_do_not_pass) {
    const auto file = noise(4 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.receiver.stop_reading();
    chain.send_up_to(file, 3 * every);
    chain.loop.settle();
    const auto taken = chain.report.bytes_taken;
    chain.begin();  // cancelled in the middle of its check
    chain.loop.settle();
    chain.begin(false);
    chain.finish(with_other_byte(file, 0));
    EXPECT_EQ(chain.report.end, End::differs);
    EXPECT_EQ(chain.report.bytes_taken, taken);
    chain.begin();
    chain.receiver.resume_reading();
    chain.finish(file);
    expect_whole(chain, file);
}

TEST(Continuation, a_check_is_not_limited_by_the_throttle) {
    const auto file = noise(200'000);
    Chain chain(Trail::of_samples(1 << 20));
    chain.most = guard::Throttle({std::make_shared<guard::Bandwidth>(10'000)});
    chain.begin();
    chain.send_up_to(file, file.size());
    chain.loop.run_for(15s);
    const auto taken = chain.report.bytes_taken;
    EXPECT_NEAR(static_cast<double>(taken), 150'000, 2000);
    chain.begin();
    chain.send_up_to(file, file.size());
    chain.sender->finish();
    chain.loop.settle();
    EXPECT_FALSE(chain.report.is_checking);
    EXPECT_EQ(chain.report.bytes_checked, taken);
    EXPECT_LE(chain.report.bytes_taken, taken + 2000);
    chain.loop.run_for(2s);
    EXPECT_EQ(chain.report.end, End::running);
    chain.loop.run_for(4s);
    expect_whole(chain, file);
}

TEST(Continuation, a_source_that_is_silent_in_its_check_stalls) {
    const auto file = noise(2 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.lose(file, every);
    chain.begin();
    chain.send_up_to(file, every - 1);
    chain.loop.run_for(29s);
    EXPECT_EQ(chain.report.end, End::running);
    EXPECT_TRUE(chain.report.is_checking);
    chain.loop.run_for(1s);
    EXPECT_EQ(chain.report.end, End::stalled);
    EXPECT_FALSE(chain.report.sink_is_slow);
    chain.begin();
    chain.finish(file);
    expect_whole(chain, file);
}

TEST(Continuation, a_source_that_trickles_in_its_check_stalls) {
    const auto file = noise(2 * every);
    Chain chain(Trail::of_samples(every));
    chain.stall_bytes = 100;
    chain.begin();
    chain.lose(file, every);
    chain.begin();
    for (std::size_t second = 0; second < 29; ++second) {
        chain.sender->send(file.substr(second, 1));
        chain.loop.run_for(1s);
    }
    EXPECT_EQ(chain.report.end, End::running);
    chain.loop.run_for(1s);
    EXPECT_EQ(chain.report.end, End::stalled);
}

TEST(Continuation, a_check_that_moves_does_not_stall) {
    const auto file = noise(2 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.lose(file, 100);
    chain.begin();
    for (std::size_t at = 0; at < 100; ++at) {
        chain.loop.run_for(20s);
        chain.sender->send(file.substr(at, 1));
        chain.loop.settle();
        EXPECT_EQ(chain.report.moved_at, chain.loop.now());
    }
    EXPECT_FALSE(chain.report.is_checking);
    chain.loop.run_for(29s);
    EXPECT_EQ(chain.report.end, End::running);
    chain.sender->send(file.substr(100));
    chain.sender->finish();
    chain.loop.settle();
    expect_whole(chain, file);
}

TEST(Continuation, a_slow_sink_is_told_from_a_slow_source) {
    const auto file = noise(1'000'000);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.receiver.stop_reading();
    chain.send_up_to(file, file.size());
    chain.loop.run_for(31s);
    EXPECT_EQ(chain.report.end, End::stalled);
    EXPECT_TRUE(chain.report.sink_is_slow);
    chain.receiver.resume_reading();
    chain.begin();
    chain.loop.run_for(31s);
    EXPECT_EQ(chain.report.end, End::stalled);
    EXPECT_FALSE(chain.report.sink_is_slow);
}

TEST(Continuation, takes_no_byte_of_an_endless_source_before_its_time) {
    const auto file = noise(4 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.receiver.stop_reading();
    chain.send_up_to(file, 2 * every + 100);
    chain.loop.settle();
    const auto taken = chain.report.bytes_taken;
    chain.begin();
    chain.send_up_to(file, file.size());
    chain.loop.settle();
    // The sink still does not read, so nothing new was taken.
    EXPECT_FALSE(chain.report.is_checking);
    EXPECT_EQ(chain.report.bytes_taken, taken);
    EXPECT_EQ(chain.report.bytes_checked, taken - chain.continuation.begin);
    EXPECT_TRUE(chain.report.sink_is_slow);
}

TEST(Continuation, notices_in_a_check_that_the_receiver_is_gone) {
    const auto file = noise(2 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.lose(file, every);
    chain.begin();
    chain.loop.settle();
    chain.receiver.reset();
    chain.loop.settle();
    EXPECT_EQ(chain.report.end, End::sink_failed);
    EXPECT_EQ(chain.report.error, std::make_error_code(std::errc::connection_reset));
}

TEST(Continuation, lets_the_receiver_end_its_own_direction_and_notices_when_it_is_gone) {
    const auto file = noise(2 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.receiver.finish();
    chain.lose(file, every);
    chain.begin();
    chain.loop.run_for(20s);
    EXPECT_EQ(chain.report.end, End::running);
    chain.receiver.reset();
    chain.loop.run_for(15s);
    EXPECT_EQ(chain.report.end, End::sink_failed);
}

TEST(Continuation, reports_a_reset_in_a_check) {
    const auto file = noise(2 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.lose(file, every);
    chain.begin();
    chain.lose(file, 1);
    EXPECT_EQ(chain.report.end, End::source_failed);
    EXPECT_EQ(chain.report.error, std::make_error_code(std::errc::connection_reset));
    chain.begin();
    EXPECT_FALSE(chain.report.error);
    EXPECT_EQ(chain.report.end, End::running);
}

TEST(Continuation, the_time_between_two_sources_is_a_pause) {
    const auto file = noise(2 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.send_up_to(file, every);
    chain.loop.settle();
    const auto first_byte_at = chain.report.first_byte_at;
    const auto moved_at = chain.report.moved_at;
    EXPECT_EQ(moved_at, chain.loop.now());
    chain.loop.run_for(5s);
    chain.cancel();
    chain.loop.run_for(4s);
    chain.begin();
    chain.loop.run_for(3s);
    chain.send_up_to(file, every);
    chain.loop.settle();
    EXPECT_FALSE(chain.report.is_checking);
    EXPECT_EQ(chain.report.moved_at, moved_at + 12s);
    chain.loop.run_for(2s);
    chain.sender->send(std::string_view(file).substr(every));
    chain.sender->finish();
    chain.loop.settle();
    expect_whole(chain, file);
    EXPECT_EQ(chain.report.pauses, 1U);
    EXPECT_EQ(chain.report.paused, 14s);
    EXPECT_EQ(chain.report.first_byte_at, first_byte_at);
}

TEST(Continuation, works_under_tls_on_either_leg) {
    const auto file = noise(3 * every);
    for (const TlsLegs legs : {TlsLegs{.source = true}, {.sink = true}, {true, true}})
        for (const auto cut : cuts(2 * every + size + 2)) {
            SCOPED_TRACE(fmt::format("{} {} lost at {}", legs.source, legs.sink, cut));
            Chain chain(Trail::of_samples(every), {}, legs);
            chain.begin();
            chain.lose(file, cut);
            ASSERT_EQ(chain.report.bytes_taken, cut);
            chain.begin();
            chain.finish(file);
            expect_whole(chain, file);
            ASSERT_EQ(chain.report.is_vouched_for, legs.source);
        }
}

TEST(Continuation, gives_a_tls_sink_the_same_bytes_again) {
    const auto file = noise(1'000'000);
    Chain chain(Trail::of_samples(every), {}, {.source = false, .sink = true});
    chain.begin();
    chain.receiver.stop_reading();
    chain.send_up_to(file, file.size());
    chain.loop.settle();
    chain.cancel();
    EXPECT_GT(chain.continuation.undelivered.copied.size(), 0U);
    chain.begin();
    chain.loop.settle();
    chain.receiver.resume_reading();
    chain.finish(file);
    expect_whole(chain, file);
}

/// One life of a transfer, with everything at random: the file, the samples, the connections, how
/// the sources are lost, and when the receiver reads.
void live(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto up_to = [&](std::uint64_t most) { return random() % (most + 1); };
    const auto file = noise(up_to(up_to(3) == 0 ? 2'000'000 : 100'000));
    const std::uint64_t distance = 1ULL << (12 + up_to(10));
    auto trail =
        up_to(4) == 0 ? Trail::of_digest(file.size()) : Trail::of_samples(distance + up_to(100));
    const support::Shape shape{.pipe_bytes = 1000 + up_to(200'000),
                               .slice_bytes = up_to(1) * (4000 + up_to(100'000))};
    const TlsLegs tls{.source = up_to(5) == 0, .sink = up_to(5) == 0};
    Chain chain(std::move(trail), shape, tls);
    const auto sources = 1 + up_to(4);
    for (std::uint64_t source = 1; source < sources; ++source) {
        chain.begin(up_to(3) > 0);
        if (up_to(2) == 0) chain.receiver.stop_reading();
        const auto cut = up_to(file.size());
        chain.send_up_to(file, cut);
        for (auto step = up_to(20); step > 0; --step) chain.loop.run_for(1us);
        if (up_to(1) == 0) chain.receiver.resume_reading();
        if (up_to(2) > 0) chain.loop.settle();
        switch (up_to(2)) {
            case 0: chain.sender->reset(); break;
            case 1: chain.sender->vanish(); break;
            default: chain.cancel(); break;
        }
        if (up_to(1) == 0) chain.loop.settle();
        // A killed backend may look as if its file ended early.
        ASSERT_TRUE(chain.report.end != End::differs || chain.report.is_checking);
        ASSERT_EQ(chain.receiver.received(), file.substr(0, chain.receiver.received().size()));
    }
    chain.begin(up_to(3) > 0);
    chain.receiver.resume_reading();
    chain.finish(file);
    expect_whole(chain, file);
}

TEST(Continuation, delivers_each_byte_once_in_random_lives) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        live(seed);
        if (testing::Test::HasFatalFailure()) return;
    }
}

}  // namespace
}  // namespace ballast::relay
