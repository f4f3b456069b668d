// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"
#include "pool/asker.h"
#include "pool/refusal.h"
#include "pool/seat.h"

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace ballast::pool {

/// A client that waits for a seat; shared by the queue and its place. All but `signal` and `loop`
/// belong to the pool's lock.
struct Waiter {
    Waiter(Asker who, loop::Signal& wake)
        : asker(std::move(who)), loop(wake.loop()), signal(&wake) {}

    Asker asker;
    std::optional<Seat> seat;        // present once its turn has come
    std::optional<Refusal> refusal;  // present once it waits in vain
    loop::Loop& loop;
    loop::Signal* signal;  // only the waiter's thread uses it; null once the waiter has left
};

/// The clients that wait for a seat, in the order in which they came. Not thread-safe; belongs to a
/// pool and its lock.
class Queue {
public:
    explicit Queue(std::size_t length) : length_(length) {}

    using Served = std::vector<std::shared_ptr<Waiter>>;
    using Judge = std::function<std::optional<Refusal>(const Asker&)>;
    using Choose = std::function<std::optional<Seat>(const Asker&)>;
    /// Gives each in turn what `choose` has for it; one that cannot use what is free does not hold
    /// up the others. The caller wakes those that were served, without the lock.
    [[nodiscard]] Served serve(const Choose& choose);
    /// Removes those who wait in vain, as `judge` says. The caller wakes them like the served.
    [[nodiscard]] Served dismiss(const Judge& judge);
    /// Raises the signals of those that were served or dismissed, each on its own thread.
    static void wake(const Served& served);

    /// Clients that are already waiting stay.
    void set_length(std::size_t length) { length_ = length; }
    [[nodiscard]] bool is_full() const { return waiting_.size() >= length_; }
    void join(std::shared_ptr<Waiter> waiter) { waiting_.push_back(std::move(waiter)); }
    void leave(const Waiter& waiter);
    [[nodiscard]] std::size_t size() const { return waiting_.size(); }
    [[nodiscard]] const std::list<std::shared_ptr<Waiter>>& waiting() const { return waiting_; }

private:
    std::size_t length_;
    std::list<std::shared_ptr<Waiter>> waiting_;
};

}  // namespace ballast::pool
