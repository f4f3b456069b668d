// SPDX-License-Identifier: Apache-2.0
#include "support/counted_memory.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <malloc.h>
#include <new>

namespace {

std::atomic<std::size_t> allocated = 0;

/// glibc puts the size before each block, and rounds up.
std::size_t bytes_taken(void* block) {
    constexpr std::size_t head = 8;
    constexpr std::size_t unit = 16;
    constexpr std::size_t least = 32;
    return std::max(least, (::malloc_usable_size(block) + head + unit - 1) / unit * unit);
}

}  // namespace

namespace ballast::support {

std::size_t bytes_allocated() { return allocated; }

}  // namespace ballast::support

// Those for arrays and those that do not throw call these.

void* operator new(std::size_t size) {
    void* const block = std::malloc(std::max<std::size_t>(size, 1));
    if (block == nullptr) throw std::bad_alloc();
    allocated += bytes_taken(block);
    return block;
}

void operator delete(void* block) noexcept {
    if (block == nullptr) return;
    allocated -= bytes_taken(block);
    std::free(block);
}

void operator delete(void* block, std::size_t /*size*/) noexcept { operator delete(block); }
