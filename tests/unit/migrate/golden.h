// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/load.h"
#include "migrate/importer.h"
#include "migrate/report.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// Files of other balancers, and what their import gave when somebody last looked at it.
namespace ballast::migrate::golden {

using std::filesystem::path;

inline path folder(std::string_view language) {
    return path(SOURCE_ROOT) / "tests/unit/migrate" / language;
}

inline std::vector<path> files(std::string_view language, std::string_view ending) {
    std::vector<path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder(language)))
        if (entry.path().extension() == ending) found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
}

inline std::string content(const path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

/// Compares with what the file has. With UPDATE_GOLDEN in the environment it writes the file
/// instead: read the difference before you commit it.
inline void expect_as_before(const path& file, const std::string& text) {
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(file) << text;
    EXPECT_EQ(text, content(file)) << file;
}

inline std::string errors_in(const std::string& configuration) {
    std::string errors;
    for (const auto& problem : config::read(configuration).problems)
        if (problem.severity == config::Severity::error)
            errors += config::to_string(problem, "ballast.toml") + '\n';
    return errors;
}

}  // namespace ballast::migrate::golden
