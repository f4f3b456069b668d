// SPDX-License-Identifier: Apache-2.0
#include "base/wiped_string.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <gtest/gtest.h>
#include <memory>
#include <new>

namespace ballast::base {
namespace {

/// The memory of a string after its end.
class Place {
public:
    template <typename Use>
    std::string_view after(Use use) {
        auto* const text = new (bytes_.data()) WipedString();
        use(*text);
        std::destroy_at(text);
        return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
    }

private:
    alignas(WipedString) std::array<std::byte, sizeof(WipedString)> bytes_{};
};

bool holds(std::string_view bytes, std::string_view secret) {
    // Not even three letters of it may stay.
    for (std::size_t i = 0; i + 3 <= secret.size(); ++i)
        if (bytes.find(secret.substr(i, 3)) != std::string_view::npos) return true;
    return false;
}

// All lengths around the one at which a string leaves the object.
class Lengths : public testing::TestWithParam<std::size_t> {
protected:
    const std::string secret =
        std::string("PASS hunter2xyzabcdefghijklmnopq").substr(0, GetParam());
};

TEST_P(Lengths, leave_nothing_when_it_is_destroyed) {
    EXPECT_FALSE(holds(Place().after([&](WipedString& text) { text = secret; }), secret));
}

TEST_P(Lengths, leave_nothing_when_it_grows) {
    EXPECT_FALSE(holds(Place().after([&](WipedString& text) {
        text = secret;
        text.append_wiped("\r\n");
        EXPECT_EQ(text, secret + "\r\n");
        text.append_wiped(std::string(100, '.'));
    }),
                       secret));
}

TEST_P(Lengths, leave_nothing_behind_a_move) {
    WipedString kept;
    EXPECT_FALSE(holds(Place().after([&](WipedString& text) {
        text = secret;
        kept = std::move(text);
    }),
                       secret));
    EXPECT_EQ(kept, secret);
    EXPECT_FALSE(holds(Place().after([&](WipedString& text) {
        text = secret;
        WipedString other(std::move(text));
        text = WipedString("short");
        other = WipedString(std::string(50, '.'));
    }),
                       secret));
}

TEST_P(Lengths, leave_nothing_when_the_front_is_dropped) {
    EXPECT_FALSE(holds(Place().after([&](WipedString& text) {
        text = secret;
        text.append_wiped("next");
        text.drop_front(secret.size());
        EXPECT_EQ(text, "next");
        EXPECT_FALSE(holds({text.data(), text.capacity()}, secret));
    }),
                       secret));
}
INSTANTIATE_TEST_SUITE_P(WipedString, Lengths, testing::Range<std::size_t>(3, 32));

}  // namespace
}  // namespace ballast::base
