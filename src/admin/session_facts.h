// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/facts.h"
#include "loop/loop.h"
#include "session/view.h"

#include <optional>

namespace ballast::admin {

/// The same moment on both clocks.
struct Now {
    loop::Time loop;
    Moment wall;

    [[nodiscard]] Moment wall_of(loop::Time time) const {
        return wall + std::chrono::duration_cast<Moment::duration>(time - loop);
    }
};

[[nodiscard]] SessionState state_of(const session::View& view, const Now& now);
/// Empty: the session transfers nothing now.
[[nodiscard]] std::optional<TransferState> transfer_of(const session::View& view, const Now& now);

}  // namespace ballast::admin
