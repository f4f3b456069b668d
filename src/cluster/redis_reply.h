// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;  // NOLINT: a name of hiredis

namespace ballast::cluster {

/// What a Redis-compatible store answers (RESP2).
struct RedisReply {
    enum class Kind : std::uint8_t {
        nothing,  ///< there is no such key, or nothing came in time
        text,
        error,  ///< `text` begins with a word in capitals: "OOM command not allowed"
        number,
        list,
    };
    Kind kind = Kind::nothing;
    std::string text;
    std::int64_t number = 0;
    std::vector<RedisReply> list;

    [[nodiscard]] bool is(Kind of) const { return kind == of; }
};

/// Finds replies in what a store sends. No I/O. A store that lies about sizes, or never ends its
/// reply, costs at most `bytes_max` of memory, and `elements_max` replies within one.
class RedisReplyReader {
public:
    static constexpr std::size_t bytes_max = 40UL << 20;
    static constexpr std::size_t elements_max = 100'000;

    RedisReplyReader();

    enum class Refusal : std::uint8_t {
        malformed,  ///< not RESP2, or nested too deeply
        too_long,
    };
    void feed(std::string_view bytes);
    /// The next whole reply of what was fed. Empty: feed more. A refusal is for ever.
    [[nodiscard]] std::expected<std::optional<RedisReply>, Refusal> next();
    /// Whether all that was fed has been returned by `next`.
    [[nodiscard]] bool is_empty() const;

private:
    struct Free {
        void operator()(redisReader* reader) const noexcept;
    };
    [[nodiscard]] Refusal refuse(Refusal refusal);

    std::unique_ptr<redisReader, Free> reader_;
    std::unique_ptr<std::size_t> elements_;  // of the reply that has begun; known to the callbacks
    std::size_t bytes_ = 0;                  // fed since the last whole reply
    std::optional<Refusal> refusal_;
};

}  // namespace ballast::cluster
