// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/haproxy_words.h"
#include "migrate/place.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate::haproxy {

constexpr std::size_t file_bytes_max = 4UL << 20;
constexpr std::size_t line_bytes_max = 65536;
constexpr std::size_t sections_max = 20'000;
/// HAProxy's own bound.
constexpr std::size_t conditions_max = 10;

/// A directive with its words; there is at least one.
struct Line {
    std::uint32_t number = 0;
    std::vector<std::string> words;

    [[nodiscard]] const std::string& word(std::size_t index) const;  ///< empty behind the last
    /// The word behind `name`, which is not the first one. Empty: it is not there.
    [[nodiscard]] const std::string& word_behind(std::string_view name) const;
};

/// "frontend ftp from tcp-defaults" and the lines below it.
struct Section {
    std::string kind;
    std::string name;  ///< empty: none
    std::string from;  ///< the named defaults; empty: the last ones before it
    std::uint32_t line = 0;
    std::vector<Line> lines;
};

/// Something that reading the file decided or found, and that the operator should know.
struct Remark {
    std::uint32_t line = 0;
    std::string directive;
    std::string text;
};

struct File {
    std::vector<Section> sections;
    std::vector<Remark> conditions;  ///< `.if` and the like: how they were decided
    std::vector<Remark> messages;    ///< `.notice` and `.warning`
    std::vector<Remark> variables;   ///< that are not set
};

/// Reads the sections of a haproxy.cfg. Conditionals are decided, quotes and variables resolved;
/// `setenv` and its relatives in `global` apply to what follows them. Finds several errors at once.
[[nodiscard]] std::expected<File, std::vector<SyntaxError>> read_file(
    std::string_view text, const std::string& file_name, const Environment& environment);

}  // namespace ballast::migrate::haproxy
