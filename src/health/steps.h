// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "base/error.h"
#include "config/config.h"
#include "health/probe_record.h"
#include "loop/loop.h"
#include "loop/task.h"

#include <optional>
#include <string>

/// The steps of a probe of type `login`, one after the other. Each failure names its step: "list:
/// LIST was answered 550 No such directory". A step has no timeout besides the leg's; the whole
/// probe has one.
namespace ballast::health {

/// What the backend reports about the canary file besides its content (RFC 3659). Empty where it
/// reports nothing.
struct CanaryFacts {
    std::string size;
    std::string time;

    friend bool operator==(const CanaryFacts&, const CanaryFacts&) = default;
};

[[nodiscard]] loop::Task<base::Result<>> log_in(backend::Leg& leg, const std::string& user,
                                                const std::string& password);
/// The steps after the login that the settings ask for. `signal` is the leg's. `times` gets each
/// step that is done.
[[nodiscard]] loop::Task<base::Result<std::optional<CanaryFacts>>> ask_further(
    backend::Leg& leg, const config::Probe& settings, loop::Signal& signal, StepTimes& times);

}  // namespace ballast::health
