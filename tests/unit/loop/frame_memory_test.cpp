// SPDX-License-Identifier: Apache-2.0
#include "loop/frame_memory.h"

#include "loop/job.h"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <new>
#include <set>
#include <thread>
#include <type_traits>
#include <vector>

namespace ballast::loop {
namespace {

#if __has_feature(address_sanitizer)
constexpr bool keeps_frames = false;
#else
constexpr bool keeps_frames = true;
#endif

TEST(FrameMemory, is_used_again_by_a_frame_of_its_size) {
    void* const first = take_frame(1000);
    give_frame_back(first, 1000);
    void* const second = take_frame(1000);
    if (keeps_frames) EXPECT_EQ(second, first);
    give_frame_back(second, 1000);
}

TEST(FrameMemory, has_room_for_every_size_and_is_aligned) {
    std::vector<std::pair<void*, std::size_t>> frames;
    std::set<void*> apart;
    for (int round = 0; round < 2; ++round) {
        for (std::size_t bytes = 1; bytes < 6000; bytes += 7) {
            void* const frame = take_frame(bytes);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                      0U);
            std::memset(frame, 0x5a, bytes);
            frames.emplace_back(frame, bytes);
            apart.insert(frame);
        }
        EXPECT_EQ(apart.size(), frames.size());
        for (const auto& [frame, bytes] : frames) give_frame_back(frame, bytes);
        frames.clear();
        apart.clear();
    }
}

TEST(FrameMemory, may_be_given_back_on_another_thread) {
    std::array<void*, 100> frames{};
    for (auto& frame : frames) frame = take_frame(500);
    std::thread([&] {
        for (void* const frame : frames) give_frame_back(frame, 500);
        for (auto& frame : frames) frame = take_frame(500);
    }).join();
    for (void* const frame : frames) give_frame_back(frame, 500);
}

Task<> nothing() { co_return; }

static_assert(std::is_base_of_v<InFrameMemory, Task<>::promise_type>);
static_assert(std::is_base_of_v<InFrameMemory, Task<int>::promise_type>);

TEST(FrameMemory, is_what_tasks_and_jobs_use) {
    for (int i = 0; i < 1000; ++i) {
        const auto job = Job::start(nothing());
        EXPECT_TRUE(job.is_done());
    }
}

}  // namespace
}  // namespace ballast::loop
