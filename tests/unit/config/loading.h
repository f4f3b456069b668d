// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/load.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::config {

/// One line for each problem, in a file `name`; "none" if there is a result.
template <typename T>
std::string problems_of(const std::expected<T, std::vector<Problem>>& result,
                        std::string_view name = "f") {
    if (result) return "none";
    std::string lines;
    for (const auto& problem : result.error()) lines += to_string(problem, name) + '\n';
    return lines;
}

inline std::string problems_of(std::string_view text, std::string_view name = "f") {
    return problems_of(load(text), name);
}

/// The configuration of a text that has no problem.
inline Config loaded(std::string_view text) {
    EXPECT_EQ(problems_of(text), "none");
    return load(text).value_or(Config{});
}

/// A file and what is wrong with it.
struct Row {
    std::string text;
    std::string problems;
};

inline void expect(const std::vector<Row>& table) {
    for (const auto& row : table) EXPECT_EQ(problems_of(row.text), row.problems) << row.text;
}

}  // namespace ballast::config
