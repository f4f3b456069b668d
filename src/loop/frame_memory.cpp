// SPDX-License-Identifier: Apache-2.0
#include "loop/frame_memory.h"

#include <array>
#include <cstdint>
#include <new>

namespace ballast::loop {

namespace {

#if defined(__SANITIZE_ADDRESS__)
#define BALLAST_KEEPS_NO_FRAMES
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BALLAST_KEEPS_NO_FRAMES
#endif
#endif

#ifdef BALLAST_KEEPS_NO_FRAMES
constexpr bool keeps_frames = false;
#else
constexpr bool keeps_frames = true;
#endif

/// Frames of one size class lie on one list.
constexpr std::size_t step_bytes = 16;
constexpr std::size_t classes = 256;
/// Each thread keeps this many of each class.
constexpr std::uint8_t kept_max = 16;

struct Kept {
    Kept* next;
};

struct Lists {
    std::array<Kept*, classes> first{};
    std::array<std::uint8_t, classes> count{};
};

constinit thread_local Lists lists;

std::size_t class_of(std::size_t bytes) { return (bytes + step_bytes - 1) / step_bytes; }

}  // namespace

void* take_frame(std::size_t bytes) {
    const auto size = class_of(bytes);
    if (!keeps_frames || size >= classes) return ::operator new(bytes);
    auto*& first = lists.first[size];
    if (first == nullptr) return ::operator new(size * step_bytes);
    auto* const taken = first;
    first = taken->next;
    --lists.count[size];
    return taken;
}

void give_frame_back(void* frame, std::size_t bytes) noexcept {
    const auto size = class_of(bytes);
    if (!keeps_frames || size >= classes || lists.count[size] == kept_max)
        return ::operator delete(frame);
    lists.first[size] = ::new (frame) Kept{lists.first[size]};
    ++lists.count[size];
}

}  // namespace ballast::loop
