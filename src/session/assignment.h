// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "loop/recall.h"
#include "pool/seat.h"
#include "session/pools.h"

#include <memory>
#include <utility>

namespace ballast::session {

/// The backend that a session is assigned to: a pool, a seat on one of its backends, and the leg to
/// that backend. Destroying it leaves the backend. Lives on the session's thread.
class Assignment {
public:
    Assignment() = default;
    /// `wake` is raised when the administrator ends sessions on the backend.
    Assignment(ServedPool pool, pool::Seat seat, loop::Signal& wake)
        : pool_(std::move(pool)), seat_(std::move(seat)), state_changed_(wake) {
        seat_.watch(state_changed_.recall());
    }

    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(seat_); }
    [[nodiscard]] const ServedPool& pool() const { return pool_; }
    [[nodiscard]] const config::Pool& settings() const { return *pool_.settings; }
    [[nodiscard]] pool::Seat& seat() { return seat_; }
    [[nodiscard]] const pool::Backend& backend() const { return seat_.backend(); }
    /// Where to count what happens on the backend. Null without one.
    [[nodiscard]] std::shared_ptr<metrics::BackendFigures> figures() const {
        return seat_.figures();
    }
    [[nodiscard]] const std::shared_ptr<const pool::AdminCell>& admin_cell() const {
        return seat_.signs().admin;
    }
    [[nodiscard]] pool::AdminState admin() const { return seat_.admin(); }
    /// The session must leave the backend as soon as it is idle.
    [[nodiscard]] bool must_leave() const {
        return seat_.admin() >= pool::AdminState::draining_idle;
    }
    /// The session must leave the backend now.
    [[nodiscard]] bool is_disabled() const { return seat_.admin() == pool::AdminState::disabled; }

    /// Null: not connected, or the backend ends TLS itself.
    [[nodiscard]] backend::Leg* leg() const { return leg_.get(); }
    void set_leg(std::unique_ptr<backend::Leg> leg) { leg_ = std::move(leg); }
    [[nodiscard]] std::unique_ptr<backend::Leg> take_leg() { return std::move(leg_); }

    /// Lends the seat to waiting clients. `wake` is raised when one of them needs it. `holder` is
    /// the client.
    void lend(loop::Signal& wake, const base::Ip& holder) {
        recallable_ = loop::Recallable(wake);
        seat_.lend(recallable_.recall(), holder);
    }
    [[nodiscard]] bool is_on_loan() const { return static_cast<bool>(recallable_); }
    [[nodiscard]] bool is_recalled() const { return recallable_.is_called(); }
    /// Ends the loan. False: the seat was recalled before and must be given up.
    [[nodiscard]] bool keep() {
        if (!is_on_loan()) return true;
        recallable_ = {};
        return seat_.keep();
    }

private:
    // Destroyed from the bottom up: the leg, then the recalls, then the seat.
    ServedPool pool_;
    pool::Seat seat_;
    loop::Recallable state_changed_;
    loop::Recallable recallable_;
    std::unique_ptr<backend::Leg> leg_;
};

}  // namespace ballast::session
