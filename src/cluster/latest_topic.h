// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/latest.h"
#include "cluster/topic.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cluster {

/// A topic of which only the latest for each key matters.
class LatestTopic : public Topic {
public:
    [[nodiscard]] std::string_view name() const final { return table_; }
    [[nodiscard]] bool has_table() const final { return true; }
    void beat() override { latest_.tidy(); }
    [[nodiscard]] std::vector<News> take(std::size_t max) final { return latest_.take(max); }
    void loading() final { latest_.loading(); }
    void loaded() final { latest_.loaded(); }
    void repeat() final { latest_.repeat(); }
    void shift(std::chrono::milliseconds by) final { latest_.shift(by); }

protected:
    /// `table` is a literal.
    LatestTopic(const Exchange& exchange, std::string_view table)
        : table_(table), latest_(exchange, std::string(table)) {}
    [[nodiscard]] Latest& latest() { return latest_; }
    [[nodiscard]] const Latest& latest() const { return latest_; }

private:
    const std::string_view table_;
    Latest latest_;
};

}  // namespace ballast::cluster
