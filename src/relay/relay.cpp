// SPDX-License-Identifier: Apache-2.0
#include "relay/relay.h"

#include "metrics/counters.h"
#include "relay/clocks.h"
#include "relay/comparison.h"
#include "relay/porter.h"
#include "relay/pump.h"
#include "relay/sink_watch.h"
#include "relay/source_check.h"

#include <algorithm>
#include <cassert>
#include <utility>

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

void note_figures(const Pump& pump, Report& report) {
    if (report.moved != nullptr) *report.moved += pump.delivered() - report.bytes_delivered;
    report.bytes_taken = pump.taken();
    report.bytes_delivered = pump.delivered();
}

void note(const Pump& pump, Report& report) {
    note_figures(pump, report);
    report.error = pump.error();
    report.end = end_of(pump.state());
    report.is_vouched_for = pump.end_is_vouched_for();
    report.sink_is_slow = pump.state() == Pump::State::wants_write;
}

/// Runs the pump as far as the throttle allows.
void run(Pump& pump, guard::Throttle& throttle, loop::Time now) {
    if (!throttle.is_limited()) {
        pump.run();
        return;
    }
    const auto before = pump.taken();
    pump.run(throttle.allowance(now));
    throttle.spend(pump.taken() - before);
}

/// Watches for what the pump waits for. Sets `turn_at` if it waits only for its next turn.
void watch(const Pump& pump, net::Stream& source, net::Stream& sink, loop::Signal& signal,
           guard::Throttle& throttle, loop::Time now, loop::Deadline& turn_at) {
    if (pump.state() == Pump::State::wants_read) source.watch_readable();
    if (pump.state() == Pump::State::wants_write) sink.watch_writable();
    if (pump.state() != Pump::State::wants_turn) return;
    if (throttle.allowance(now) > 0) return signal.raise();
    metrics::count(metrics::Counter::limit_bandwidth);
    turn_at = loop::sooner(turn_at, throttle.next());
}

/// One direction of a sealed relay. It passes its end on once.
class SealedWay {
public:
    SealedWay(net::Stream& source, net::Stream& sink, guard::Throttle throttle)
        : source_(source), sink_(sink), pump_(source, sink), throttle_(std::move(throttle)) {}

    /// False if it has failed.
    bool run(loop::Time now) {
        const bool has_nothing =
            pump_.state() == Pump::State::wants_read && source_.is_watching_readable();
        if (!pump_.is_over() && !has_nothing) relay::run(pump_, throttle_, now);
        return !has_failed();
    }
    /// False if passing the end on failed.
    bool pass_end_on() {
        if (pump_.state() != Pump::State::source_ended || end_is_passed_on_) return true;
        end_is_passed_on_ = true;
        return sink_.finish() != net::Io::State::failed;
    }
    void watch(loop::Signal& signal, loop::Time now, loop::Deadline& turn_at) {
        relay::watch(pump_, source_, sink_, signal, throttle_, now, turn_at);
    }
    [[nodiscard]] bool is_over() const { return pump_.is_over(); }
    [[nodiscard]] bool has_ended() const { return pump_.state() == Pump::State::source_ended; }
    /// For a way that has failed: whether the source failed, not the sink.
    [[nodiscard]] bool is_source_to_blame() const {
        return pump_.state() == Pump::State::source_failed;
    }
    [[nodiscard]] const Pump& pump() const { return pump_; }

private:
    [[nodiscard]] bool has_failed() const { return pump_.state() > Pump::State::source_ended; }

    net::Stream& source_;
    net::Stream& sink_;
    Pump pump_;
    guard::Throttle throttle_;
    bool end_is_passed_on_ = false;
};

/// Takes from a continuation what the former relay has left, and leaves it there again at the end,
/// also when the relay is cancelled.
class Handover {
public:
    Handover(Continuation* continuation, Pump& pump, const PauseClock& pauses, Report& report)
        : continuation_(continuation), pump_(pump), pauses_(pauses) {
        if (continuation == nullptr) return;
        pump.resume(std::exchange(continuation->undelivered, {}), report.bytes_taken,
                    report.bytes_delivered);
        note(pump, report);
        report.difference.clear();
        report.is_checking = report.bytes_taken > 0;
    }
    ~Handover() {
        if (continuation_ == nullptr) return;
        continuation_->undelivered = pump_.release();
        continuation_->quiet_since = pauses_.quiet_since();
    }
    Handover(const Handover&) = delete;
    Handover& operator=(const Handover&) = delete;

private:
    Continuation* continuation_;
    Pump& pump_;
    const PauseClock& pauses_;
};

/// Leaves a pump's last figures in the report, also when the relay is cancelled: another worker may
/// have moved bytes since the last look.
class LastFigures {
public:
    LastFigures(const Pump& pump, Report& report) : pump_(pump), report_(report) {}
    ~LastFigures() { note_figures(pump_, report_); }
    LastFigures(const LastFigures&) = delete;
    LastFigures& operator=(const LastFigures&) = delete;

private:
    const Pump& pump_;
    Report& report_;
};

/// Lets the source prove that it sends the same bytes as the former ones. If it does,
/// `report.is_checking` is false afterwards; otherwise `report.end` says how this has ended.
loop::Task<> check_source(net::Stream& source, const Continuation& continuation,
                          loop::Signal& signal, SinkWatch& sink_watch, StallClock& stall,
                          Report& report) {
    using State = SourceCheck::State;
    const auto& trail = continuation.trail;
    assert(trail.taken() == report.bytes_taken);
    SourceCheck check(source, Comparison(trail, continuation.begin, continuation.file_offset));
    const auto checked_before = report.bytes_checked;
    for (;;) {
        const auto state = check.run();
        if (checked_before + check.bytes_read() != report.bytes_checked)
            report.moved_at = signal.loop().now();
        report.bytes_checked = checked_before + check.bytes_read();
        switch (state) {
            case State::passed: report.is_checking = false; co_return;
            case State::differs:
                report.end = End::differs;
                report.difference = check.difference();
                co_return;
            case State::failed:
                report.end = End::source_failed;
                report.error = check.error();
                co_return;
            case State::wants_turn: signal.raise(); break;
            case State::wants_read: source.watch_readable(); break;
        }
        if (!sink_watch.look(report.error)) {
            report.end = End::sink_failed;
            co_return;
        }
        if (!stall.note(report.bytes_taken + report.bytes_delivered + report.bytes_checked)) {
            report.end = End::stalled;
            co_return;
        }
        sink_watch.watch();
        (void)co_await signal.wait(loop::sooner(sink_watch.ask_at(), stall.due()));
    }
}

/// The time between two sources is a pause.
loop::Time quiet_since(const Continuation* continuation, loop::Time now) {
    const bool is_first = continuation == nullptr || continuation->quiet_since == loop::Time();
    return is_first ? now : continuation->quiet_since;
}

}  // namespace

loop::Task<> relay_one_way(loop::Loop& loop, net::Stream& source, net::Stream& sink, Pace pace,
                           Report& report, Continuation* continuation, Porter* porter) {
    loop::Signal signal(loop);
    const net::Attached source_attached(source, signal);
    const net::Attached sink_attached(sink, signal);
    const bool goes_on = continuation != nullptr && report.bytes_taken > 0;
    auto* const trail = continuation != nullptr ? &continuation->trail : nullptr;
    Pump pump(source, sink, trail);
    SinkWatch sink_watch(loop, sink, !goes_on);
    StallClock stall(loop, pace);
    PauseClock pauses(report, quiet_since(continuation, loop.now()));
    const Handover handover(continuation, pump, pauses, report);
    const LastFigures last_figures(pump, report);
    Lending lending(porter, pump, source, sink, trail, signal);
    const auto taken_before = report.bytes_taken;
    auto* waiting = goes_on ? continuation->goes_on : nullptr;

    if (goes_on) {
        co_await check_source(source, *continuation, signal, sink_watch, stall, report);
        if (report.is_checking) co_return pauses.end(loop.now());
    }
    for (;;) {
        const bool is_out = lending.is_out(pace.throttle);
        if (!is_out && !pump.is_over()) run(pump, pace.throttle, loop.now());
        const auto now = loop.now();
        note(pump, report);
        pauses.note(pump.taken() + pump.delivered(), now);
        if (waiting != nullptr && report.bytes_taken > taken_before)
            std::exchange(waiting, nullptr)->raise();
        if (pump.is_over()) co_return pauses.end(now);
        if (!sink_watch.look(report.error)) {
            report.end = End::sink_failed;
            co_return pauses.end(now);
        }
        if (!stall.note(pump.taken() + pump.delivered() + report.bytes_checked)) {
            report.end = End::stalled;
            co_return pauses.end(now);
        }
        loop::Deadline turn_at = loop::never;
        if (!is_out) watch(pump, source, sink, signal, pace.throttle, now, turn_at);
        stall.excuse(turn_at);
        if (turn_at != loop::never) pauses.hold();
        sink_watch.watch();
        turn_at = loop::sooner(turn_at, sink_watch.ask_at());
        turn_at = loop::sooner(turn_at, lending.look_at());
        (void)co_await signal.wait(loop::sooner(turn_at, stall.due()));
    }
}

loop::Task<> relay_both_ways(loop::Loop& loop, net::Stream& a, net::Stream& b, Pace pace,
                             Report& report, loop::Signal& owner) {
    loop::Signal signal(loop);
    const net::Attached a_attached(a, signal);
    const net::Attached b_attached(b, signal);
    Pump forward(a, b);
    Pump backward(b, a);
    guard::Throttle backward_throttle = pace.throttle;  // a share of its own
    StallClock stall(loop, pace);
    PauseClock pauses(report, loop.now());

    for (;;) {
        run(forward, pace.throttle, loop.now());
        note(forward, report);
        if (forward.is_over()) {
            pauses.note(
                forward.taken() + forward.delivered() + backward.taken() + backward.delivered(),
                loop.now());
            co_return pauses.end(loop.now());
        }
        if (!backward.is_over()) {
            run(backward, backward_throttle, loop.now());
            if (backward.state() == Pump::State::source_ended) {
                report.other_way_ended = true;
                report.other_way_is_vouched_for = backward.end_is_vouched_for();
                owner.raise();
            }
            // The system reports an error once: a connection that failed in writing then reads like
            // a proper end.
            const bool a_failed = backward.state() == Pump::State::sink_failed;
            if (a_failed || backward.state() == Pump::State::source_failed) {
                report.end = a_failed ? End::source_failed : End::sink_failed;
                report.error = backward.error();
                co_return;
            }
        }
        const auto now = loop.now();
        const auto moved =
            forward.taken() + forward.delivered() + backward.taken() + backward.delivered();
        pauses.note(moved, now);
        if (!stall.note(moved)) {
            report.end = End::stalled;
            co_return pauses.end(now);
        }
        loop::Deadline turn_at = loop::never;
        watch(forward, a, b, signal, pace.throttle, now, turn_at);
        watch(backward, b, a, signal, backward_throttle, now, turn_at);
        stall.excuse(turn_at);
        if (turn_at != loop::never) pauses.hold();
        (void)co_await signal.wait(loop::sooner(turn_at, stall.due()));
    }
}

loop::Task<> relay_sealed(loop::Loop& loop, net::Stream& a, net::Stream& b,
                          guard::Throttle throttle, SealedReport& report) {
    loop::Signal signal(loop);
    const net::Attached a_attached(a, signal);
    const net::Attached b_attached(b, signal);
    SealedWay from_a(a, b, throttle);
    SealedWay from_b(b, a, std::move(throttle));
    report.moved_at = loop.now();
    std::uint64_t moved_before = 0;

    for (;;) {
        // The system reports an error once: a connection that failed in writing then reads like a
        // proper end. So trust no end, and pass none on, before both ways have run without a
        // failure.
        const auto fails = [&](auto step) {
            for (auto* const way : {&from_a, &from_b}) {
                if (step(*way)) continue;
                report.has_failed = true;
                report.broke = (way == &from_a) == way->is_source_to_blame() ? Party::a : Party::b;
                report.error = way->pump().error();
                return true;
            }
            return false;
        };
        if (!fails([&](SealedWay& way) { return way.run(loop.now()); })) {
            if (report.ended_first == Party::nobody)
                report.ended_first = from_a.has_ended()   ? Party::a
                                     : from_b.has_ended() ? Party::b
                                                          : Party::nobody;
            (void)fails([](SealedWay& way) { return way.pass_end_on(); });
        }
        const auto delivered = from_a.pump().delivered() + from_b.pump().delivered();
        if (report.moved_from_a != nullptr)
            *report.moved_from_a += from_a.pump().delivered() - report.bytes_from_a;
        if (report.moved_from_b != nullptr)
            *report.moved_from_b += from_b.pump().delivered() - report.bytes_from_b;
        if (from_b.pump().delivered() != report.bytes_from_b) report.from_b_at = loop.now();
        report.bytes_from_a = from_a.pump().delivered();
        report.bytes_from_b = from_b.pump().delivered();
        const bool had_ended = report.one_has_ended;
        report.one_has_ended = from_a.is_over() || from_b.is_over();
        if (report.one_has_ended && !had_ended) report.one_ended_at = loop.now();
        const auto moved = delivered + from_a.pump().taken() + from_b.pump().taken();
        if (moved != moved_before) report.moved_at = loop.now();
        moved_before = moved;
        if (report.has_failed || (from_a.is_over() && from_b.is_over())) co_return;
        loop::Deadline turn_at = loop::never;
        from_a.watch(signal, loop.now(), turn_at);
        from_b.watch(signal, loop.now(), turn_at);
        if (turn_at != loop::never) {
            // The throttle holds the bytes back, so this is not a stall.
            report.was_held = true;
            report.moved_at = std::max(report.moved_at, turn_at);
        }
        (void)co_await signal.wait(turn_at);
    }
}

}  // namespace ballast::relay
