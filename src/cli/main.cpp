// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"
#include "cli/commands.h"

#include <cstdio>
#include <fmt/format.h>

int main(int argument_count, char** arguments) {
    using ballast::cli::Status;
    const auto wanted = ballast::cli::read(argument_count, arguments);
    const auto status = wanted ? wanted->command->run(*wanted) : wanted.error();
    const bool is_written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    if (is_written) return static_cast<int>(status);
    fmt::print(stderr, "ballast: standard output could not be written\n");
    return static_cast<int>(status == Status::good ? Status::failed : status);
}
