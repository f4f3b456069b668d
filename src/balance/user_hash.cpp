// SPDX-License-Identifier: Apache-2.0
#include "balance/user_hash.h"

namespace ballast::balance {

std::size_t UserHash::pick(std::span<const Candidate> ready, const Client& client) {
    return hash_.pick(ready, client.user);
}

}  // namespace ballast::balance
