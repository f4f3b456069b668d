// SPDX-License-Identifier: Apache-2.0
#include "session/throttle.h"

#include "ftp/telnet.h"

#include <fmt/format.h>
#include <vector>

namespace ballast::session {

guard::Throttle throttle_of(const Context& context, std::string_view routed_pool,
                            std::string_view user) {
    auto& ledger = context.ledger();
    const auto& settings = context.settings;
    const auto& backend = context.assignment.backend();
    const auto& pool = context.assignment.settings().name;
    std::vector<std::shared_ptr<guard::Bandwidth>> shares = {
        context.bandwidth, ledger.bandwidth("listener " + settings.name, settings.bandwidth),
        ledger.bandwidth(fmt::format("backend {} {}", pool, backend.name),
                         backend.settings->bandwidth)};
    if (!user.empty())
        shares.push_back(ledger.bandwidth(
            fmt::format("user {} {}", routed_pool, std::string_view(ftp::without_telnet(user))),
            ledger.rules().limits->user_bandwidth));
    std::erase(shares, nullptr);
    return guard::Throttle(std::move(shares));
}

}  // namespace ballast::session
