// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <termios.h>

namespace ballast::cli {

/// The terminal as a live screen: keys come at once and are not shown, and what was on the screen
/// comes back at the end. Signals that would end or stop the program are events instead, so that
/// the terminal is never left like this. One at a time; no other thread runs.
class RawTerminal {
public:
    /// Empty if standard input and output are not both a terminal.
    [[nodiscard]] static std::optional<RawTerminal> open();
    RawTerminal(RawTerminal&& other) noexcept;
    ~RawTerminal();
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    RawTerminal& operator=(RawTerminal&&) = delete;

    struct Event {
        enum class Kind : std::uint8_t {
            time,    ///< nothing has happened until then
            key,     ///< `value` is its character
            resize,  ///< or the screen has to be drawn again for another reason
            end,     ///< a signal wants the program to end; `value` is its number
        };
        Kind kind = Kind::time;
        int value = 0;
    };
    /// Waits for one. A stop from the keyboard (^Z) happens here.
    [[nodiscard]] Event wait(std::chrono::steady_clock::time_point until);
    /// Puts this text where the cursor is. False if the terminal is gone.
    [[nodiscard]] bool write(std::string_view text);

private:
    RawTerminal() = default;
    void enter();
    void leave();
    [[nodiscard]] std::optional<Event> take_signal();

    termios before_{};
    bool is_open_ = false;
    base::OwnedFd signals_;
};

}  // namespace ballast::cli
