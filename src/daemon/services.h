// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/worker.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::daemon {

/// What new clients get, by the name of their listener. It can be replaced at any time; sessions
/// keep what they began with. Any thread may call.
class Services {
public:
    /// Replaces all services at once. The socket sets `begins_with_tls`, not the service.
    using ByListener = std::map<std::string, Worker::Service, std::less<>>;
    void set(ByListener services) {
        auto set = std::make_shared<const ByListener>(std::move(services));
        const std::lock_guard lock(mutex_);
        std::swap(services_, set);
    }
    /// Empty if there is no listener with this name any more.
    [[nodiscard]] std::optional<Worker::Service> find(std::string_view listener) const {
        const auto services = [&] {
            const std::lock_guard lock(mutex_);
            return services_;
        }();
        const auto found = services->find(listener);
        if (found == services->end()) return std::nullopt;
        return found->second;
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const ByListener> services_ = std::make_shared<const ByListener>();
};

}  // namespace ballast::daemon
