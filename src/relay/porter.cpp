// SPDX-License-Identifier: Apache-2.0
#include "relay/porter.h"

#include "base/owned_fd.h"
#include "metrics/counters.h"
#include "net/socket.h"
#include "net/socket_stream.h"

#include <algorithm>
#include <cassert>
#include <fcntl.h>
#include <limits>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace ballast::relay {

/// What two workers share of a transfer while one carries it for the other.
struct Errand {
    std::shared_ptr<loop::Recall> end;  // wakes the lender

    // The lender wants it back, or has it. Set without the lock, so that the carrier, which seldom
    // waits for the lock, leaves it to the lender.
    std::atomic<bool> is_back = false;
    // The carrier's figures, and whether it has ended and closed its copies.
    std::atomic<std::uint64_t> taken = 0;
    std::atomic<std::uint64_t> delivered = 0;
    std::atomic<bool> is_done = false;

    std::mutex mutex;      // guards what follows
    base::OwnedFd source;  // copies of the descriptors, until the carrier has them
    base::OwnedFd sink;
    Undelivered undelivered;  // likewise
    std::optional<Trail> trail;
    std::optional<Pump> pump;               // the carrier's, from its beginning on
    std::shared_ptr<loop::Recall> carrier;  // wakes it
    std::exception_ptr problem;             // of the carrier
};

namespace {

/// After a worker could not carry a transfer, it is not asked again for this long.
constexpr auto pause_after_failure = std::chrono::seconds(1);
/// A carrier looks at least this often whether it is still wanted, if it could not be told.
constexpr auto carrier_interval = std::chrono::seconds(1);

base::OwnedFd copy_of(int native) {
    base::OwnedFd copy(::fcntl(native, F_DUPFD_CLOEXEC, 0));
    if (copy && net::is_of_reserve(copy.get())) copy = {};
    return copy;
}

/// Fails at its first use if the loop cannot take it.
net::SocketStream stream_of(loop::WorkerLoop& loop, base::OwnedFd copy) {
    auto opened = loop::Descriptor::open(loop, copy.get());
    if (!opened) return {loop::Descriptor(), {}, {}};
    (void)copy.release();
    return {std::move(*opened), {}, {}};
}

/// Without memory for it, the other side sees by itself, but later.
void wake(const std::shared_ptr<loop::Recall>& other) noexcept try {
    loop::Recall::call(other);
} catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
}

/// Tells the lender of the carrier's end, also if that is cancelled.
class Ending {
public:
    explicit Ending(Errand& errand) : errand_(errand) {}
    ~Ending() {
        errand_.is_done = true;
        wake(errand_.end);
    }
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;

private:
    Errand& errand_;
};

/// The copies, unless the lender has gone on by itself.
std::optional<std::pair<base::OwnedFd, base::OwnedFd>> take_copies(Errand& errand) {
    const std::lock_guard lock(errand.mutex);
    if (errand.is_back) return std::nullopt;
    return std::pair(std::move(errand.source), std::move(errand.sink));
}

/// False if the lender has gone on by itself.
bool begin(Errand& errand, net::Stream& source, net::Stream& sink, const loop::Recallable& recall) {
    const std::lock_guard lock(errand.mutex);
    if (errand.is_back) return false;
    errand.pump.emplace(source, sink, errand.trail ? &*errand.trail : nullptr);
    errand.pump->resume(std::move(errand.undelivered), errand.taken, errand.delivered);
    errand.carrier = recall.recall();
    return true;
}

/// Empty if the lender wants it back. A failure to get memory may have lost bytes, so the pump has
/// failed, too.
std::optional<Pump::State> run(Errand& errand) {
    if (errand.is_back) return std::nullopt;
    const std::lock_guard lock(errand.mutex);
    if (errand.is_back) return std::nullopt;
    try {
        (void)errand.pump->run();
    } catch (...) {
        errand.problem = std::current_exception();
        errand.pump->fail(std::make_error_code(std::errc::not_enough_memory));
    }
    errand.taken = errand.pump->taken();
    errand.delivered = errand.pump->delivered();
    return errand.pump->state();
}

}  // namespace

void Porter::clear() {
    is_closed_ = true;
    carrying_.clear();
}

/// The one that carries the fewest long transfers.
Porter& Porter::idlest() {
    assert(!all_.empty());
    return **std::ranges::min_element(all_, {}, [](const Porter* each) {
        return each->is_closed_ ? std::numeric_limits<std::uint32_t>::max()
                                : each->long_transfers_.load();
    });
}

void Porter::take(std::shared_ptr<Errand> errand) {
    loop_.post([this, errand = std::move(errand)]() mutable {
        std::erase_if(carrying_, [](const loop::Job& job) { return job.has_ended(); });
        carrying_.push_back(loop::Job::start(carry(std::move(errand))));
    });
}

/// Ends early without descriptors or memory. The lender goes on then.
loop::Task<> Porter::carry(std::shared_ptr<Errand> errand) {
    const Ending ending(*errand);
    try {
        auto copies = take_copies(*errand);
        if (!copies) co_return;
        loop::Signal signal(loop_);
        auto source = stream_of(loop_, std::move(copies->first));
        auto sink = stream_of(loop_, std::move(copies->second));
        if (source.splice_source() < 0 || sink.splice_sink() < 0) co_return;
        const net::Attached source_attached(source, signal);
        const net::Attached sink_attached(sink, signal);
        const loop::Recallable recall(signal);
        if (!begin(*errand, source, sink, recall)) co_return;
        metrics::count(metrics::Counter::transfers_lent);
        while (const auto state = run(*errand)) {
            switch (*state) {
                case Pump::State::wants_turn: signal.raise(); break;
                case Pump::State::wants_read: source.watch_readable(); break;
                case Pump::State::wants_write: sink.watch_writable(); break;
                case Pump::State::source_ended:
                case Pump::State::source_failed:
                case Pump::State::sink_failed: co_return;
            }
            (void)co_await signal.wait(loop_.after(carrier_interval));
        }
    } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): no byte was touched
    }
}

Lending::Lending(Porter* home, Pump& pump, net::Stream& source, net::Stream& sink, Trail* trail,
                 loop::Signal& signal)
    : home_(home),
      pump_(pump),
      source_(source),
      sink_(sink),
      trail_(trail),
      signal_(signal),
      look_at_(signal.loop().after(long_interval)),
      looked_at_(signal.loop().now()),
      delivered_then_(pump.delivered()) {}

Lending::~Lending() {
    take_back();
    count_at(nullptr);
}

bool Lending::is_out(const guard::Throttle& throttle) {
    if (home_ == nullptr) return false;
    if (errand_ && errand_->is_done) {
        take_back();
        if (problem_) std::rethrow_exception(problem_);
        count_at(home_);
        look_at_ = signal_.loop().after(pause_after_failure);
    }
    if (errand_) pump_.follow(errand_->taken, errand_->delivered);
    if (!pump_.is_over() && signal_.loop().now() >= look_at_) judge(throttle);
    return errand_ != nullptr;
}

/// Counts the transfer, and moves it to where it should be carried now.
void Lending::judge(const guard::Throttle& throttle) {
    const auto now = signal_.loop().now();
    look_at_ = now + long_interval;
    if (!is_long(now)) {
        take_back();
        return count_at(nullptr);
    }
    if (counted_at_ == nullptr) count_at(home_);
    if (throttle.is_limited() || !may_lend()) {
        take_back();
        return count_at(home_);
    }
    auto& idlest = home_->idlest();
    auto carried_there = idlest.long_transfers_.load();
    if (counted_at_->long_transfers_ < carried_there + 2) return;
    // Another transfer may have come first.
    if (!idlest.long_transfers_.compare_exchange_strong(carried_there, carried_there + 1)) return;
    --std::exchange(counted_at_, &idlest)->long_transfers_;
    move_to(idlest);
}

bool Lending::is_long(loop::Time now) {
    const auto moved =
        static_cast<double>(pump_.delivered() - std::exchange(delivered_then_, pump_.delivered()));
    const auto intervals =
        std::chrono::duration<double>(now - std::exchange(looked_at_, now)) / long_interval;
    if (moved >= intervals * double{long_bytes}) {
        short_so_far_ = 0;
        return true;
    }
    return counted_at_ != nullptr && ++short_so_far_ < short_intervals;
}

/// Copies of the descriptors would not be enough for a stream under TLS. Of a digest there may be
/// no copy either.
bool Lending::may_lend() const {
    return source_.splice_source() >= 0 && sink_.splice_sink() >= 0 && !source_.is_tls() &&
           !sink_.is_tls() && (trail_ == nullptr || trail_->keeps_samples());
}

void Lending::move_to(Porter& other) {
    take_back();
    if (&other == home_ || pump_.is_over()) return;
    auto errand = std::make_shared<Errand>();
    errand->source = copy_of(source_.splice_source());
    errand->sink = copy_of(sink_.splice_sink());
    if (!errand->source || !errand->sink) {
        look_at_ = signal_.loop().after(pause_after_failure);
        return count_at(home_);
    }
    if (!end_) end_ = loop::Recallable(signal_);
    errand->end = end_.recall();
    if (trail_ != nullptr) errand->trail = trail_->copy_of_samples();
    errand->taken = pump_.taken();
    errand->delivered = pump_.delivered();
    errand->undelivered = pump_.release();
    errand_ = errand;
    source_.mute();
    sink_.mute();
    other.take(std::move(errand));
}

void Lending::take_back() {
    if (!errand_) return;
    const auto errand = std::exchange(errand_, nullptr);
    std::shared_ptr<loop::Recall> carrier;
    errand->is_back = true;
    {
        const std::lock_guard lock(errand->mutex);
        errand->source = {};
        errand->sink = {};
        if (errand->pump)
            pump_.take_over(*errand->pump);
        else
            pump_.resume(std::move(errand->undelivered), errand->taken, errand->delivered);
        if (trail_ != nullptr) *trail_ = std::move(*errand->trail);
        problem_ = errand->problem;
        carrier = std::move(errand->carrier);
    }
    source_.unmute();
    sink_.unmute();
    // So that it closes its copies.
    if (carrier && !errand->is_done) wake(carrier);
}

void Lending::count_at(Porter* porter) {
    if (counted_at_ != nullptr) --counted_at_->long_transfers_;
    counted_at_ = porter;
    if (porter != nullptr) ++porter->long_transfers_;
}

}  // namespace ballast::relay
