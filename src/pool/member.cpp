// SPDX-License-Identifier: Apache-2.0
#include "pool/member.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace ballast::pool {

namespace {

/// Weights are multiplied by this, so that a slow start has steps between 0 and 1.
constexpr double weight_scale = 256;

}  // namespace

Member::Member(Backend backend, std::size_t order, const Target& target, const config::Pool& config,
               std::shared_ptr<const AdminCell> admin)
    : backend_(std::move(backend)),
      order_(order),
      target_(target),
      admin_(std::move(admin)),
      slow_start_(config.slow_start),
      thresholds_(config.probe.rise, config.probe.fall),
      outlier_(config.observe) {}

void Member::configure(const config::Pool& config) {
    slow_start_ = config.slow_start;
    thresholds_.configure(config.probe.rise, config.probe.fall);
    outlier_.configure(config.observe);
}

void Member::follow(BackendSettings settings, std::size_t order) {
    backend_.settings = std::move(settings);
    order_ = order;
}

void Member::found(const Target& target) {
    target_ = target;
    is_gone_ = false;
}

bool Member::may_be_forgotten() const {
    return is_gone_ && sessions_ == 0 && traffic_->transfers == 0;
}

Standing Member::standing(loop::Time now) const {
    if (is_gone_) return Standing::gone;
    if (*admin_ != AdminState::ready) return Standing::withdrawn;
    if (thresholds_.health() == Health::down) return Standing::down;
    return outlier_.is_ejected(now) ? Standing::ejected : Standing::serving;
}

/// During a slow start: the share of its weight and its sessions that the backend gets, from 0 to
/// 1.
double Member::share_risen(loop::Time now) const {
    if (slow_start_.count() == 0 || risen_at_ == loop::Time{}) return 1;
    const std::chrono::duration<double> since = now - risen_at_;
    return std::clamp(since / slow_start_, 0.0, 1.0);
}

std::optional<std::uint32_t> Member::limit(loop::Time now) const {
    const auto max = max_sessions();
    if (max == 0) return std::nullopt;
    const auto risen = static_cast<std::uint32_t>(std::ceil(max * share_risen(now)));
    const auto limit = std::max(1U, risen);
    return limit - std::min(limit, sessions_elsewhere_);
}

bool Member::has_room(loop::Time now) const {
    const auto most = limit(now);
    return !most || sessions_ < *most;
}

std::uint32_t Member::weight() const {
    if (tuning_.weight) return *tuning_.weight;
    const auto& settings = *backend_.settings;
    return target_.weight != 0 && !settings.has_weight ? target_.weight : settings.weight;
}

std::uint32_t Member::weight_risen(loop::Time now) const {
    const auto risen = std::round(weight() * weight_scale * share_risen(now));
    return std::max(1U, static_cast<std::uint32_t>(risen));
}

balance::Candidate Member::candidate(loop::Time now) {
    return {.id = backend_.id,
            .weight = weight_risen(now),
            .sessions = sessions_ + sessions_elsewhere_,
            .transfers = traffic_->transfers + transfers_elsewhere_,
            .bytes_per_second = byte_rate_.update(traffic_->figures.bytes_in_all(), now),
            .login_microseconds = static_cast<std::uint64_t>(login_time_.at(now).count())};
}

void Member::session_ended() {
    assert(sessions_ > 0);
    --sessions_;
}

bool Member::probed(bool passed, loop::Time now) {
    const bool was_down = thresholds_.health() == Health::down;
    const bool changed = passed ? thresholds_.succeeded() : thresholds_.failed();
    if (changed) health_since_ = now;
    *is_down_ = thresholds_.health() == Health::down;
    if (changed && was_down) {
        risen_at_ = now;
        outlier_.forget();
    }
    return changed;
}

}  // namespace ballast::pool
