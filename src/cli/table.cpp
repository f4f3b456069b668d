// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

namespace ballast::cli {

namespace {

constexpr std::string_view gap = "  ";

std::size_t total_of(const std::vector<std::size_t>& widths) {
    const auto gaps = widths.empty() ? 0 : (widths.size() - 1) * gap.size();
    return std::accumulate(widths.begin(), widths.end(), gaps);
}

}  // namespace

void Table::add(std::vector<Cell> row) {
    assert(row.size() == columns_.size());
    for (auto& cell : row) cell.text = printable(cell.text);
    rows_.push_back(std::move(row));
}

/// Of the columns that are shown: fewer than there are, if there is no room for all.
std::vector<std::size_t> Table::widths(std::size_t columns_max) const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        auto width = width_of(columns_[i].heading);
        for (const auto& row : rows_) width = std::max(width, width_of(row[i].text));
        widths.push_back(width);
    }
    if (columns_max == 0) return widths;
    while (total_of(widths) > columns_max) {
        std::size_t* widest = nullptr;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            const auto& column = columns_[i];
            const auto least = std::max(column.width_min, width_of(column.heading));
            const bool may_shrink = column.width_min > 0 && widths[i] > least;
            if (may_shrink && (widest == nullptr || widths[i] > *widest)) widest = &widths[i];
        }
        if (widest != nullptr)
            --*widest;
        else if (widths.size() > 1)
            widths.pop_back();
        else
            widths.front() = columns_max;
    }
    return widths;
}

std::string Table::text(const Screen& screen) const {
    const auto shown = widths(screen.columns);
    std::string text;
    const auto add_line = [&](const auto& cell_at) {
        std::string padding;
        for (std::size_t i = 0; i < shown.size(); ++i) {
            const auto& column = columns_[i];
            const Cell& cell = cell_at(i);
            const auto cut = shortened(cell.text, shown[i], column.cut);
            const std::string room(shown[i] - width_of(cut), ' ');
            text += padding;
            if (column.is_number) text += room;
            text += screen.tinted(cut, cell.tint);
            // Nothing stands behind the last text of a line.
            padding = (column.is_number ? "" : room) + std::string(gap);
        }
        text.resize(text.find_last_not_of(' ') + 1);  // of empty cells at the end
        text += '\n';
    };
    std::vector<Cell> headings;
    headings.reserve(columns_.size());
    for (const auto& column : columns_) headings.push_back({column.heading, Tint::heading});
    add_line([&](std::size_t i) -> const Cell& { return headings[i]; });
    for (const auto& row : rows_) add_line([&](std::size_t i) -> const Cell& { return row[i]; });
    return text;
}

}  // namespace ballast::cli
