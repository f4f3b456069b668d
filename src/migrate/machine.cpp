// SPDX-License-Identifier: Apache-2.0
#include "migrate/machine.h"

#include "base/file.h"

#include <array>
#include <cstdlib>
#include <glob.h>
#include <unistd.h>

namespace ballast::migrate {

namespace {

std::string name_of_host() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return {};
    return name.data();
}

std::vector<std::string> matching(const std::string& pattern) {
    glob_t found{};
    std::vector<std::string> paths;
    if (::glob(pattern.c_str(), GLOB_BRACE, nullptr, &found) == 0)
        paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    return paths;
}

std::optional<std::string> variable_of(const std::string& name) {
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

base::Result<std::string> content_of(const std::string& path) {
    const auto content = base::read_file(path);
    if (!content) return std::unexpected(content.error());
    return std::string(content->data(), content->size());
}

}  // namespace

Machine this_machine() { return {content_of, matching, variable_of, name_of_host()}; }

Machine empty_machine() {
    return {
        [](const std::string& path) -> base::Result<std::string> {
            return std::unexpected(base::Error{
                base::Fault::internal, std::make_error_code(std::errc::no_such_file_or_directory),
                "cannot read " + path});
        },
        [](const std::string&) { return std::vector<std::string>(); },
        [](const std::string&) { return std::optional<std::string>(); },
        {}};
}

}  // namespace ballast::migrate
