// SPDX-License-Identifier: Apache-2.0
#include "balance/first.h"

#include <cassert>

namespace ballast::balance {

std::size_t First::pick([[maybe_unused]] std::span<const Candidate> ready,
                        const Client& /*client*/) {
    assert(!ready.empty());
    return 0;
}

}  // namespace ballast::balance
