// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace ballast::support {

/// The directories of a fake FTP server, by their paths; `links` are symbolic, each to one of them.
struct DirectoryTree {
    std::set<std::string> directories;
    std::map<std::string, std::string> links;
};

/// What a client has set in a session of a fake FTP server.
struct SessionState {
    std::string directory = "/";  ///< without symbolic links
    std::string type = "A N";
    std::string mode = "S";
    std::string structure = "F";
    std::string client_name;
    std::string language = "en";
    std::map<std::string, std::string> options;
    std::string umask = "022";
    std::string idle = "300";
    std::string allocated;
    std::string rename_from;
    std::uint64_t restart = 0;
    std::string hidden;  ///< by commands of the server's own

    friend bool operator==(const SessionState&, const SessionState&) = default;

    /// RNFR and REST hold for the next command alone.
    void begin_command() {
        rename_from.clear();
        restart = 0;
    }
    /// The answer to a command that sets or tells state; empty: it is another one.
    [[nodiscard]] std::optional<std::string> hear(const DirectoryTree& tree, std::string_view verb,
                                                  const std::string& argument);

private:
    [[nodiscard]] std::optional<std::string> hear_parameter(std::string_view verb,
                                                            const std::string& argument);
    [[nodiscard]] std::string hear_option(const std::string& argument);
    [[nodiscard]] std::string hear_site(const std::string& argument);
    [[nodiscard]] std::string change_directory(const DirectoryTree& tree, const std::string& path);
};

/// For failures of tests.
[[nodiscard]] std::string to_string(const SessionState& state);

}  // namespace ballast::support
