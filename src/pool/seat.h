// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "loop/recall.h"
#include "pool/admin_state.h"
#include "pool/backend.h"
#include "pool/loans.h"
#include "pool/refusal.h"
#include "pool/transfer_scope.h"
#include "pool/watches.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace ballast::pool {

class Pool;
struct Waiter;

/// A session's reserved place on a backend. Destroying it gives the place back.
class Seat {
public:
    Seat() = default;
    Seat(Seat&& other) noexcept;
    Seat& operator=(Seat&& other) noexcept;
    ~Seat();
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    [[nodiscard]] explicit operator bool() const { return pool_ != nullptr; }
    [[nodiscard]] const Backend& backend() const { return backend_; }
    [[nodiscard]] Pool& pool() const { return *pool_; }

    /// Counts a transfer on this backend while the scope lives; the seat may be given back before.
    /// Without a seat nothing is counted.
    [[nodiscard]] TransferScope begin_transfer() const { return TransferScope(traffic_); }
    /// Where sessions and transfers on this backend are counted. Null without a seat.
    [[nodiscard]] std::shared_ptr<metrics::BackendFigures> figures() const {
        if (!traffic_) return nullptr;
        return {traffic_, &traffic_->figures};
    }
    /// Puts the seat on loan, because the session waits for its client and has not logged in. When
    /// another client needs the seat, the pool calls `recall`, and the session gives the seat back
    /// soon. `holder` is the client's address or network: the holder with the most loans is asked
    /// first, for its oldest loan.
    void lend(std::shared_ptr<loop::Recall> recall, const base::Ip& holder);
    /// Ends the loan: the session goes on with the seat. False: the seat was recalled before.
    [[nodiscard]] bool keep();
    /// What the administrator has decided about the backend. Without a seat: ready.
    [[nodiscard]] AdminState admin() const {
        return signs_.admin ? signs_.admin->load() : AdminState::ready;
    }
    /// Whether the backend is down, by its probes. Without a seat: false.
    [[nodiscard]] bool is_down() const { return signs_.is_down && *signs_.is_down; }
    /// Both, to be read at any time and by any thread. Nulls without a seat.
    [[nodiscard]] const BackendSigns& signs() const { return signs_; }
    /// The pool calls `recall` whenever `admin` comes to say that sessions shall end or move, until
    /// the seat is given back. If the pool's failover is not off, it also does when the backend
    /// goes down, and when it begins to drain. The session must look once itself, for a change
    /// before this call.
    void watch(std::shared_ptr<loop::Recall> recall);
    /// The backend to which the session shall move when it is idle, because it has fewer sessions
    /// than its share. The recall of `watch` has been called then. `Pool::seat_on` gives a seat
    /// there. Empty: none, and after a few seconds none any more.
    [[nodiscard]] std::optional<BackendId> move_target() const {
        const auto target = wish_ ? wish_->load(std::memory_order_relaxed) : 0;
        return target == 0 ? std::nullopt : std::optional(target);
    }
    /// The session does not move there.
    void decline_move() {
        if (wish_) *wish_ = 0;
    }
    /// The session has logged in, and the backend kept it waiting for `taken` in all. From now on
    /// the client sticks to this backend.
    void logged_in(std::chrono::microseconds taken);

private:
    friend class Pool;
    Seat(std::shared_ptr<Pool> pool, Backend backend, std::shared_ptr<Traffic> traffic,
         BackendSigns signs, std::uint64_t stick_key)
        : pool_(std::move(pool)),
          backend_(std::move(backend)),
          traffic_(std::move(traffic)),
          signs_(std::move(signs)),
          stick_key_(stick_key) {}
    void give_back();

    std::shared_ptr<Pool> pool_;
    Backend backend_;
    std::shared_ptr<Traffic> traffic_;
    BackendSigns signs_;
    std::uint64_t stick_key_ = 0;
    bool has_logged_in_ = false;
    Loans::Number loan_ = 0;          // 0: none
    Watches::Number watch_ = 0;       // 0: none
    std::shared_ptr<MoveWish> wish_;  // of the watch
};

/// A place in a pool's queue. Destroying it leaves the queue and gives back a seat that was not
/// taken.
class Place {
public:
    Place() = default;
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept;
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    /// The seat, once it is this place's turn. The signal is raised then.
    [[nodiscard]] std::optional<Seat> take();
    /// Why this place waits in vain. The signal is raised then, too.
    [[nodiscard]] std::optional<Refusal> refusal() const;

private:
    friend class Pool;
    Place(std::shared_ptr<Pool> pool, std::shared_ptr<Waiter> waiter)
        : pool_(std::move(pool)), waiter_(std::move(waiter)) {}
    void leave();

    std::shared_ptr<Pool> pool_;
    std::shared_ptr<Waiter> waiter_;
};

}  // namespace ballast::pool
