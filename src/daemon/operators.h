// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "daemon/availability.h"
#include "daemon/inheritance.h"
#include "daemon/predecessor.h"
#include "daemon/serving.h"
#include "daemon/worker.h"
#include "guard/ledger.h"
#include "pool/admin_state.h"
#include "session/pools.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::daemon {

/// What operators see of the pools and do to them, here and in the processes that this one has
/// replaced. Belongs to the control thread, and outlives its actions.
class Operators {
public:
    /// All parts outlive this object.
    Operators(Serving& serving, guard::Ledger& ledger,
              const std::vector<std::unique_ptr<Worker>>& workers, Predecessor& predecessor)
        : serving_(serving),
          ledger_(ledger),
          workers_(workers),
          predecessor_(predecessor),
          availability_(ledger) {}

    /// Without reload, upgrade and `has_new_program`, which are the whole process's.
    [[nodiscard]] admin::Actions actions();
    /// To be called after a reload: what holds for the whole balancer holds for new pools, too.
    void pools_changed();
    /// Opens the log files again, also those of replaced processes.
    void reopen() { obey(reopen_word); }

    /// What operators have decided, for the process that replaces this one.
    [[nodiscard]] std::vector<Inheritance::Decision> decisions() const;
    [[nodiscard]] std::vector<Inheritance::Tuned> tuned() const;
    void tune(const Inheritance::Tuned& tuned);
    /// The same at replaced processes, too.
    [[nodiscard]] bool administer(const Inheritance::Decision& decision);
    /// False if there is no such backend here.
    [[nodiscard]] bool decide(const Inheritance::Decision& decision);
    /// Does what operators have asked the process for that has replaced this one, and passes it on.
    void obey(std::string_view message);
    /// Tells that process about this one and those before it.
    [[nodiscard]] std::vector<std::string> load_words() const;
    /// The load of this process alone.
    [[nodiscard]] admin::Generation load() const;
    /// The administrative state of the whole balancer.
    [[nodiscard]] pool::AdminState state() const { return availability_.state(); }

private:
    static constexpr std::string_view reopen_word = "reopen";

    [[nodiscard]] std::vector<admin::BackendState> backends_here() const;
    [[nodiscard]] std::vector<admin::BackendState> backends() const;
    [[nodiscard]] std::vector<admin::Generation> generations() const;
    [[nodiscard]] admin::BalancerState balancer() const;

    [[nodiscard]] const session::Pools& pools() const { return serving_.pools(); }
    [[nodiscard]] bool tune(std::string_view pool, std::string_view backend, admin::Tuned what,
                            std::optional<std::uint32_t> value);
    [[nodiscard]] std::optional<admin::StickSlice> stickiness(std::string_view pool,
                                                              std::uint64_t after,
                                                              std::size_t max) const;
    [[nodiscard]] std::optional<admin::StickState> stickiness_of(std::string_view pool,
                                                                 const base::Ip& client) const;
    [[nodiscard]] std::optional<std::size_t> forget_stickiness(
        std::string_view pool, const std::optional<base::Ip>& client, std::string_view user);

    Serving& serving_;
    guard::Ledger& ledger_;
    const std::vector<std::unique_ptr<Worker>>& workers_;
    Predecessor& predecessor_;
    Availability availability_;
};

}  // namespace ballast::daemon
