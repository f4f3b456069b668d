// SPDX-License-Identifier: Apache-2.0
#include "config/problem.h"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace ballast::config {

std::string to_string(const Problem& problem, std::string_view file) {
    const auto& where = problem.where;
    const auto key = where.key.empty() ? "" : where.key + ": ";
    const auto severity = problem.severity == Severity::warning ? "warning: " : "";
    return fmt::format("{}:{}:{}: {}{}{} ({})", file, where.line, where.column, severity, key,
                       problem.what, problem.fix);
}

void sort_by_place(std::vector<Problem>& problems) {
    const auto order = [](const Problem& problem) {
        const auto& where = problem.where;
        return std::tie(where.line, where.column, where.key, problem.what);
    };
    std::ranges::sort(problems, {}, order);
    const auto repeated = std::ranges::unique(problems, {}, order);
    problems.erase(repeated.begin(), repeated.end());
}

bool has_errors(const std::vector<Problem>& problems) {
    return count_warnings(problems) != problems.size();
}

std::size_t count_warnings(const std::vector<Problem>& problems) {
    return static_cast<std::size_t>(
        std::ranges::count(problems, Severity::warning, &Problem::severity));
}

}  // namespace ballast::config
