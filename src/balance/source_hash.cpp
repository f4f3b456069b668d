// SPDX-License-Identifier: Apache-2.0
#include "balance/source_hash.h"

namespace ballast::balance {

std::size_t SourceHash::pick(std::span<const Candidate> ready, const Client& client) {
    return hash_.pick(ready, client.source);
}

}  // namespace ballast::balance
