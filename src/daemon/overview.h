// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "daemon/serving.h"
#include "guard/ledger.h"

#include <string>
#include <vector>

namespace ballast::daemon {

/// What operators can look at besides backends and sessions. Belongs to the control thread.
class Overview {
public:
    /// Both outlive it and the actions.
    Overview(Serving& serving, guard::Ledger& ledger) : serving_(serving), ledger_(ledger) {}

    /// Sets what shows something.
    void add_to(admin::Actions& actions) const;

private:
    [[nodiscard]] std::vector<admin::ListenerState> listeners() const;
    [[nodiscard]] std::vector<admin::PoolState> pools() const;
    [[nodiscard]] std::vector<admin::BanState> bans() const;
    [[nodiscard]] std::vector<admin::CertificateState> certificates() const;
    [[nodiscard]] std::vector<admin::LimitState> limits() const;
    [[nodiscard]] std::vector<admin::ProbeState> probes() const;
    [[nodiscard]] std::vector<admin::SurveyState> surveys() const;
    void add_limits(const config::Listener& listener, const guard::Ledger::Use& use,
                    std::vector<admin::LimitState>& to) const;

    Serving& serving_;
    guard::Ledger& ledger_;
};

}  // namespace ballast::daemon
