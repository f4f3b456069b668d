// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "base/error.h"
#include "config/config.h"
#include "loop/loop.h"
#include "loop/task.h"

#include <optional>
#include <string>

/// The questions that a probe of type `login` puts to a backend, one after the other. Each failure
/// names its step: "list: LIST was answered 550 No such directory". None has a time-out of its own
/// beside the leg's: the probe as a whole has one.
namespace ballast::health {

/// What the backend says of the canary file beside its content (RFC 3659); empty where it does not.
struct CanaryFacts {
    std::string size;
    std::string time;

    friend bool operator==(const CanaryFacts&, const CanaryFacts&) = default;
};

[[nodiscard]] loop::Task<base::Result<>> log_in(backend::Leg& leg, const std::string& user,
                                                const std::string& password);
/// What comes after the log-in, as the settings say; `signal` is the leg's.
[[nodiscard]] loop::Task<base::Result<std::optional<CanaryFacts>>> ask_further(
    backend::Leg& leg, const config::Probe& settings, loop::Signal& signal);

}  // namespace ballast::health
