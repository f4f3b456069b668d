// SPDX-License-Identifier: Apache-2.0
#include "cli/watch.h"

#include <cstdio>
#include <fmt/format.h>
#include <string_view>
#include <thread>

namespace ballast::cli {

namespace {

/// In the upper left corner, without what was there.
constexpr std::string_view clear_screen = "\x1b[H\x1b[2J";

/// The lines that fit: otherwise the terminal would scroll the first ones away.
std::string_view cut_to(std::string_view text, std::size_t rows) {
    std::size_t end = 0;
    for (std::size_t row = 1; row < rows; ++row) {
        const auto line_end = text.find('\n', end);
        if (line_end == std::string_view::npos) return text;
        end = line_end + 1;
    }
    return text.substr(0, end);
}

}  // namespace

Outcome<void> show(const CommandLine& wanted,
                   const std::function<Outcome<std::string>(const Screen&)>& look) {
    for (;;) {
        const auto screen = standard_output();
        const auto text = look(screen);
        if (!text) return std::unexpected(text.error());
        const bool replaces = wanted.watch && screen.is_terminal();
        const auto shown = replaces ? cut_to(*text, screen.rows) : std::string_view(*text);
        fmt::print("{}{}", replaces ? clear_screen : "", shown);
        if (std::fflush(stdout) != 0) return std::unexpected(Failure{});  // the program says it
        if (!wanted.watch) return {};
        std::this_thread::sleep_for(*wanted.watch);
    }
}

}  // namespace ballast::cli
