// SPDX-License-Identifier: Apache-2.0
#include "cluster/failures.h"

#include "base/log.h"
#include "cluster/fields.h"

#include <algorithm>

namespace ballast::cluster {

namespace {

using std::chrono::milliseconds;

/// Those that the store could not be told of in this time are only counted here.
constexpr auto told_within = std::chrono::minutes(1);
constexpr std::size_t due_max = 10'000;
constexpr std::size_t nodes_max = 1000;

}  // namespace

void Failures::failed(guard::Sharing::Failure failure) {
    if (due_.size() >= due_max) due_.pop_front();
    due_.emplace_back(exchange_.loop().now(), std::move(failure));
}

void Failures::forget(std::string_view client, std::string_view user) {
    std::erase_if(due_, [&](const auto& each) {
        return each.second.client == client && (user.empty() || each.second.user == user);
    });
}

std::vector<News> Failures::take(std::size_t max) {
    const auto now = exchange_.loop().now();
    while (!due_.empty() && now - due_.front().first > told_within) due_.pop_front();
    if (due_.empty()) return {};
    Fields fields;
    told_at_ = std::max(exchange_.clock().now(), told_at_ + milliseconds(1));
    fields.add("at", told_at_.count());
    for (std::size_t i = 0; i < max && !due_.empty(); ++i) {
        const auto& failure = due_.front().second;
        Fields one;
        one.add("client", failure.client);
        one.add("pool", failure.pool);
        one.add("user", failure.user);
        fields.add("failure", one.bytes());
        due_.pop_front();
    }
    return {Message{.node = exchange_.node(), .kind = std::string(name()), .body = fields.bytes()}};
}

void Failures::hear(const Message& message) {
    const auto fields = Fields::parse(message.body);
    const auto at = fields ? fields->number<milliseconds::rep>("at") : std::nullopt;
    if (!at || milliseconds(*at) < exchange_.clock().now() - told_within) return;
    if (!heard_at_.contains(message.node) && heard_at_.size() >= nodes_max) heard_at_.clear();
    auto& heard_at = heard_at_[message.node];
    if (milliseconds(*at) <= heard_at) return;
    heard_at = milliseconds(*at);
    const auto now = exchange_.loop().now();
    for (const auto& each : fields->all("failure")) {
        const auto failed = Fields::parse(each);
        if (!failed) continue;
        const guard::Sharing::Failure failure{.client = std::string(failed->text("client")),
                                              .pool = std::string(failed->text("pool")),
                                              .user = std::string(failed->text("user"))};
        if (ledger_.failed_elsewhere(failure, now))
            log::info("banned for failed logins at several nodes",
                      {{"client", failure.client}, {"name", failure.user}, {"node", message.node}});
    }
}

}  // namespace ballast::cluster
