// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace ballast::base {

/// A password that is kept for later: in memory that is never swapped to disk, is left out of core
/// dumps, and is overwritten when the object is destroyed. Any thread may call.
class KeptSecret {
public:
    KeptSecret() = default;
    /// Empty if the system locks no more memory (RLIMIT_MEMLOCK). 10,000 passwords of ordinary
    /// length take 1.3 MiB.
    [[nodiscard]] static std::optional<KeptSecret> keep(std::string_view secret);

    KeptSecret(KeptSecret&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    KeptSecret& operator=(KeptSecret&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~KeptSecret();
    KeptSecret(const KeptSecret&) = delete;
    KeptSecret& operator=(const KeptSecret&) = delete;

    [[nodiscard]] std::string_view view() const { return {memory_, size_}; }

private:
    KeptSecret(char* memory, std::size_t size) : memory_(memory), size_(size) {}

    char* memory_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ballast::base
