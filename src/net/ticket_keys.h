// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "loop/loop.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace ballast::net {

/// One key that session tickets are encrypted and authenticated with (RFC 5077 4).
struct TicketKey {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> hmac{};
    std::array<unsigned char, 32> aes{};

    TicketKey() = default;
    TicketKey(const TicketKey&) = default;
    TicketKey& operator=(const TicketKey&) = default;
    ~TicketKey();  ///< leaves nothing of it in memory
};

/// The keys of the tickets that a listener hands out. Those made here rotate by themselves; those
/// of a file, which several balancers may share, change when the file does. Any thread may call.
class TicketKeys {
public:
    /// Made at random; a new one takes over each `lifetime`, and tickets of the one before are
    /// still accepted.
    explicit TicketKeys(std::chrono::steady_clock::duration lifetime);
    /// From a file: a key a line, 80 bytes in base64 (`openssl rand -base64 80 | tr -d '\n'`). The
    /// first encrypts, all decrypt.
    [[nodiscard]] static base::Result<std::shared_ptr<TicketKeys>> load(const std::string& file);
    /// Reads the file anew; on an error nothing has changed.
    [[nodiscard]] base::Result<> reload(const std::string& file);
    ~TicketKeys();
    TicketKeys(const TicketKeys&) = delete;
    TicketKeys& operator=(const TicketKeys&) = delete;

    /// The key for new tickets.
    [[nodiscard]] TicketKey current(loop::Time now);
    /// The key of that name, and whether its tickets should be replaced by new ones.
    struct Found {
        TicketKey key;
        bool is_old = false;
    };
    [[nodiscard]] std::optional<Found> find(const unsigned char* name);

private:
    TicketKeys() = default;
    void forget_from(std::size_t index);

    std::mutex mutex_;
    std::vector<TicketKey> keys_;  // the current one in front
    std::optional<std::chrono::steady_clock::duration> lifetime_;
    loop::Time rotated_at_{};
};

}  // namespace ballast::net
