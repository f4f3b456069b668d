// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

/// Memory for the frames of coroutines. A command runs through a dozen of them, always the same,
/// so each thread keeps what has been given back, up to a limit, and a command needs no allocation
/// for them. Memory may be given back on another thread. What a thread keeps when it ends is lost.
///
/// Under the address sanitizer nothing is kept, so that it sees frames that are used after their
/// end.
namespace ballast::loop {

/// Throws `std::bad_alloc`.
[[nodiscard]] void* take_frame(std::size_t bytes);
/// `bytes` as in `take_frame`.
void give_frame_back(void* frame, std::size_t bytes) noexcept;

/// The base of a promise whose coroutine's frame is there.
struct InFrameMemory {
    static void* operator new(std::size_t bytes) { return take_frame(bytes); }
    static void operator delete(void* frame, std::size_t bytes) { give_frame_back(frame, bytes); }
};

}  // namespace ballast::loop
