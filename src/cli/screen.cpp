// SPDX-License-Identifier: Apache-2.0
#include "cli/screen.h"

#include <cstdlib>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ballast::cli {

namespace {

/// SGR parameters (ECMA-48 8.3.117).
std::string_view code_of(Tint tint) {
    switch (tint) {
        case Tint::none: return "";
        case Tint::good: return "32";
        case Tint::warning: return "33";
        case Tint::bad: return "31";
        case Tint::faint: return "2";
        case Tint::heading: return "1";
    }
    return "";
}

std::string_view variable(const char* name) {
    const char* const value = std::getenv(name);  // NOLINT: no other thread changes it
    return value == nullptr ? "" : value;
}

}  // namespace

std::string Screen::tinted(std::string_view text, Tint tint) const {
    if (!has_colors || tint == Tint::none || text.empty()) return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", code_of(tint), text);
}

Screen standard_output() {
    if (::isatty(STDOUT_FILENO) == 0) return {};
    Screen screen{.columns = 80, .rows = 24};
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        screen.columns = size.ws_col;
        screen.rows = size.ws_row;
    }
    screen.has_colors = variable("NO_COLOR").empty() && variable("TERM") != "dumb";
    return screen;
}

}  // namespace ballast::cli
