// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/words.h"

#include <algorithm>
#include <string_view>

/// The words of syslog in other programs' files, as Ballast's log knows them.
namespace ballast::migrate {

/// Whether Ballast's log has this facility. In lower case.
[[nodiscard]] constexpr bool is_facility(std::string_view word) {
    constexpr auto& words = config::words_of<config::log_facilities>;
    return std::ranges::find(words, word) != words.end();
}

/// Ballast's word for a level of syslog, in lower case.
[[nodiscard]] constexpr std::string_view level_of(std::string_view level) {
    if (level == "debug") return "debug";
    if (level == "info" || level == "notice") return "info";
    if (level == "warn" || level == "warning") return "warning";
    return "error";
}

}  // namespace ballast::migrate
