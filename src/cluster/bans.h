// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/failures.h"
#include "cluster/latest.h"
#include "cluster/topic.h"
#include "guard/ledger.h"
#include "guard/sharing.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cluster {

/// Bans, and that they were lifted. The latest that was decided about an address, or a user at an
/// address, holds at all nodes.
class Bans final : public Topic {
public:
    Bans(Exchange& exchange, guard::Ledger& ledger, Failures& failures)
        : exchange_(exchange),
          ledger_(ledger),
          failures_(failures),
          latest_(exchange, std::string(table)) {}

    /// It was decided here. Nothing happens if the ledger says otherwise by now.
    void decided(const guard::Sharing::Ban& ban);

    [[nodiscard]] std::string_view name() const override { return table; }
    [[nodiscard]] bool has_table() const override { return true; }
    void learn(const Entry& entry) override;
    void beat() override { latest_.tidy(); }
    [[nodiscard]] std::vector<News> take(std::size_t max) override { return latest_.take(max); }
    void loading() override { latest_.loading(); }
    void loaded() override { latest_.loaded(); }
    void repeat() override { latest_.repeat(); }
    void shift(std::chrono::milliseconds by) override { latest_.shift(by); }

private:
    static constexpr std::string_view table = "bans";

    [[nodiscard]] bool is_still_so(const guard::Sharing::Ban& ban) const;

    Exchange& exchange_;
    guard::Ledger& ledger_;
    Failures& failures_;
    Latest latest_;
};

}  // namespace ballast::cluster
