// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "health/steps.h"
#include "pool/pool.h"

#include <map>
#include <string>

namespace ballast::health {

/// Backends of one pool serve the same files. Where the canary's size or time differ between two of
/// them they do not, and that is said: once, and again only when the picture has changed.
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
