// SPDX-License-Identifier: Apache-2.0
#include "admin/tokens.h"

#include "base/ascii.h"
#include "net/sha256.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::admin {

namespace {

constexpr std::string_view how_to_make = "make one with: openssl rand -base64 32";

std::string digest_of(std::string_view token) {
    net::Sha256 digest;
    digest.add(token);
    return digest.hex();
}

/// Takes the same time for all texts of this length.
bool are_equal(std::string_view one, std::string_view other) {
    unsigned difference = one.size() == other.size() ? 0 : 1;
    for (std::size_t i = 0; i < std::min(one.size(), other.size()); ++i)
        difference |= static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(other[i]);
    return difference == 0;
}

bool is_visible(char c) { return '!' <= c && c <= '~'; }

}  // namespace

std::expected<Tokens, config::Refusal> Tokens::parse(std::string_view text) {
    Tokens tokens;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto token = base::trimmed(text.substr(0, end), " \t\r");
        text.remove_prefix(std::min(end + 1, text.size()));
        if (token.empty() || token.starts_with('#')) continue;
        // The text itself is a secret, even if it is not a good one.
        if (token.size() < bytes_min || token.size() > bytes_max)
            return std::unexpected(
                config::Refusal{fmt::format("line {} has a token of {} bytes, not {} to {}", number,
                                            token.size(), bytes_min, bytes_max),
                                std::string(how_to_make)});
        if (!std::ranges::all_of(token, is_visible))
            return std::unexpected(config::Refusal{
                fmt::format("line {} has a token with a blank or another character that HTTP "
                            "cannot carry",
                            number),
                std::string(how_to_make)});
        tokens.digests_.push_back(digest_of(token));
    }
    if (tokens.is_empty())
        return std::unexpected(config::Refusal{"there is no token", std::string(how_to_make)});
    return tokens;
}

bool Tokens::hold(std::string_view token) const {
    const auto digest = digest_of(token);
    bool is_here = false;
    for (const auto& each : digests_) is_here |= are_equal(each, digest);
    return is_here;
}

std::string fingerprint_of(std::string_view token) {
    constexpr std::size_t digits = 12;
    return digest_of(token).substr(0, digits);
}

}  // namespace ballast::admin
