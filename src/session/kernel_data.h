// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "session/context.h"
#include "session/data_path.h"
#include "session/failover.h"
#include "session/login.h"

#include <cstdint>
#include <optional>

namespace ballast::session {

// Data connections that the kernel carries (`data_path`). The session has a backend.

/// Whether the listener's transfers may go through the kernel at all.
[[nodiscard]] bool may_use_kernel(const Context& context);

enum class DataMode : std::uint8_t { passive, active };
/// For the transfer that the client prepares. `is_upload`: it cannot be resumed elsewhere.
[[nodiscard]] PathFacts path_facts(const Context& context, const Failover& failover,
                                   const Login& login, DataMode mode, bool is_upload);

/// Asks the backend for a data port, and opens a way there from the port that the client will be
/// told. The client's lease is there. Afterwards there is a passage, or the reason why the data are
/// relayed. Returns the error if the backend is lost.
[[nodiscard]] loop::Task<std::optional<base::Error>> open_passive_passage(Context& context);
/// What has become of a way that was taken back.
enum class FormerWay : std::uint8_t {
    gone,   ///< it leads nobody past
    used,   ///< a connection was quicker, and was cut now
    stays,  ///< the kernel has not answered, so it may lead somebody past
};
/// Waits for the kernel's answer, if a way was taken back.
[[nodiscard]] loop::Task<FormerWay> settle_former_passage(Context& context);

/// Opens a way from a port of ours to the client's address, and sends the backend there. The same
/// otherwise.
[[nodiscard]] loop::Task<> open_active_passage(Context& context);

}  // namespace ballast::session
