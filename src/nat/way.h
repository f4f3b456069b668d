// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <cstdint>

namespace ballast::nat {

/// One data connection that the kernel shall carry: whoever has `from` and connects to `at` reaches
/// `to`, which sees the connection come from `source`. All addresses have one family.
struct Way {
    base::Ip from;
    base::Address at;      ///< an address and a port of this machine
    base::Address to;      ///< the other end
    base::Address source;  ///< an address of this machine; port 0: the one of `from`, if it is free

    friend bool operator==(const Way&, const Way&) = default;
};

/// A connection as the one who opened it named its ends.
struct Ends {
    base::Address from;
    base::Address at;

    friend bool operator==(const Ends&, const Ends&) = default;
};

}  // namespace ballast::nat
