// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/printable.h"
#include "cli/screen.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cli {

/// A table with a heading, as wide as its contents. On a terminal that is too narrow, the widest
/// columns that may shrink do, then the last columns are left out.
class Table {
public:
    struct Column {
        std::string heading;
        bool is_number = false;     ///< on the right
        std::size_t width_min = 0;  ///< it may shrink to this; 0: it does not shrink
        Side cut = Side::end;
    };
    struct Cell {
        std::string text;  ///< of anybody
        Tint tint = Tint::none;
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    /// As many cells as there are columns.
    void add(std::vector<Cell> row);
    /// Lines, each with its end.
    [[nodiscard]] std::string text(const Screen& screen) const;

private:
    [[nodiscard]] std::vector<std::size_t> widths(std::size_t columns_max) const;

    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace ballast::cli
