// SPDX-License-Identifier: Apache-2.0
#include "session/transfer_backends.h"

#include "metrics/counters.h"
#include "metrics/transfers.h"
#include "session/throttle.h"

#include <chrono>
#include <utility>

namespace ballast::session {

TransferBackends::TransferBackends(Context& context, const Login& login, Failover& failover,
                                   ftp::Direction direction, std::string_view verb,
                                   std::string_view file)
    : context_(context),
      login_(login),
      failover_(failover),
      direction_(direction),
      verb_(verb),
      file_(file),
      names_(context.backend_name()),
      count_(std::in_place, context.assignment.seat(), context.surroundings) {}

OtherBackends::Traffic TransferBackends::traffic() const {
    return {.bytes = count_->bytes(counted_as(direction_)),
            .throttle = throttle_of(context_, login_.routed_pool(), login_.user())};
}

bool TransferBackends::is_down() const {
    return context_.assignment && context_.assignment.seat().is_down();
}

bool TransferBackends::is_to_move() const {
    return context_.assignment && context_.assignment.admin() == pool::AdminState::draining_move;
}

void TransferBackends::leave(std::string_view why, Left left) {
    auto& assignment = context_.assignment;
    if (!assignment) return;
    cause_ = left == Left::down         ? MoveCause::down
             : left == Left::drained    ? MoveCause::drained
             : assignment.is_disabled() ? MoveCause::disabled
                                        : MoveCause::lost;
    if (cause_ == MoveCause::lost && left != Left::differs)
        context_.report_loss({base::Fault::backend, {}, std::string(why)});
    // It may have been looked for another one already.
    if (tried_.empty()) note_left();
    count_->leave_backend();
    former_legs_.push_back(failover_.leave_lost());
}

/// The backend that the transfer comes from.
void TransferBackends::note_left() {
    came_from_ = context_.backend_name();
    tried_.push_back(context_.assignment.backend().id);
}

loop::Task<std::expected<backend::Leg*, std::string>> TransferBackends::find(loop::Deadline until,
                                                                             bool may_wait) {
    if (context_.assignment && tried_.empty()) note_left();
    found_ = {};
    // A wish to leave is no loss.
    if (!context_.assignment && !failover_.may_lose_another()) {
        context_.set_phase(Phase::in_transfer);
        co_return std::unexpected(std::string(Failover::too_many_losses));
    }
    auto found = co_await failover_.find({.without = tried_, .until = until, .may_wait = may_wait});
    if (!found) {
        context_.set_phase(Phase::in_transfer);
        co_return std::unexpected(std::move(found.error()));
    }
    found_ = std::move(*found);
    tried_.push_back(found_.backend().id);
    co_return found_.leg();
}

OtherBackends::Traffic TransferBackends::go_there() {
    failover_.settle(std::move(found_), cause_);
    former_legs_.clear();
    context_.set_phase(Phase::in_transfer);
    count_->move_to(context_.assignment.seat());
    names_.append(", ").append(context_.backend_name());
    return traffic();
}

/// A leg that the transfer still refers to stays.
void TransferBackends::pass_over() {
    if (!context_.assignment) failover_.settle(std::move(found_), cause_);
    found_ = {};
}

void TransferBackends::resumed(std::uint64_t bytes, loop::Time::duration pause) {
    tried_.clear();
    metrics::count(metrics::Counter::transfers_resumed);
    metrics::count(metrics::Counter::bytes_resumed, bytes);
    metrics::transfers().add_pause(pause);
    context_.report(log::Level::info, "transfer resumed",
                    {{"verb", verb_},
                     {"file", file_},
                     {"from", came_from_},
                     {"bytes", bytes},
                     {"seconds", std::chrono::duration<double>(pause).count()}});
    context_.story.note(context_.now(), Fact::resumed,
                        {came_from_, context_.backend_name(), bytes, pause});
}

void TransferBackends::learn(const FileFacts& facts) {
    failover_.known_files().add(std::string(file_), facts, context_.now());
}

}  // namespace ballast::session
