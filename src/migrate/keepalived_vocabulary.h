// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/report.h"

#include <string>
#include <string_view>

/// The words of keepalived.conf, and what becomes of those that stand for nothing in Ballast.
namespace ballast::migrate {

/// A word where it may stand.
struct Vocable {
    std::string_view context;  ///< the block around it, such as "vrrp_instance"; empty: none
    std::string_view words;    ///< one or more, separated by spaces
    Outcome outcome;           ///< unless something is known that depends on its value
    std::string_view text;
    /// The context of its block. Empty: what is in the block is not directives but a list.
    std::string_view inside = {};
};

/// Null if keepalived does not know the word there.
[[nodiscard]] const Vocable* find_vocable(std::string_view context, std::string_view word);

}  // namespace ballast::migrate
