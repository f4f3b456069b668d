// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/topic.h"
#include "guard/ledger.h"
#include "guard/sharing.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cluster {

/// Logins that failed: guesses at several nodes count together.
class Failures final : public Topic {
public:
    Failures(Exchange& exchange, guard::Ledger& ledger) : exchange_(exchange), ledger_(ledger) {}

    /// It failed here.
    void failed(guard::Sharing::Failure failure);
    /// A ban of this address, or of this user there, was lifted: what failed before does not count.
    void forget(std::string_view client, std::string_view user);

    /// A node has gone. Another one may have its name.
    void forget_node(const std::string& node) { heard_at_.erase(node); }

    [[nodiscard]] std::string_view name() const override { return "failures"; }
    [[nodiscard]] bool has_table() const override { return false; }
    void hear(const Message& message) override;
    [[nodiscard]] std::vector<News> take(std::size_t max) override;

private:
    Exchange& exchange_;
    guard::Ledger& ledger_;
    std::deque<std::pair<loop::Time, guard::Sharing::Failure>> due_;
    std::chrono::milliseconds told_at_{};
    /// By node. A message may come twice, and the second one does not count.
    std::map<std::string, std::chrono::milliseconds> heard_at_;
};

}  // namespace ballast::cluster
