// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <system_error>
#include <vector>

struct nlmsghdr;  // NOLINT(readability-identifier-naming)

namespace ballast::nat {

/// Messages to nf_tables that the kernel applies together or not at all, and its answer. Knows no
/// socket.
class Batch {
public:
    /// `sequence` numbers the messages of one socket and outlives the batch.
    explicit Batch(std::uint32_t& sequence);

    /// `build` adds the payload.
    void add(std::uint16_t type, std::uint16_t flags, const std::function<void(nlmsghdr*)>& build);
    /// The kernel acknowledges the last message, and so all of them.
    void end();
    [[nodiscard]] std::span<const char> bytes() const { return {bytes_.data(), used_}; }

    /// Hears what the kernel has sent to the socket with this port id. Late answers to other
    /// batches are not heard. True: the kernel has said its last word, see `refusal`.
    [[nodiscard]] bool hear(std::span<const char> messages, std::uint32_t port);
    /// The first error; none if all was applied.
    [[nodiscard]] std::error_code refusal() const { return refusal_; }

private:
    [[nodiscard]] nlmsghdr* at(std::size_t offset);
    void place(const std::function<void(char*)>& build);

    std::uint32_t& sequence_;
    std::vector<char> bytes_;
    std::size_t used_ = 0;
    std::size_t last_ = 0;
    std::uint32_t begun_ = 0;    // an error of this message is one of the whole batch
    std::uint32_t awaited_ = 0;  // the last one
    std::error_code refusal_;
};

}  // namespace ballast::nat
