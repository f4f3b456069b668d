// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace ballast::net {

/// What all nodes of a cluster know and the store does not. Seals what they keep there, and turns
/// names into digests that nobody else can compute. Any thread may call.
class Secret {
public:
    /// From a file with at least 32 random bytes in base64. Clusters of different names that use
    /// the same file have different keys.
    [[nodiscard]] static base::Result<std::shared_ptr<const Secret>> load(const std::string& file,
                                                                          std::string_view cluster);
    /// The same from the file's text. `file` is for the error alone.
    [[nodiscard]] static base::Result<std::shared_ptr<const Secret>> parse(std::string_view text,
                                                                           std::string_view cluster,
                                                                           const std::string& file);
    ~Secret();  ///< wipes it from memory
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;

    /// Encrypts and authenticates. `place` says where it belongs, and is authenticated too: what
    /// was sealed for one place does not open at another.
    [[nodiscard]] std::string seal(std::string_view clear, std::string_view place) const;

    enum class Refusal : std::uint8_t {
        unknown_format,  ///< of a newer version
        another_secret,  ///< sealed with another secret, or for another cluster
        forged,          ///< changed since, cut off, or sealed for another place
    };
    [[nodiscard]] std::expected<std::string, Refusal> open(std::string_view sealed,
                                                           std::string_view place) const;

    /// A keyed hash of `text` as 32 lower-case hexadecimal digits: equal for equal texts.
    [[nodiscard]] std::string digest(std::string_view text) const;
    /// The first 64 bits of `digest`.
    [[nodiscard]] std::uint64_t short_digest(std::string_view text) const;

private:
    using Key = std::array<unsigned char, 32>;
    Secret() = default;

    Key sealing_{};
    Key hashing_{};
    std::array<unsigned char, 4> id_{};  // tells this secret from others in what is sealed
};

}  // namespace ballast::net
