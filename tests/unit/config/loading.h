// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/load.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::config {

/// The tables that complete a file around the part under test.
namespace whole_file {
inline const std::string listener = R"(
[listener.ftp]
bind = ["127.0.0.1:21"]
pool = "alf"
)";
inline const std::string pool = R"(
[pool.alf]
[[pool.alf.backend]]
name = "alf1"
address = "10.0.0.11"
)";
}  // namespace whole_file

/// One line for each problem, in a file `name`; "none" if there is none.
inline std::string lines_of(const std::vector<Problem>& problems, std::string_view name = "f") {
    std::string lines;
    for (const auto& problem : problems) lines += to_string(problem, name) + '\n';
    return lines.empty() ? "none" : lines;
}

template <typename T>
std::string problems_of(const std::expected<T, std::vector<Problem>>& result,
                        std::string_view name = "f") {
    return lines_of(result ? std::vector<Problem>() : result.error(), name);
}

/// Only the errors: other tests check warnings.
inline std::vector<Problem> errors_of(std::string_view text) {
    auto problems = read(text).problems;
    std::erase_if(problems,
                  [](const Problem& problem) { return problem.severity == Severity::warning; });
    return problems;
}

inline std::string problems_of(std::string_view text, std::string_view name = "f") {
    return lines_of(errors_of(text), name);
}

/// The configuration of a text that must have no errors.
inline Config loaded(std::string_view text) {
    EXPECT_EQ(problems_of(text), "none");
    return read(text).config.value_or(Config{});
}

/// A file and what is wrong with it.
struct Row {
    std::string text;
    std::string problems;
};

/// Errors and warnings.
inline void expect_all(const std::vector<Row>& table) {
    for (const auto& row : table)
        EXPECT_EQ(lines_of(read(row.text).problems), row.problems) << row.text;
}

inline void expect(const std::vector<Row>& table) {
    for (const auto& row : table) EXPECT_EQ(problems_of(row.text), row.problems) << row.text;
}

}  // namespace ballast::config
