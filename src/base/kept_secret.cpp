// SPDX-License-Identifier: Apache-2.0
#include "base/kept_secret.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace ballast::base {

namespace {

/// Memory is locked by whole pages, so ordinary passwords share one.
constexpr std::size_t slot_bytes = 128;
constexpr std::size_t block_bytes = std::size_t{16} << 10;

/// Null: the system locks no more.
char* lock(std::size_t bytes) {
    void* const memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    // A kernel without one of the two hints does no harm.
    (void)::madvise(memory, bytes, MADV_DONTDUMP);
    (void)::madvise(memory, bytes, MADV_WIPEONFORK);
    if (::mlock(memory, bytes) == 0) return static_cast<char*>(memory);
    ::munmap(memory, bytes);
    return nullptr;
}

std::size_t whole_pages(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
}

/// The slots that nobody uses. Blocks stay locked: the next sessions need them.
class Slots {
public:
    char* take() {
        const std::scoped_lock lock(mutex_);
        if (free_.empty() && !grow()) return nullptr;
        char* const slot = free_.back();
        free_.pop_back();
        return slot;
    }
    void give_back(char* slot) {
        const std::scoped_lock lock(mutex_);
        free_.push_back(slot);  // `grow` has made room
    }

private:
    bool grow() {
        constexpr auto more = block_bytes / slot_bytes;
        free_.reserve(total_ + more);
        char* const block = base::lock(block_bytes);
        if (block == nullptr) return false;
        total_ += more;
        for (std::size_t at = 0; at < block_bytes; at += slot_bytes) free_.push_back(block + at);
        return true;
    }

    std::mutex mutex_;
    std::vector<char*> free_;
    std::size_t total_ = 0;
};

/// Never destroyed: sessions may end after the main function.
Slots& slots() {
    static auto* const all = new Slots;
    return *all;
}

}  // namespace

std::optional<KeptSecret> KeptSecret::keep(std::string_view secret) {
    const bool is_long = secret.size() > slot_bytes;
    char* const memory = is_long ? lock(whole_pages(secret.size())) : slots().take();
    if (memory == nullptr) return std::nullopt;
    std::ranges::copy(secret, memory);
    return KeptSecret(memory, secret.size());
}

KeptSecret::~KeptSecret() {
    if (memory_ == nullptr) return;
    ::explicit_bzero(memory_, size_);
    if (size_ > slot_bytes)
        ::munmap(memory_, whole_pages(size_));
    else
        slots().give_back(memory_);
}

}  // namespace ballast::base
