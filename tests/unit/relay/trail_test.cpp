// SPDX-License-Identifier: Apache-2.0
#include "relay/trail.h"

#include "relay/comparison.h"
#include "relay/noise.h"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

namespace ballast::relay {
namespace {

constexpr std::size_t first = Trail::first_bytes;
constexpr std::size_t size = Trail::sample_bytes;
constexpr std::uint64_t every = 64 << 10;

/// Shows a trail what it wants to see, in reads of at most `piece` bytes.
void pass(Trail& trail, std::string_view bytes, std::size_t piece) {
    while (!bytes.empty()) {
        const auto may_miss = trail.may_miss();
        const auto wants = may_miss > 0 ? may_miss : trail.wants();
        ASSERT_GT(wants, 0U);
        const auto now = bytes.substr(0, std::min(piece, wants));
        if (may_miss > 0)
            trail.miss(now.size());
        else
            trail.add(now);
        bytes.remove_prefix(now.size());
    }
}

std::vector<std::uint64_t> offsets(const Trail& trail) {
    std::vector<std::uint64_t> found;
    for (const auto& sample : trail.samples()) found.push_back(sample.offset);
    return found;
}

/// What a comparison with another file finds; empty if it is the same.
std::string difference(const Trail& trail, std::string_view other, std::uint64_t begin,
                       std::size_t piece = 1000) {
    Comparison comparison(trail, begin, 0);
    auto rest = other.substr(begin);
    while (comparison.difference().empty() && !comparison.is_passed()) {
        if (rest.empty()) {
            comparison.end();
            break;
        }
        const auto now = rest.substr(0, std::min<std::size_t>(piece, comparison.left()));
        comparison.add(now);
        rest.remove_prefix(now.size());
    }
    return comparison.difference();
}

TEST(Trail, remembers_the_first_bytes_and_then_a_sample_of_each_distance) {
    const auto file = noise(5 * every + 100);
    for (const std::size_t piece : {1UL, 7UL, 1000UL, 1UL << 20}) {
        auto trail = Trail::of_samples(every);
        pass(trail, std::string_view(file).substr(0, 2 * every), piece);
        EXPECT_EQ(offsets(trail), (std::vector<std::uint64_t>{0, every}));
        pass(trail, std::string_view(file).substr(2 * every), piece);
        EXPECT_EQ(offsets(trail), (std::vector<std::uint64_t>{0, 3 * every, 4 * every, 5 * every}));
        EXPECT_EQ(trail.samples()[0].bytes, file.substr(0, first));
        EXPECT_EQ(trail.samples()[1].bytes, file.substr(3 * every, size));
        EXPECT_EQ(trail.samples()[3].bytes, file.substr(5 * every));
        EXPECT_EQ(trail.taken(), file.size());
    }
}

TEST(Trail, takes_samples_more_often_of_bytes_that_pass_through_memory_anyway) {
    const auto file = noise(3 * Trail::copied_every);
    for (const std::size_t piece : {1000UL, 256UL << 10, 4UL << 20}) {
        auto trail = Trail::of_samples(1ULL << 40);
        std::string_view rest = file;
        while (!rest.empty()) {
            trail.add(rest.substr(0, piece));
            rest.remove_prefix(std::min(piece, rest.size()));
        }
        EXPECT_EQ(offsets(trail),
                  (std::vector<std::uint64_t>{0, Trail::copied_every, 2 * Trail::copied_every}));
        EXPECT_EQ(trail.samples()[2].bytes, file.substr(2 * Trail::copied_every, size));
    }
}

TEST(Trail, takes_a_sample_that_is_due_from_bytes_that_come_through_memory) {
    const auto file = noise(8 << 20);
    auto trail = Trail::of_samples(16 << 20);
    trail.add(file.substr(0, first));
    trail.miss((3 << 20) - first);
    trail.add(file.substr(3 << 20, size + 1));
    EXPECT_EQ(offsets(trail), (std::vector<std::uint64_t>{0, 3 << 20}));
    EXPECT_EQ(trail.may_miss(), (16U << 20) - size - 1);
}

TEST(Trail, a_small_file_takes_little_memory) {
    auto trail = Trail::of_samples(every);
    trail.add(noise(1000));
    EXPECT_LE(trail.samples()[0].bytes.capacity(), 2000U);
}

TEST(Trail, no_distance_is_too_small_or_too_large) {
    auto dense = Trail::of_samples(0);
    pass(dense, noise(200'000), 999);
    EXPECT_EQ(dense.samples().size(), Trail::samples_max);
    EXPECT_EQ(dense.samples()[3].end(), 200'000U);
    auto sparse = Trail::of_samples(std::numeric_limits<std::uint64_t>::max());
    pass(sparse, noise(200'000), 999);
    EXPECT_EQ(offsets(sparse), (std::vector<std::uint64_t>{0}));
}

TEST(Trail, says_where_another_source_should_begin) {
    auto trail = Trail::of_samples(every);
    EXPECT_EQ(trail.begin(0, true), 0U);
    const auto file = noise(5 * every);
    pass(trail, std::string_view(file).substr(0, first), 1000);
    EXPECT_EQ(trail.begin(first, true), 0U);
    pass(trail, std::string_view(file).substr(first, every - first), 1000);
    EXPECT_EQ(trail.begin(every, true), 0U);
    // A sample that has only begun proves less than the one before.
    pass(trail, std::string_view(file).substr(every, size - 1), 1000);
    EXPECT_EQ(trail.begin(every + size - 1, true), 0U);
    pass(trail, std::string_view(file).substr(every + size - 1, 1), 1000);
    EXPECT_EQ(trail.begin(every + size, true), every);
    EXPECT_EQ(trail.begin(every + size, false), 0U);
    pass(trail, std::string_view(file).substr(every + size), 1000);
    EXPECT_EQ(trail.begin(5 * every, true), 4 * every);
    EXPECT_EQ(trail.begin(5 * every, false), 0U);
}

TEST(Trail, covers_what_is_wholly_known) {
    auto trail = Trail::of_samples(every);
    EXPECT_TRUE(trail.covers(0));
    pass(trail, noise(first), 1000);
    EXPECT_TRUE(trail.covers(first));
    pass(trail, "x", 1);
    EXPECT_FALSE(trail.covers(first + 1));
    EXPECT_TRUE(trail.is_checkable());

    auto digest = Trail::of_digest(10);
    EXPECT_TRUE(digest.is_checkable());
    pass(digest, "0123456789", 4);
    EXPECT_TRUE(digest.covers(10));
    EXPECT_TRUE(digest.is_checkable());
    pass(digest, "x", 1);
    EXPECT_FALSE(digest.covers(11));
    EXPECT_FALSE(digest.is_checkable());

    EXPECT_FALSE(Trail().is_checkable());
    EXPECT_FALSE(Trail().covers(1));
}

TEST(Trail, a_digest_wants_all_bytes_up_to_its_bound) {
    auto trail = Trail::of_digest(10);
    EXPECT_EQ(trail.wants(), 10U);
    EXPECT_EQ(trail.may_miss(), 0U);
    trail.add("0123456789");
    EXPECT_EQ(trail.wants(), 0U);
    EXPECT_EQ(trail.may_miss(), std::numeric_limits<std::size_t>::max());
    // A read may go across the bound.
    auto other = Trail::of_digest(10);
    other.add("0123456789a");
    EXPECT_FALSE(other.is_checkable());
    EXPECT_EQ(other.wants(), 0U);
}

TEST(Comparison, passes_the_same_bytes_from_each_beginning_that_the_trail_names) {
    const auto file = noise(5 * every);
    for (const std::size_t taken : {1UL, first, first + 1, every, every + size, 5 * every}) {
        auto trail = Trail::of_samples(every);
        pass(trail, std::string_view(file).substr(0, taken), 1000);
        for (const bool can_restart : {true, false})
            for (const std::size_t piece : {1UL, 1000UL, 1UL << 20})
                EXPECT_EQ(difference(trail, file, trail.begin(taken, can_restart), piece), "");
    }
}

TEST(Comparison, finds_each_byte_that_differs_inside_the_samples) {
    const auto file = noise(5 * every);
    auto trail = Trail::of_samples(every);
    pass(trail, file, 1000);
    for (const std::uint64_t at :
         {std::uint64_t{0}, first - 1, 2 * every, 2 * every + size - 1, 4 * every}) {
        auto other = file;
        other[at] = static_cast<char>(~other[at]);
        EXPECT_EQ(difference(trail, other, 0), fmt::format("byte {} differs", at));
    }
    // The first of several is named, and samples before the beginning are not compared.
    auto other = file;
    other[2 * every] = static_cast<char>(~other[2 * every]);
    other[4 * every + 3] = static_cast<char>(~other[4 * every + 3]);
    EXPECT_EQ(difference(trail, other, 0, 1 << 20), fmt::format("byte {} differs", 2 * every));
    EXPECT_EQ(difference(trail, other, 4 * every, 1),
              fmt::format("byte {} differs", 4 * every + 3));
}

TEST(Comparison, cannot_see_a_difference_between_the_samples) {
    const auto file = noise(5 * every);
    auto trail = Trail::of_samples(every);
    pass(trail, file, 1000);
    auto other = file;
    other[first] = static_cast<char>(~other[first]);
    other[4 * every + size] = static_cast<char>(~other[4 * every + size]);
    EXPECT_EQ(difference(trail, other, 0), "");
}

TEST(Comparison, a_shorter_file_differs) {
    const auto file = noise(5 * every);
    auto trail = Trail::of_samples(every);
    pass(trail, file, 1000);
    EXPECT_EQ(difference(trail, std::string_view(file).substr(0, file.size() - 1), 4 * every),
              fmt::format("the other file ends at byte {}", file.size() - 1));
    EXPECT_EQ(difference(trail, file, 4 * every), "");
}

TEST(Comparison, demands_something_to_compare) {
    const auto file = noise(every + 100);
    auto trail = Trail::of_samples(every);
    pass(trail, file, 1000);
    EXPECT_EQ(difference(trail, file, every), "");
    const auto nothing = [](std::uint64_t from, std::uint64_t to) {
        return fmt::format("nothing is remembered of bytes {} to {}", from, to);
    };
    EXPECT_EQ(difference(trail, file, every + 1), nothing(every + 1, every + 100));
    EXPECT_EQ(difference(trail, file, every + 100), nothing(every + 100, every + 100));
    Trail none;
    none.miss(10);
    EXPECT_EQ(difference(none, file, 0), nothing(0, 10));
    auto beyond = Trail::of_digest(10);
    beyond.add("0123456789a");
    EXPECT_EQ(difference(beyond, file, 0), nothing(0, 11));
}

TEST(Comparison, tells_where_in_the_file_of_a_restarted_transfer) {
    auto trail = Trail::of_samples(every);
    trail.add("0123456789");
    Comparison comparison(trail, 0, 1'000'000);
    comparison.add("01234x");
    EXPECT_EQ(comparison.difference(), "byte 1000005 differs");
}

TEST(Comparison, compares_digests) {
    auto trail = Trail::of_digest(1000);
    pass(trail, "drwxr-xr-x a\r\n-rw-r--r-- b\r\n", 5);
    EXPECT_EQ(difference(trail, "drwxr-xr-x a\r\n-rw-r--r-- b\r\n-rw-r--r-- c\r\n", 0, 3), "");
    EXPECT_EQ(difference(trail, "drwxr-xr-x a\r\n-rw-r--r-- B\r\n", 0, 3),
              "the digest of the first 28 bytes differs");
    EXPECT_EQ(difference(trail, "drwxr-xr-x a\r\n", 0, 3), "the other file ends at byte 14");
    EXPECT_EQ(difference(trail, "drwxr-xr-x a\r\n-rw-r--r-- b\r\n", 1, 3),
              "nothing is remembered of bytes 1 to 28");
    // The trail goes on after a comparison.
    trail.add("-rw-r--r-- c\r\n");
    EXPECT_EQ(difference(trail, "drwxr-xr-x a\r\n-rw-r--r-- b\r\n-rw-r--r-- c\r\n", 0), "");
}

}  // namespace
}  // namespace ballast::relay
