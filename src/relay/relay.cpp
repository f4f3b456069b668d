// SPDX-License-Identifier: Apache-2.0
#include "relay/relay.h"

#include "relay/pump.h"

#include <array>

namespace ballast::relay {

namespace {

End end_of(Pump::State state) {
    switch (state) {
        case Pump::State::source_ended: return End::source_ended;
        case Pump::State::source_failed: return End::source_failed;
        case Pump::State::sink_failed: return End::sink_failed;
        default: return End::running;
    }
}

void note(const Pump& pump, Report& report) {
    if (report.moved != nullptr) *report.moved += pump.delivered() - report.bytes_delivered;
    report.bytes_taken = pump.taken();
    report.bytes_delivered = pump.delivered();
    report.error = pump.error();
    report.end = end_of(pump.state());
    report.is_vouched_for = pump.end_is_vouched_for();
}

/// For what the pump waits.
void watch(const Pump& pump, net::Stream& source, net::Stream& sink, loop::Signal& signal) {
    if (pump.state() == Pump::State::wants_read) source.watch_readable();
    if (pump.state() == Pump::State::wants_write) sink.watch_writable();
    if (pump.state() == Pump::State::wants_turn) signal.raise();
}

/// One direction of a sealed relay: its end is passed on once.
class SealedWay {
public:
    SealedWay(net::Stream& source, net::Stream& sink)
        : source_(source), sink_(sink), pump_(source, sink) {}

    /// False if it has failed.
    bool run() {
        if (!pump_.is_over()) pump_.run();
        return !has_failed();
    }
    /// False if that failed.
    bool pass_end_on() {
        if (pump_.state() != Pump::State::source_ended || end_is_passed_on_) return true;
        end_is_passed_on_ = true;
        return sink_.finish() != net::Io::State::failed;
    }
    void watch(loop::Signal& signal) const { relay::watch(pump_, source_, sink_, signal); }
    [[nodiscard]] bool is_over() const { return pump_.is_over(); }
    [[nodiscard]] const Pump& pump() const { return pump_; }

private:
    [[nodiscard]] bool has_failed() const { return pump_.state() > Pump::State::source_ended; }

    net::Stream& source_;
    net::Stream& sink_;
    Pump pump_;
    bool end_is_passed_on_ = false;
};

/// Hears when the sink goes away although nothing is written to it.
class SinkWatch {
public:
    explicit SinkWatch(net::Stream& sink) : sink_(sink) {}

    /// False if the sink has failed.
    bool look(std::error_code& error) {
        if (!watched_ || ended_ || sink_.is_watching_readable()) return true;
        std::array<char, 4096> dropped;  // NOLINT: filled by read
        const net::Io io = sink_.read(dropped);
        if (io.state == net::Io::State::failed) {
            error = io.error;
            return false;
        }
        ended_ = io.state == net::Io::State::ended;
        return true;
    }
    void watch() {
        watched_ = true;
        if (!ended_) sink_.watch_readable();
    }

private:
    net::Stream& sink_;
    bool watched_ = false;  // before the first watch asking would be in vain
    bool ended_ = false;
};

}  // namespace

loop::Task<> relay_one_way(loop::Loop& loop, net::Stream& source, net::Stream& sink,
                           std::chrono::milliseconds stall_timeout, Report& report) {
    loop::Signal signal(loop);
    const net::Attached source_attached(source, signal);
    const net::Attached sink_attached(sink, signal);
    Pump pump(source, sink);
    SinkWatch sink_watch(sink);
    loop::Deadline stalled_at = loop.after(stall_timeout);
    std::uint64_t moved_before = 0;

    for (;;) {
        pump.run();
        note(pump, report);
        if (pump.is_over()) co_return;
        if (!sink_watch.look(report.error)) {
            report.end = End::sink_failed;
            co_return;
        }
        if (const auto moved = pump.taken() + pump.delivered(); moved != moved_before) {
            moved_before = moved;
            stalled_at = loop.after(stall_timeout);
        } else if (loop.now() >= stalled_at) {
            report.end = End::stalled;
            co_return;
        }
        watch(pump, source, sink, signal);
        sink_watch.watch();
        (void)co_await signal.wait(stalled_at);
    }
}

loop::Task<> relay_both_ways(loop::Loop& loop, net::Stream& a, net::Stream& b,
                             std::chrono::milliseconds stall_timeout, Report& report,
                             loop::Signal& owner) {
    loop::Signal signal(loop);
    const net::Attached a_attached(a, signal);
    const net::Attached b_attached(b, signal);
    Pump forward(a, b);
    Pump backward(b, a);
    loop::Deadline stalled_at = loop.after(stall_timeout);
    std::uint64_t moved_before = 0;

    for (;;) {
        forward.run();
        note(forward, report);
        if (forward.is_over()) co_return;
        if (!backward.is_over()) {
            backward.run();
            if (backward.state() == Pump::State::source_ended) {
                report.other_way_ended = true;
                report.other_way_is_vouched_for = backward.end_is_vouched_for();
                owner.raise();
            }
            // Told once by the system: a connection that failed in writing reads like a proper end.
            const bool a_failed = backward.state() == Pump::State::sink_failed;
            if (a_failed || backward.state() == Pump::State::source_failed) {
                report.end = a_failed ? End::source_failed : End::sink_failed;
                report.error = backward.error();
                co_return;
            }
        }
        const auto moved =
            forward.taken() + forward.delivered() + backward.taken() + backward.delivered();
        if (moved != moved_before) {
            moved_before = moved;
            stalled_at = loop.after(stall_timeout);
        } else if (loop.now() >= stalled_at) {
            report.end = End::stalled;
            co_return;
        }
        watch(forward, a, b, signal);
        watch(backward, b, a, signal);
        (void)co_await signal.wait(stalled_at);
    }
}

loop::Task<> relay_sealed(loop::Loop& loop, net::Stream& a, net::Stream& b, SealedReport& report) {
    loop::Signal signal(loop);
    const net::Attached a_attached(a, signal);
    const net::Attached b_attached(b, signal);
    SealedWay from_a(a, b);
    SealedWay from_b(b, a);
    report.moved_at = loop.now();
    std::uint64_t moved_before = 0;

    for (;;) {
        // Told once by the system: a connection that failed in writing reads like a proper end. So
        // no end is believed, or passed on, before both ways have run and neither has failed.
        const auto fails = [&](bool (SealedWay::*step)()) {
            for (auto* const way : {&from_a, &from_b}) {
                if ((way->*step)()) continue;
                report.has_failed = true;
                report.error = way->pump().error();
                return true;
            }
            return false;
        };
        if (!fails(&SealedWay::run)) (void)fails(&SealedWay::pass_end_on);
        const auto delivered = from_a.pump().delivered() + from_b.pump().delivered();
        if (report.moved != nullptr)
            *report.moved += delivered - report.bytes_from_a - report.bytes_from_b;
        report.bytes_from_a = from_a.pump().delivered();
        report.bytes_from_b = from_b.pump().delivered();
        report.one_has_ended = from_a.is_over() || from_b.is_over();
        const auto moved = delivered + from_a.pump().taken() + from_b.pump().taken();
        if (moved != moved_before) report.moved_at = loop.now();
        moved_before = moved;
        if (report.has_failed || (from_a.is_over() && from_b.is_over())) co_return;
        from_a.watch(signal);
        from_b.watch(signal);
        (void)co_await signal.wait(loop::never);
    }
}

}  // namespace ballast::relay
