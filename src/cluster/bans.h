// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/failures.h"
#include "cluster/latest_topic.h"
#include "guard/ledger.h"
#include "guard/sharing.h"

namespace ballast::cluster {

/// Bans, and that they were lifted. The latest that was decided about an address, or a user at an
/// address, holds at all nodes.
class Bans final : public LatestTopic {
public:
    Bans(Exchange& exchange, guard::Ledger& ledger, Failures& failures)
        : LatestTopic(exchange, "bans"),
          exchange_(exchange),
          ledger_(ledger),
          failures_(failures) {}

    /// It was decided here. Nothing happens if the ledger says otherwise by now.
    void decided(const guard::Sharing::Ban& ban);

    void learn(const Entry& entry) override;

private:
    [[nodiscard]] bool is_still_so(const guard::Sharing::Ban& ban) const;

    Exchange& exchange_;
    guard::Ledger& ledger_;
    Failures& failures_;
};

}  // namespace ballast::cluster
