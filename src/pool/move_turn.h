// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"
#include "pool/move_pace.h"

#include <memory>
#include <optional>
#include <utility>

namespace ballast::pool {

/// A session's turn to log in to another backend, in its pool's pace. Destroying it leaves.
class MoveTurn {
public:
    /// No turn: whoever asks may go.
    MoveTurn() = default;
    explicit MoveTurn(std::shared_ptr<MovePace> pace)
        : pace_(std::move(pace)), number_(pace_->join()) {}
    MoveTurn(MoveTurn&& other) noexcept
        : pace_(std::move(other.pace_)), number_(std::exchange(other.number_, 0)) {}
    MoveTurn& operator=(MoveTurn&& other) noexcept {
        std::swap(pace_, other.pace_);
        std::swap(number_, other.number_);
        return *this;
    }
    ~MoveTurn() {
        if (number_ != 0) pace_->leave(number_);
    }
    MoveTurn(const MoveTurn&) = delete;
    MoveTurn& operator=(const MoveTurn&) = delete;

    /// Empty: go; one login of the pace is taken. Otherwise when to ask again, at most half a
    /// second from now. Urgent: the client waits, with a transfer or a command. Asking again after
    /// going is a new turn.
    [[nodiscard]] std::optional<loop::Time> ask(bool is_urgent) {
        if (!pace_) return std::nullopt;
        if (number_ == 0) number_ = pace_->join();
        const auto later = pace_->ask(number_, is_urgent);
        if (!later) number_ = 0;
        return later;
    }

private:
    std::shared_ptr<MovePace> pace_;
    MovePace::Number number_ = 0;  // 0: over
};

}  // namespace ballast::pool
