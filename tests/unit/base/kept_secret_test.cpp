// SPDX-License-Identifier: Apache-2.0
#include "base/kept_secret.h"

#include <cstdint>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace {

using ballast::base::KeptSecret;

/// The VmFlags (proc(5)) of the mapping that holds this address.
std::string flags_of(const void* address) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);  // NOLINT: to compare
    std::ifstream smaps("/proc/self/smaps");
    bool is_inside = false;
    for (std::string line; std::getline(smaps, line);) {
        const auto dash = line.find('-');
        const auto blank = line.find(' ');
        if (dash != std::string::npos && dash < blank && line.find(':') > blank) {
            const auto begin = std::stoull(line.substr(0, dash), nullptr, 16);
            const auto end = std::stoull(line.substr(dash + 1, blank - dash - 1), nullptr, 16);
            is_inside = begin <= wanted && wanted < end;
        }
        if (is_inside && line.starts_with("VmFlags:")) return line + ' ';
    }
    return {};
}

/// The sanitizers turn mlock(2) into nothing. The end-to-end tests look at a program without them.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool can_lock = false;
#else
constexpr bool can_lock = true;
#endif

TEST(KeptSecret, is_kept_and_moved) {
    auto secret = KeptSecret::keep("PASS s3cret");
    ASSERT_TRUE(secret);
    EXPECT_EQ(secret->view(), "PASS s3cret");
    const auto* const place = secret->view().data();
    KeptSecret other = std::move(*secret);
    EXPECT_EQ(other.view(), "PASS s3cret");
    EXPECT_EQ(other.view().data(), place);
    EXPECT_TRUE(KeptSecret().view().empty());
}

TEST(KeptSecret, is_in_memory_that_is_neither_swapped_nor_dumped) {
    for (const auto size :
         {std::size_t{1}, std::size_t{128}, std::size_t{129}, std::size_t{9000}}) {
        const auto secret = KeptSecret::keep(std::string(size, 'x'));
        ASSERT_TRUE(secret) << size;
        const auto flags = flags_of(secret->view().data());
        EXPECT_EQ(flags.contains(" lo "), can_lock) << size << flags;
        EXPECT_TRUE(flags.contains(" dd ")) << size << flags;
    }
}

TEST(KeptSecret, leaves_nothing_behind) {
    auto secret = KeptSecret::keep("PASS s3cret");
    ASSERT_TRUE(secret);
    const auto place = secret->view();
    secret.reset();
    // The slot stays mapped: the next secret gets it.
    EXPECT_EQ(place.find_first_not_of('\0'), std::string_view::npos);
    const auto next = KeptSecret::keep("PASS other");
    EXPECT_EQ(next->view().data(), place.data());
}

TEST(KeptSecret, thousands_have_places_of_their_own) {
    std::vector<KeptSecret> all;
    for (int i = 0; i < 3000; ++i) {
        auto secret = KeptSecret::keep("PASS " + std::to_string(i));
        ASSERT_TRUE(secret);
        all.push_back(std::move(*secret));
    }
    for (int i = 0; i < 3000; ++i)
        EXPECT_EQ(all.at(static_cast<std::size_t>(i)).view(), "PASS " + std::to_string(i));
}

}  // namespace
