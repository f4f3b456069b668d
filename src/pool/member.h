// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"
#include "config/config.h"
#include "pool/administration.h"
#include "pool/backend.h"
#include "pool/load_average.h"
#include "pool/outlier.h"
#include "pool/thresholds.h"
#include "pool/transfer_scope.h"
#include "pool/watches.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace ballast::pool {

/// Whether a member may get sessions.
enum class Standing : std::uint8_t {
    gone,       ///< its name no longer has this address
    withdrawn,  ///< by the administrator
    down,       ///< by its probes
    ejected,    ///< by what sessions met; it serves when no other can
    serving,
};

/// A backend at one address, with what its pool knows of it. Not thread-safe; belongs to a pool and
/// its lock.
class Member {
public:
    Member(Backend backend, std::size_t order, const Target& target, const config::Pool& config,
           std::shared_ptr<const AdminCell> admin);

    [[nodiscard]] const Backend& backend() const { return backend_; }
    [[nodiscard]] BackendId id() const { return backend_.id; }
    /// The configured one, shared by all members of this name.
    [[nodiscard]] const std::string& name() const { return backend_.settings->name; }
    /// The place of its table among the pool's backends.
    [[nodiscard]] std::size_t order() const { return order_; }

    // Its name and its table

    /// The pool has new settings.
    void configure(const config::Pool& config);
    /// Other tables have come before its own.
    void move(std::size_t order) { order_ = order; }
    /// The table stands elsewhere in the file, and may have other settings.
    void follow(BackendSettings settings, std::size_t order);
    /// The administrator has set these.
    void tune(const Tuning& tuning) { tuning_ = tuning; }
    /// The name leads to its address (again).
    void found(const Target& target);
    /// The name does not lead there any more. Its sessions stay.
    void lost() { is_gone_ = true; }
    /// Nothing is left that has to be counted.
    [[nodiscard]] bool may_be_forgotten() const;

    [[nodiscard]] const Target& target() const { return target_; }

    // Choosing

    [[nodiscard]] Standing standing(loop::Time now) const;
    [[nodiscard]] bool has_room(loop::Time now) const;
    /// Of its sessions here, now: less during a slow start, and less by those that other balancers
    /// have. Empty: none.
    [[nodiscard]] std::optional<std::uint32_t> limit(loop::Time now) const;
    [[nodiscard]] std::uint32_t weight() const;
    /// The weight in finer steps, which rises during a slow start.
    [[nodiscard]] std::uint32_t weight_risen(loop::Time now) const;
    /// 0: no limit.
    [[nodiscard]] std::uint32_t max_sessions() const {
        return tuning_.max_sessions.value_or(backend_.settings->max_sessions);
    }
    /// Members of a lower tier come first: no backup before others, then by the SRV priority.
    [[nodiscard]] std::pair<bool, std::uint16_t> tier() const {
        return {backend_.settings->backup, target_.priority};
    }
    /// For a policy.
    [[nodiscard]] balance::Candidate candidate(loop::Time now);
    /// Policies see members in this order.
    [[nodiscard]] auto place() const {
        return std::tuple(order_, target_.priority, backend_.address);
    }

    // Sessions and transfers

    /// What other balancers have there. It counts for limits and policies.
    void set_elsewhere(std::uint32_t sessions, std::uint32_t transfers) {
        sessions_elsewhere_ = sessions;
        transfers_elsewhere_ = transfers;
    }
    [[nodiscard]] std::uint32_t sessions_elsewhere() const { return sessions_elsewhere_; }
    [[nodiscard]] std::uint32_t transfers_elsewhere() const { return transfers_elsewhere_; }
    void session_began() { ++sessions_; }
    void session_ended();
    void logged_in(std::chrono::microseconds taken, loop::Time now) { login_time_.add(taken, now); }
    /// A session was not let in.
    void refused(loop::Time now) { login_time_.refused(now); }
    [[nodiscard]] std::uint32_t sessions() const { return sessions_; }
    [[nodiscard]] const std::shared_ptr<Traffic>& traffic() const { return traffic_; }
    /// Keeps the measured rate true while no one is chosen.
    void measure(loop::Time now) { (void)byte_rate_.update(traffic_->figures.bytes_in_all(), now); }

    // Health and administration

    [[nodiscard]] const std::shared_ptr<const AdminCell>& admin() const { return admin_; }
    /// For its seats.
    [[nodiscard]] BackendSigns signs() const { return {admin_, is_down_}; }
    [[nodiscard]] const Thresholds& thresholds() const { return thresholds_; }
    /// A probe's answer. True if it changed the state.
    [[nodiscard]] bool probed(bool passed, loop::Time now);
    /// Why it is down or was ejected; empty: neither.
    [[nodiscard]] const std::string& reason() const { return reason_; }
    void set_reason(std::string reason) { reason_ = std::move(reason); }
    /// Since when it has been up or down. Empty: it is unknown which.
    [[nodiscard]] std::optional<loop::Time> health_since() const { return health_since_; }
    [[nodiscard]] std::uint64_t bytes_per_second() const { return byte_rate_.per_second(); }
    [[nodiscard]] std::chrono::microseconds login_time(loop::Time now) const {
        return login_time_.at(now);
    }
    [[nodiscard]] Outlier& outlier() { return outlier_; }
    [[nodiscard]] const Outlier& outlier() const { return outlier_; }

private:
    [[nodiscard]] double share_risen(loop::Time now) const;

    Backend backend_;
    std::size_t order_;
    Target target_;
    std::shared_ptr<const AdminCell> admin_;  // of its name
    std::chrono::milliseconds slow_start_;
    Thresholds thresholds_;
    std::shared_ptr<std::atomic<bool>> is_down_ = std::make_shared<std::atomic<bool>>(false);
    Outlier outlier_;
    std::uint32_t sessions_ = 0;
    std::uint32_t sessions_elsewhere_ = 0;
    std::uint32_t transfers_elsewhere_ = 0;
    bool is_gone_ = false;
    Tuning tuning_;
    std::string reason_;
    std::optional<loop::Time> health_since_;
    loop::Time risen_at_{};  // from down
    std::shared_ptr<Traffic> traffic_ = std::make_shared<Traffic>();
    ByteRate byte_rate_;
    LoginTime login_time_;
};

}  // namespace ballast::pool
