// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace ballast::cli {

/// What the parser knows of a command, as plain words: for completion and manual page.
struct CommandWords {
    struct Option {
        std::vector<std::string> names;  ///< "-c", "--config"; the long one comes last
        std::string value;               ///< "FILE"; empty: it takes none
        bool is_value_optional = false;
        std::string help;
    };
    struct Argument {
        std::string value;  ///< "POOL/BACKEND"
        std::string help;
    };
    std::string name;
    std::string group;
    std::string summary;
    std::string details;  ///< empty: the summary says all
    std::vector<Option> options;
    std::vector<Argument> arguments;
};

/// Of all commands, in the order of the help.
[[nodiscard]] std::vector<CommandWords> command_words();

}  // namespace ballast::cli
