// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::base {

/// Overwrites the string's whole buffer, earlier contents included.
inline void wipe(std::string& text) {
    text.resize(text.capacity());
    ::explicit_bzero(text.data(), text.size());
    text.clear();
}

/// A string that leaves no copies in memory: for anything that may be a password. If it is copied
/// or moved from an ordinary string, the caller wipes that one. Use `append_wiped` to let it grow.
class WipedString : public std::string {
public:
    WipedString() = default;
    WipedString(const char* text) : std::string(text) {}         // NOLINT: as std::string is made
    WipedString(std::string_view text) : std::string(text) {}    // NOLINT: as std::string is made
    WipedString(const std::string& text) : std::string(text) {}  // NOLINT: as std::string is made
    WipedString(std::string&& text) : std::string(std::move(text)) { wipe(text); }  // NOLINT
    WipedString(const WipedString&) = default;
    WipedString(WipedString&& other) noexcept : std::string(std::move(other)) {}
    WipedString& operator=(const WipedString& other) {
        if (this != &other) {
            wipe(*this);
            append_wiped(other);
        }
        return *this;
    }
    WipedString& operator=(WipedString&& other) noexcept {
        if (this != &other) {
            wipe(*this);
            std::string::operator=(std::move(other));
        }
        return *this;
    }
    ~WipedString() { wipe(*this); }

    void append_wiped(std::string_view more) {
        if (size() + more.size() > capacity()) {
            std::string larger;
            larger.reserve(std::max(2 * capacity(), size() + more.size()));
            larger.append(*this);
            wipe(*this);  // before the swap, because a short string lies inside the object
            swap(larger);
        }
        append(more);
    }
    /// Removes this many bytes at the front.
    void drop_front(std::size_t bytes) {
        const auto rest = size() - bytes;
        std::memmove(data(), data() + bytes, rest);
        ::explicit_bzero(data() + rest, bytes);
        resize(rest);
    }
};

}  // namespace ballast::base
