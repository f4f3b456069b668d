// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <cstdint>
#include <string_view>

namespace ballast::simulation {

/// What happens in one life, in order. Two lives of one seed have the same digest.
class Trace {
public:
    /// `shows`: each line is printed, too.
    Trace(const loop::Loop& loop, bool shows) : loop_(loop), began_(loop.now()), shows_(shows) {}

    void note(std::string_view who, std::string_view what);
    [[nodiscard]] std::uint64_t digest() const { return digest_; }

private:
    const loop::Loop& loop_;
    const loop::Time began_;
    const bool shows_;
    std::uint64_t digest_ = 14'695'981'039'346'656'037U;  // FNV-1a
};

}  // namespace ballast::simulation
