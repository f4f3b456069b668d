// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "loop/loop.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ballast::net {

/// One key that encrypts and authenticates session tickets (RFC 5077 4).
struct TicketKey {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> hmac{};
    std::array<unsigned char, 32> aes{};

    TicketKey() = default;
    TicketKey(const TicketKey&) = default;
    TicketKey& operator=(const TicketKey&) = default;
    ~TicketKey();  ///< wipes it from memory

    static constexpr std::size_t bytes_count = 80;
    [[nodiscard]] static TicketKey random();
    /// All parts in their order, as in a file. The caller wipes them.
    [[nodiscard]] static TicketKey of(std::span<const unsigned char, bytes_count> bytes);
    [[nodiscard]] std::array<unsigned char, bytes_count> bytes() const;
};

/// The ticket keys of a listener. Generated keys rotate automatically, unless the balancers of a
/// cluster use the same. Keys from a file, which several balancers may share, change with the file.
/// Any thread may call.
class TicketKeys {
public:
    /// Random keys. A new one replaces the current one every `lifetime`; tickets of the previous
    /// one are still accepted.
    explicit TicketKeys(std::chrono::steady_clock::duration lifetime);
    /// Keys from a file: one per line, 80 bytes in base64 (`openssl rand -base64 80 | tr -d '\n'`).
    /// The first encrypts, all decrypt.
    [[nodiscard]] static base::Result<std::shared_ptr<TicketKeys>> load(const std::string& file);
    /// Reads the file again. An error changes nothing.
    [[nodiscard]] base::Result<> reload(const std::string& file);
    /// Uses these instead of generated ones, for keys that are not from a file. The first encrypts,
    /// all decrypt. Tickets of the keys that were used before are accepted for one more lifetime.
    /// Call it again at least once per lifetime: after two without a call, new keys are generated.
    void use(std::vector<TicketKey> keys, loop::Time now);
    /// How long a generated key encrypts. Empty: the keys are from a file.
    [[nodiscard]] std::optional<std::chrono::steady_clock::duration> lifetime() const {
        return lifetime_;
    }
    ~TicketKeys();
    TicketKeys(const TicketKeys&) = delete;
    TicketKeys& operator=(const TicketKeys&) = delete;

    /// The key for new tickets.
    [[nodiscard]] TicketKey current(loop::Time now);
    /// The key with this name, and whether its tickets should be renewed.
    struct Found {
        TicketKey key;
        bool is_old = false;
    };
    [[nodiscard]] std::optional<Found> find(const unsigned char* name);

private:
    TicketKeys() = default;
    void forget_from(std::size_t index);

    std::mutex mutex_;
    [[nodiscard]] const TicketKey* find_key(const unsigned char* name) const;
    void forget_former(loop::Time now);

    std::vector<TicketKey> keys_;    // the current one in front
    std::vector<TicketKey> former_;  // they only decrypt, until `former_until_`
    loop::Time former_until_{};
    std::optional<std::chrono::steady_clock::duration> lifetime_;
    loop::Time rotated_at_{};
};

}  // namespace ballast::net
