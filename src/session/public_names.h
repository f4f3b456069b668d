// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::session {

/// The current addresses of the host names in `public_address`. The daemon's lookups write it,
/// sessions read it at each PASV. Any thread may call.
class PublicNames {
public:
    void set(const std::string& name, const base::Ip& address) {
        const std::lock_guard lock(mutex_);
        addresses_.insert_or_assign(name, address);
    }
    /// Empty: no lookup has found an address yet.
    [[nodiscard]] std::optional<base::Ip> find(std::string_view name) const {
        const std::lock_guard lock(mutex_);
        const auto found = addresses_.find(name);
        if (found == addresses_.end()) return std::nullopt;
        return found->second;
    }

    [[nodiscard]] std::map<std::string, base::Ip, std::less<>> all() const {
        const std::lock_guard lock(mutex_);
        return addresses_;
    }

private:
    mutable std::mutex mutex_;
    std::map<std::string, base::Ip, std::less<>> addresses_;
};

}  // namespace ballast::session
