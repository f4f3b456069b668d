// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "health/steps.h"
#include "pool/pool.h"

#include <map>
#include <string>

namespace ballast::health {

/// Backends of one pool should serve the same files. If the canary's size or time differs between
/// two of them, they do not. This is logged once, and again only when the picture changes.
class Divergence {
public:
    void note(const pool::Pool& pool, const std::string& backend, const CanaryFacts& facts);

private:
    struct Seen {
        std::map<std::string, CanaryFacts> facts;  // by the backend's name
        std::string said;                          // empty: they agree
    };
    std::map<std::string, Seen> pools_;  // by name
};

}  // namespace ballast::health
