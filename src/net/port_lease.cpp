// SPDX-License-Identifier: Apache-2.0
#include "net/port_lease.h"

namespace ballast::net {

PortLease::~PortLease() { ports_.give_back(key_, client_, lent_.id, loop_.now()); }

bool PortLease::has_expired() const {
    return !has_come_ && !is_kept_ && loop_.now() >= lent_.until;
}

bool PortLease::keep() {
    if (has_expired()) return false;
    is_kept_ = true;
    ports_.keep(key_, client_, lent_.id, loop::never);
    return true;
}

void PortLease::keep_no_longer() {
    is_kept_ = false;
    ports_.keep(key_, client_, lent_.id, lent_.until);
}

void PortLease::end_elsewhere() {
    has_come_ = true;
    ports_.end_elsewhere(key_, client_, lent_.id);
}

void PortLease::note_arrival() {
    has_come_ = true;
    if (signal_ != nullptr) signal_->raise();
}

}  // namespace ballast::net
