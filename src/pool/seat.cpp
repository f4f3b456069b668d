// SPDX-License-Identifier: Apache-2.0
#include "pool/seat.h"

#include "pool/pool.h"

#include <utility>

namespace ballast::pool {

Seat::Seat(Seat&& other) noexcept
    : pool_(std::move(other.pool_)),
      backend_(std::move(other.backend_)),
      traffic_(std::move(other.traffic_)),
      signs_(std::move(other.signs_)),
      stick_key_(other.stick_key_),
      has_logged_in_(std::exchange(other.has_logged_in_, false)),
      loan_(std::exchange(other.loan_, 0)),
      watch_(std::exchange(other.watch_, 0)),
      wish_(std::move(other.wish_)) {}

Seat& Seat::operator=(Seat&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    pool_ = std::move(other.pool_);
    backend_ = std::move(other.backend_);
    traffic_ = std::move(other.traffic_);
    signs_ = std::move(other.signs_);
    stick_key_ = other.stick_key_;
    has_logged_in_ = std::exchange(other.has_logged_in_, false);
    loan_ = std::exchange(other.loan_, 0);
    watch_ = std::exchange(other.watch_, 0);
    wish_ = std::move(other.wish_);
    return *this;
}

Seat::~Seat() { give_back(); }

void Seat::give_back() {
    if (!pool_) return;
    pool_->leave(*this);
    has_logged_in_ = false;
    loan_ = 0;
    watch_ = 0;
    wish_.reset();
    traffic_.reset();
    signs_ = {};
    pool_.reset();
}

void Seat::lend(std::shared_ptr<loop::Recall> recall, const base::Ip& holder) {
    if (pool_ && loan_ == 0 && !has_logged_in_)
        loan_ = pool_->lend(backend_.id, std::move(recall), holder);
}

bool Seat::keep() {
    if (!pool_ || loan_ == 0) return true;
    return pool_->end_loan(std::exchange(loan_, 0));
}

void Seat::watch(std::shared_ptr<loop::Recall> recall) {
    if (!pool_ || watch_ != 0) return;
    wish_ = std::make_shared<MoveWish>(0);
    watch_ = pool_->watch(*this, std::move(recall));
}

void Seat::logged_in(std::chrono::microseconds taken) {
    if (!pool_) return;
    pool_->count_login(*this, taken);
    has_logged_in_ = true;
}

Place& Place::operator=(Place&& other) noexcept {
    if (this == &other) return *this;
    leave();
    pool_ = std::move(other.pool_);
    waiter_ = std::move(other.waiter_);
    return *this;
}

Place::~Place() { leave(); }

void Place::leave() {
    if (!waiter_) return;
    waiter_->signal = nullptr;
    // Destroy the seat here, outside the pool's lock, because giving a seat back takes that lock.
    const auto unused = pool_->leave_queue(*waiter_);
    waiter_.reset();
    pool_.reset();
}

std::optional<Seat> Place::take() {
    if (!waiter_) return std::nullopt;
    return pool_->take_seat(*waiter_);
}

std::optional<Refusal> Place::refusal() const {
    if (!waiter_) return std::nullopt;
    return pool_->refusal_of(*waiter_);
}

}  // namespace ballast::pool
