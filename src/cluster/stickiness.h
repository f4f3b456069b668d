// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/shared_pools.h"
#include "cluster/topic.h"

#include <chrono>
#include <cstddef>
#include <string_view>
#include <vector>

namespace ballast::cluster {

/// Which backend each client had. The pools keep all of it: a stamp is the time of the client's
/// last use, and the later one counts.
class Stickiness final : public Topic {
public:
    Stickiness(Exchange& exchange, const SharedPools& pools) : exchange_(exchange), pools_(pools) {}

    [[nodiscard]] std::string_view name() const override { return "stick"; }
    [[nodiscard]] bool has_table() const override { return true; }
    void learn(const Entry& entry) override;
    [[nodiscard]] std::vector<News> take(std::size_t max) override;
    void repeat() override;

private:
    [[nodiscard]] Entry entry_of(const std::string& pool, std::chrono::milliseconds timeout,
                                 const pool::Pool::Stuck& stuck) const;

    Exchange& exchange_;
    const SharedPools& pools_;
};

}  // namespace ballast::cluster
