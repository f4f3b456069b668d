// SPDX-License-Identifier: Apache-2.0
#include "pool/transfer_scope.h"

#include <utility>

namespace ballast::pool {

TransferScope::TransferScope(std::shared_ptr<Traffic> traffic) : traffic_(std::move(traffic)) {
    if (traffic_) ++traffic_->transfers;
}

TransferScope& TransferScope::operator=(TransferScope&& other) noexcept {
    if (this == &other) return *this;
    end();
    traffic_ = std::move(other.traffic_);
    return *this;
}

TransferScope::~TransferScope() { end(); }

void TransferScope::end() {
    if (!traffic_) return;
    --traffic_->transfers;
    traffic_.reset();
}

std::shared_ptr<ByteCount> TransferScope::bytes(metrics::Direction direction) const {
    if (!traffic_) return nullptr;
    return {traffic_, &traffic_->figures.bytes_of(direction)};
}

}  // namespace ballast::pool
