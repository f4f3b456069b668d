// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/metrics_page.h"
#include "daemon/operators.h"
#include "daemon/predecessor.h"
#include "daemon/serving.h"
#include "daemon/worker.h"
#include "guard/ledger.h"
#include "net/passive_ports.h"

#include <memory>
#include <vector>

namespace ballast::daemon {

/// Reads the state of this process for its page of metrics. Belongs to the control thread.
class MetricsSource {
public:
    /// All outlive it.
    struct Parts {
        const Serving& serving;
        const guard::Ledger& ledger;
        const net::PassivePorts& ports;
        const std::vector<std::unique_ptr<Worker>>& workers;
        const Predecessor& predecessor;
        const Operators& operators;
    };
    explicit MetricsSource(const Parts& parts);

    /// Call after each reload.
    void reloaded(bool is_applied);
    [[nodiscard]] admin::MetricsSnapshot look() const;

private:
    [[nodiscard]] admin::MetricsSnapshot::Process process() const;
    [[nodiscard]] std::vector<admin::MetricsSnapshot::Listener> listeners() const;
    [[nodiscard]] std::vector<admin::MetricsSnapshot::Certificate> certificates() const;
    [[nodiscard]] std::vector<admin::MetricsSnapshot::Pool> pools() const;
    void add_replaced(std::vector<admin::MetricsSnapshot::Pool>& pools) const;

    const Parts parts_;
    const double started_at_;
    admin::MetricsSnapshot::Reload reload_;
};

}  // namespace ballast::daemon
