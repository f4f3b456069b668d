// SPDX-License-Identifier: Apache-2.0
#include "relay/relay.h"

#include "loop/job.h"
#include "relay/noise.h"
#include "support/data_peer.h"
#include "support/memory_stream.h"
#include "support/test_loop.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::relay {
namespace {

using namespace std::chrono_literals;
using support::DataPeer;
using support::MemoryStream;
using support::Shape;

/// Two peers with the relay between them.
class RelayTest : public testing::Test {
protected:
    explicit RelayTest(Shape shape = {}) {
        auto [source_near, source_far] = MemoryStream::connect(loop, {}, {}, shape);
        auto [sink_near, sink_far] = MemoryStream::connect(loop, {}, {}, shape);
        source = std::move(source_near);
        sink = std::move(sink_near);
        sender.take(std::move(source_far));
        receiver.take(std::move(sink_far));
    }
    void start_one_way() {
        job = loop::Job::start(
            relay_one_way(loop, *source, *sink, Pace(stall, stall_bytes, most), report));
    }
    void start_both_ways() {
        job = loop::Job::start(
            relay_both_ways(loop, *source, *sink, Pace(stall, stall_bytes, most), report, owner));
    }

    void start_sealed() {
        job = loop::Job::start(relay_sealed(loop, *source, *sink, most, sealed));
    }

    support::TestLoop loop;
    loop::Signal owner{loop};
    DataPeer sender{loop};
    DataPeer receiver{loop};
    std::unique_ptr<MemoryStream> source;
    std::unique_ptr<MemoryStream> sink;
    void limit_to(std::size_t bytes_per_second) {
        most = guard::Throttle({std::make_shared<guard::Bandwidth>(bytes_per_second)});
    }

    const std::chrono::milliseconds stall = 30s;
    std::uint64_t stall_bytes = 1;
    guard::Throttle most;
    Report report;
    SealedReport sealed;
    loop::Job job;
};

class NarrowRelayTest : public RelayTest {
protected:
    NarrowRelayTest() : RelayTest({.pipe_bytes = 100, .slice_bytes = 7}) {}
};

TEST_F(RelayTest, delivers_every_byte_and_closes_nothing) {
    const auto bytes = noise(1'000'000);
    start_one_way();
    sender.send(bytes);
    sender.finish();
    loop.settle();
    EXPECT_TRUE(job.is_done());
    EXPECT_EQ(report.end, End::source_ended);
    EXPECT_EQ(receiver.received(), bytes);
    EXPECT_EQ(report.bytes_taken, bytes.size());
    EXPECT_EQ(report.bytes_delivered, bytes.size());
    EXPECT_EQ(receiver.end(), DataPeer::End::open);
    EXPECT_FALSE(source->is_finished());
    EXPECT_FALSE(sink->is_finished());
}

TEST_F(NarrowRelayTest, delivers_every_byte_through_a_narrow_place) {
    const auto bytes = noise(20'000);
    start_one_way();
    sender.send(bytes);
    sender.finish();
    loop.settle();
    EXPECT_EQ(report.end, End::source_ended);
    EXPECT_EQ(receiver.received(), bytes);
}

TEST_F(RelayTest, reads_no_more_than_the_receiver_has_room_for) {
    start_one_way();
    receiver.stop_reading();
    sender.send(noise(10'000'000));
    loop.run_for(10s);
    EXPECT_LE(report.bytes_taken, 1'000'000);
    EXPECT_FALSE(job.is_done());
    receiver.resume_reading();
    sender.finish();
    loop.settle();
    EXPECT_EQ(report.end, End::source_ended);
    EXPECT_EQ(receiver.received().size(), 10'000'000);
}

TEST_F(RelayTest, keeps_to_its_rate_with_no_more_turns_than_needed) {
    limit_to(100'000);
    start_one_way();
    sender.send(noise(10'000'000));
    const auto began = loop.turns();
    for (int second = 1; second <= 5; ++second) {
        loop.run_for(1s);
        EXPECT_NEAR(static_cast<double>(report.bytes_delivered), 100'000.0 * second, 7'000);
    }
    // 98 quanta a second; a busy wait would take many more turns.
    EXPECT_LE(loop.turns() - began, 5 * 98 * 4);
}

TEST_F(RelayTest, shares_its_rate_between_both_ways) {
    limit_to(100'000);
    start_both_ways();
    sender.send(noise(10'000'000));
    receiver.send(noise(10'000'000));
    loop.run_for(10s);
    EXPECT_NEAR(static_cast<double>(report.bytes_delivered), 500'000, 30'000);
    EXPECT_NEAR(static_cast<double>(sender.received().size()), 500'000, 30'000);
}

TEST_F(RelayTest, sealed_keeps_to_its_rate_too) {
    limit_to(100'000);
    start_sealed();
    sender.send(noise(10'000'000));
    loop.run_for(10s);
    EXPECT_NEAR(static_cast<double>(receiver.received().size()), 1'000'000, 10'000);
}

TEST_F(RelayTest, its_own_limit_is_not_a_stall) {
    limit_to(10);  // a quantum in 100 s
    start_one_way();
    sender.send(noise(10'000));
    loop.run_for(500s);
    EXPECT_EQ(report.end, End::running);
    EXPECT_NEAR(static_cast<double>(report.bytes_delivered), 5'000, 1'100);
}

TEST_F(RelayTest, measures_the_pauses_and_when_the_first_byte_came) {
    start_one_way();
    loop.run_for(2s);
    sender.send("a");
    loop.run_for(0s);
    const auto first = loop.now();
    loop.run_for(500ms);
    sender.send("b");
    loop.run_for(3s);
    sender.send("c");
    loop.settle();
    EXPECT_EQ(report.first_byte_at, first);
    EXPECT_EQ(report.pauses, 2U);  // before the first byte, and between the last two
    EXPECT_EQ(report.paused, 5s);
    EXPECT_EQ(report.held, 0s);
    sender.finish();
    loop.settle();
    EXPECT_EQ(report.pauses, 2U);
}

TEST_F(RelayTest, tells_what_its_own_limit_held_back_from_pauses) {
    limit_to(1000);
    sender.send(noise(5000));
    sender.finish();
    start_one_way();
    loop.run_for(60s);
    EXPECT_EQ(report.end, End::source_ended);
    EXPECT_EQ(report.pauses, 0U);
    EXPECT_GT(report.held, 2s);
    EXPECT_LT(report.held, 10s);
}

TEST_F(RelayTest, both_ways_measures_pauses_of_both) {
    start_both_ways();
    receiver.send("a");
    loop.run_for(3s);
    sender.send("b");
    loop.settle();
    EXPECT_EQ(report.pauses, 1U);
    EXPECT_EQ(report.paused, 3s);
}

TEST_F(RelayTest, a_trickle_is_a_stall) {
    stall_bytes = 100;
    start_one_way();
    for (int second = 0; second < 29; ++second) {
        sender.send("x");
        loop.run_for(1s);
    }
    EXPECT_EQ(report.end, End::running);
    sender.send("x");
    loop.run_for(2s);
    EXPECT_EQ(report.end, End::stalled);
}

TEST_F(RelayTest, enough_bytes_are_not_a_trickle) {
    stall_bytes = 100;
    start_one_way();
    for (int second = 0; second < 100; ++second) {
        sender.send("12345");
        loop.run_for(1s);
    }
    EXPECT_EQ(report.end, End::running);
}

TEST_F(RelayTest, keeps_its_report_up_to_date) {
    start_one_way();
    sender.send("12345");
    loop.settle();
    EXPECT_EQ(report.end, End::running);
    EXPECT_EQ(report.bytes_delivered, 5);
}

TEST_F(RelayTest, reports_a_reset_of_the_source) {
    start_one_way();
    sender.send("12345");
    loop.settle();
    sender.reset();
    loop.settle();
    EXPECT_EQ(report.end, End::source_failed);
    EXPECT_EQ(report.error, std::make_error_code(std::errc::connection_reset));
    EXPECT_EQ(report.bytes_delivered, 5);
}

TEST_F(RelayTest, reports_a_reset_of_the_sink_although_nothing_is_written) {
    start_one_way();
    loop.settle();
    receiver.reset();
    loop.settle();
    EXPECT_EQ(report.end, End::sink_failed);
    EXPECT_EQ(report.error, std::make_error_code(std::errc::connection_reset));
}

TEST_F(RelayTest, reports_a_sink_that_went_away_when_writing_to_it) {
    start_one_way();
    receiver.vanish();
    loop.settle();
    EXPECT_FALSE(job.is_done());  // its end alone means nothing: a downloading client may end early
    sender.send("12345");         // the answer is a reset, which the next write sees
    loop.settle();
    sender.send("67890");
    loop.settle();
    EXPECT_EQ(report.end, End::sink_failed);
}

TEST_F(RelayTest, lets_the_receiver_end_its_own_direction) {
    start_one_way();
    receiver.finish();
    loop.settle();
    sender.send("12345");
    sender.finish();
    loop.settle();
    EXPECT_EQ(report.end, End::source_ended);
    EXPECT_EQ(receiver.received(), "12345");
}

TEST_F(RelayTest, notices_a_receiver_that_is_gone_after_it_ended_its_own_direction) {
    start_one_way();
    receiver.finish();
    loop.settle();
    loop.run_for(20s);
    EXPECT_FALSE(job.is_done());  // it may still be reading
    receiver.reset();             // its kernel answers a probe
    loop.settle();
    EXPECT_FALSE(job.is_done());
    loop.run_for(15s);
    EXPECT_EQ(report.end, End::sink_failed);
    EXPECT_EQ(report.error, std::make_error_code(std::errc::connection_reset));
}

TEST_F(RelayTest, drops_what_the_receiver_sends) {
    start_one_way();
    receiver.send(noise(300'000));
    sender.send("12345");
    loop.settle();
    EXPECT_EQ(sender.received(), "");
    EXPECT_EQ(receiver.received(), "12345");
    EXPECT_EQ(report.end, End::running);
}

TEST_F(RelayTest, stalls_if_no_byte_moves_in_the_given_time) {
    start_one_way();
    for (int i = 0; i < 5; ++i) {
        loop.run_for(29s);
        sender.send("x");
        loop.settle();
        EXPECT_EQ(report.end, End::running);
    }
    loop.run_for(29s);
    EXPECT_EQ(report.end, End::running);
    loop.run_for(1s);
    EXPECT_EQ(report.end, End::stalled);
    EXPECT_EQ(report.bytes_delivered, 5);
}

TEST_F(RelayTest, stalls_when_the_sink_takes_nothing) {
    start_one_way();
    receiver.stop_reading();
    sender.send(noise(1'000'000));
    sender.finish();
    loop.run_for(31s);
    EXPECT_EQ(report.end, End::stalled);
    EXPECT_LT(report.bytes_delivered, 1'000'000);
}

TEST_F(RelayTest, cancelled_in_the_middle_leaves_the_streams_alone) {
    start_one_way();
    sender.send("12345");
    loop.settle();
    job.cancel();
    sender.send("67890");
    loop.settle();
    EXPECT_EQ(receiver.received(), "12345");
    EXPECT_EQ(receiver.end(), DataPeer::End::open);
    EXPECT_EQ(sender.end(), DataPeer::End::open);
}

TEST_F(RelayTest, both_ways_moves_bytes_both_ways) {
    const auto down = noise(300'000);
    const auto up = noise(200'000);
    start_both_ways();
    sender.send(down);
    receiver.send(up);
    loop.settle();
    EXPECT_EQ(receiver.received(), down);
    EXPECT_EQ(sender.received(), up);
    EXPECT_EQ(report.bytes_delivered, down.size());
    EXPECT_EQ(report.end, End::running);
    sender.finish();
    loop.settle();
    EXPECT_EQ(report.end, End::source_ended);
    EXPECT_EQ(receiver.end(), DataPeer::End::open);
}

TEST_F(RelayTest, both_ways_reports_the_other_end_and_does_not_pass_it_on) {
    start_both_ways();
    receiver.send("12345");
    receiver.finish();
    loop.settle();
    EXPECT_TRUE(report.other_way_ended);
    EXPECT_EQ(report.end, End::running);
    EXPECT_EQ(sender.received(), "12345");
    EXPECT_EQ(sender.end(), DataPeer::End::open);
    sender.send("still here");
    sender.finish();
    loop.settle();
    EXPECT_EQ(receiver.received(), "still here");
    EXPECT_EQ(report.end, End::source_ended);
}

TEST_F(RelayTest, both_ways_reports_a_reset_of_either) {
    start_both_ways();
    loop.settle();
    receiver.reset();
    loop.settle();
    EXPECT_EQ(report.end, End::sink_failed);
}

TEST_F(RelayTest, both_ways_does_not_mistake_a_reset_found_in_writing_for_an_end) {
    sender.stop_reading();
    receiver.send(noise(100'000));  // more than the connection to the sender holds
    start_both_ways();
    loop.settle();
    sender.reset();
    loop.settle();
    EXPECT_EQ(report.end, End::source_failed);
}

TEST_F(RelayTest, both_ways_stalls_only_if_neither_way_moves) {
    start_both_ways();
    for (int i = 0; i < 6; ++i) {
        loop.run_for(20s);
        (i % 2 == 0 ? sender : receiver).send("x");
        loop.settle();
    }
    EXPECT_EQ(report.end, End::running);
    loop.run_for(30s);
    EXPECT_EQ(report.end, End::stalled);
}

TEST_F(RelayTest, sealed_passes_bytes_and_ends_on) {
    const auto down = noise(300'000);
    const auto up = noise(200'000);
    start_sealed();
    sender.send(down);
    receiver.send(up);
    sender.finish();
    loop.settle();
    EXPECT_EQ(receiver.received(), down);
    EXPECT_EQ(receiver.end(), DataPeer::End::proper);
    EXPECT_EQ(sender.end(), DataPeer::End::open);
    EXPECT_FALSE(job.is_done());
    receiver.send("more");
    receiver.finish();
    loop.settle();
    EXPECT_EQ(sender.received(), up + "more");
    EXPECT_EQ(sender.end(), DataPeer::End::proper);
    EXPECT_TRUE(job.is_done());
    EXPECT_FALSE(sealed.has_failed);
    EXPECT_EQ(sealed.ended_first, Party::a);
    EXPECT_EQ(sealed.broke, Party::nobody);
    EXPECT_EQ(sealed.bytes_from_a, down.size());
    EXPECT_EQ(sealed.bytes_from_b, up.size() + 4);
}

TEST_F(RelayTest, sealed_ends_when_one_side_breaks) {
    start_sealed();
    sender.send("x");
    loop.settle();
    receiver.reset();
    loop.settle();
    EXPECT_TRUE(job.is_done());
    EXPECT_TRUE(sealed.has_failed);
    EXPECT_EQ(sealed.ended_first, Party::nobody);
    EXPECT_EQ(sealed.broke, Party::b);
    EXPECT_EQ(sender.end(), DataPeer::End::open);  // the caller must close this one
}

TEST_F(RelayTest, sealed_ends_when_one_side_breaks_after_the_other_has_ended) {
    start_sealed();
    sender.finish();
    loop.settle();
    EXPECT_FALSE(job.is_done());
    receiver.reset();
    loop.settle();
    EXPECT_TRUE(job.is_done());
    EXPECT_TRUE(sealed.has_failed);
    EXPECT_EQ(sealed.ended_first, Party::a);
    EXPECT_EQ(sealed.broke, Party::b);
}

TEST_F(RelayTest, sealed_does_not_mistake_a_reset_found_in_writing_for_an_end) {
    receiver.stop_reading();
    sender.send(noise(100'000));  // more than the connection to the receiver holds
    sender.finish();
    start_sealed();
    loop.settle();
    receiver.reset();
    loop.settle();
    EXPECT_TRUE(job.is_done());
    EXPECT_TRUE(sealed.has_failed);
    EXPECT_EQ(sealed.ended_first, Party::nobody);
    EXPECT_EQ(sealed.broke, Party::b);
    // The sender did not see an end of its peer.
    EXPECT_EQ(sender.end(), DataPeer::End::open);
}

TEST_F(RelayTest, sealed_says_when_bytes_moved_last) {
    const auto from_a = std::make_shared<std::atomic<std::uint64_t>>(0);
    const auto from_b = std::make_shared<std::atomic<std::uint64_t>>(0);
    sealed.moved_from_a = from_a;
    sealed.moved_from_b = from_b;
    start_sealed();
    const auto began = loop.now();
    EXPECT_EQ(sealed.moved_at, began);
    loop.run_for(10s);
    receiver.send("x");
    loop.run_for(10s);
    EXPECT_EQ(sealed.moved_at, began + 10s);
    sender.send("yz");
    loop.run_for(10s);
    EXPECT_EQ(sealed.moved_at, began + 20s);
    EXPECT_EQ(*from_a, 2);
    EXPECT_EQ(*from_b, 1);
}

}  // namespace
}  // namespace ballast::relay
