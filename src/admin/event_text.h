// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "events/event.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace ballast::admin {

/// An event as JSON: its id, time, kind, and fields.
[[nodiscard]] std::string to_json(const events::Event& event);
/// "PROCESS-NUMBER": unique among the events of all processes.
[[nodiscard]] std::string id_of(const events::Event& event);
/// The number behind which a client goes on that has seen this id last. Ids of other processes, and
/// texts that are no ids, lead to the first event that is kept.
[[nodiscard]] std::uint64_t number_from(std::string_view id);

}  // namespace ballast::admin
