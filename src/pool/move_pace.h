// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/token_bucket.h"
#include "loop/loop.h"

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace ballast::pool {

/// The pace at which a pool's moving sessions log in to other backends. When a backend with
/// thousands of sessions dies, the others get so many logins per second and no more. Each session
/// has a turn, and asks when it comes: those whose client waits before the others, and within each
/// of the two the one that came first. Any thread may call; it has a lock of its own.
///
/// Nothing is woken by it. A session that is refused is told when to ask again: when its turn comes
/// if nobody before it leaves, and soon in any case. One that does not ask then holds up nobody,
/// and has its place again when it does.
class MovePace {
public:
    using Clock = std::function<loop::Time()>;
    using Number = std::uint64_t;  ///< of a turn; never 0

    /// Logins per second, above 0. A tenth of a second's worth may come at once.
    MovePace(double rate, Clock clock);
    void set_rate(double rate);

    [[nodiscard]] Number join();
    /// Empty: go, and the turn is over. Otherwise when to ask again. A turn that becomes urgent
    /// keeps its place by its number.
    [[nodiscard]] std::optional<loop::Time> ask(Number number, bool is_urgent);
    /// A turn that is over leaves too.
    void leave(Number number);

private:
    struct Turn {
        Number number;
        loop::Time due;  ///< when it is expected to ask
    };
    /// In ascending order. To take one out moves those behind it, a few dozen KiB for thousands.
    using Turns = std::vector<Turn>;

    static Turns::iterator place_of(Turns& turns, Number number);
    static bool has(Turns& turns, Number number);
    static void erase(Turns& turns, Number number);
    static void insert(Turns& turns, const Turn& turn);
    /// Takes out those at the front that have not asked in time.
    void pass_over_late_ones(loop::Time now);

    const Clock clock_;
    std::mutex mutex_;
    base::TokenBucket logins_;
    Turns urgent_;
    Turns others_;
    Number last_ = 0;
};

}  // namespace ballast::pool
