// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/refusal.h"

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::admin {

/// Bearer tokens (RFC 6750), kept as digests: a token cannot leak from here, and comparing takes
/// the same time whatever is wrong with one.
class Tokens {
public:
    static constexpr std::size_t bytes_min = 16;
    static constexpr std::size_t bytes_max = 512;

    /// One token in each line. Empty lines and those that begin with "#" do not count. At least one
    /// token is needed.
    [[nodiscard]] static std::expected<Tokens, config::Refusal> parse(std::string_view text);

    [[nodiscard]] bool hold(std::string_view token) const;
    [[nodiscard]] bool is_empty() const { return digests_.empty(); }

    friend bool operator==(const Tokens&, const Tokens&) = default;

private:
    std::vector<std::string> digests_;
};

/// Tells one token from another in the log, without giving it away: the first 12 digits of its
/// SHA-256.
[[nodiscard]] std::string fingerprint_of(std::string_view token);

}  // namespace ballast::admin
