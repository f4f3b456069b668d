// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/haproxy_words.h"

#include <expected>
#include <string>
#include <string_view>

namespace ballast::migrate::haproxy {

/// The version that conditions of a file are told. It is the last one with long-term support whose
/// defaults are those of the files that are around.
constexpr std::string_view assumed_version = "3.2.0";

/// The value of what stands behind `.if` or `.elif`, or why it has none. Predicates about the
/// program (features, OpenSSL, pollers) are true, and those about its version are answered for
/// `assumed_version`.
[[nodiscard]] std::expected<bool, std::string> evaluate(std::string_view condition,
                                                        const Environment& environment);

}  // namespace ballast::migrate::haproxy
