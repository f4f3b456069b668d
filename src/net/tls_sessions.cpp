// SPDX-License-Identifier: Apache-2.0
#include "net/tls_sessions.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace ballast::net {

namespace {

/// For as many logins at once as resume.
constexpr std::size_t kept_max = 8;
/// How long a certificate that has been verified counts.
constexpr std::chrono::minutes verified_for{10};

}  // namespace

TlsSessions::TlsSessions() { kept_.reserve(kept_max); }

void TlsSessions::keep(Kept kept) noexcept {
    const std::lock_guard lock(mutex_);
    if (kept_.size() == kept_max) kept_.erase(kept_.begin());
    kept_.push_back(std::move(kept));
}

std::optional<TlsSessions::Kept> TlsSessions::take(const base::Address& server, Time now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(kept_, [&](const Kept& each) { return now - each.verified_at >= verified_for; });
    const auto found = std::find_if(kept_.rbegin(), kept_.rend(),
                                    [&](const Kept& each) { return each.server == server; });
    if (found == kept_.rend()) return std::nullopt;
    auto taken = std::move(*found);
    kept_.erase(std::next(found).base());
    return taken;
}

}  // namespace ballast::net
