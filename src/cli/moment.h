// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::cli {

using Moment = std::chrono::sys_time<std::chrono::milliseconds>;

/// "2026-11-29T23:05:07.123Z", as the daemon writes it (RFC 3339). Empty: it is something else.
[[nodiscard]] std::optional<Moment> moment_of(std::string_view text);
/// How long ago it was, as "4m05s"; empty if the text is no moment.
[[nodiscard]] std::string age_text(std::string_view moment, Moment now);
[[nodiscard]] Moment now();

/// What somebody means by "14:03" or "14:03:05" (today or yesterday, in local time), "2026-11-29
/// 14:03" (likewise), or "90s", "15m", "2h", "3d" (ago). Empty: something else, such as RFC 3339.
[[nodiscard]] std::optional<Moment> moment_meant(std::string_view said, Moment now);

}  // namespace ballast::cli
