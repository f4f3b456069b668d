// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ballast::metrics {

/// Counts a client's command. `verb` is in upper case; all that the table of verbs does not know
/// count as one. `code` is that of the reply that ended it, 0 if none did. From any thread; a plain
/// addition.
void count_command(std::string_view verb, std::uint16_t code);
/// ABOR and STAT during a transfer: their replies mix with the transfer's.
void count_command_in_transfer(std::string_view verb);

struct CommandCount {
    std::string_view verb;         ///< "RETR", or "other"
    std::string_view reply_class;  ///< "2xx", "none" or "in_transfer"
    std::uint64_t count = 0;
};
/// Those that have occurred, by verb.
[[nodiscard]] std::vector<CommandCount> command_counts();

}  // namespace ballast::metrics
