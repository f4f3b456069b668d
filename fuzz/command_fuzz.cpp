// SPDX-License-Identifier: Apache-2.0
#include "ftp/command.h"

#include "demand.h"

#include <cstdint>
#include <vector>

namespace {

using ballast::ftp::Command;
using ballast::ftp::CommandError;
using ballast::ftp::CommandParser;
using Outcome = std::expected<Command, CommandError>;

std::vector<Outcome> fed_in_pieces(std::string_view input, std::size_t piece_bytes,
                                   std::size_t line_bytes_max) {
    CommandParser parser(line_bytes_max);
    std::vector<Outcome> outcomes;
    std::string buffer;
    while (!input.empty()) {
        buffer += input.substr(0, piece_bytes);
        input.remove_prefix(std::min(piece_bytes, input.size()));
        for (;;) {
            auto step = parser.next(buffer);
            demand(step.consumed <= buffer.size());
            buffer.erase(0, step.consumed);
            demand(step.command || buffer.size() < line_bytes_max);
            if (!step.command) break;
            outcomes.push_back(std::move(*step.command));
        }
    }
    return outcomes;
}

void check(const Command& command) {
    demand(!command.verb.empty());
    demand(command.line.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos);
    demand(command.line.ends_with(command.argument));
    demand(command.line.size() >= command.verb.size() + command.argument.size());

    // A command means the same to the backend as to Ballast.
    const auto again = fed_in_pieces(command.line + "\r\n", 4096, 1 << 20);
    demand(again.size() == 1 && again.front() && *again.front() == command);

    const auto logged = ballast::ftp::loggable(command.line);
    for (const char c : logged) demand(c >= ' ' && c <= '~');
    if (command.verb == "PASS" || command.verb == "ACCT" || command.verb == "ADAT")
        demand(logged.size() == command.verb.size() + 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    for (const std::size_t line_bytes_max : {std::size_t{8192}, std::size_t{24}}) {
        const auto whole = fed_in_pieces(input, size, line_bytes_max);
        demand(fed_in_pieces(input, 1, line_bytes_max) == whole);
        for (const auto& outcome : whole)
            if (outcome) check(*outcome);
    }
    return 0;
}
