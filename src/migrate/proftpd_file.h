// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/importer.h"
#include "migrate/place.h"

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

/// Reading proftpd.conf, as far as mod_proxy's reverse proxies are concerned.
namespace ballast::migrate::proftpd {

constexpr std::size_t bytes_max = 4UL << 20;  ///< of all included files together
constexpr std::size_t files_max = 256;
constexpr std::size_t includes_deep_max = 16;
constexpr std::size_t blocks_deep_max = 32;

/// A directive with its parameters. A block such as `<Limit LOGIN>` also has those inside it.
struct Directive {
    Place place;
    std::string name;  ///< as written: case does not matter
    std::vector<std::string> words;
    bool is_block = false;
    std::vector<Directive> inside;

    [[nodiscard]] const std::string& word(std::size_t index) const;  ///< empty behind the last
    [[nodiscard]] bool is(std::string_view other_name) const;
    /// As the file has it.
    [[nodiscard]] std::string text() const;
};

/// A decision that reading the file made, for the report.
struct Decision {
    Place place;
    std::string directive;
    std::string text;
};

struct File {
    std::vector<Directive> directives;
    std::vector<Decision> decisions;  ///< about <IfModule>, <IfDefine> and Include
};

/// Follows Include, and takes every module as loaded. `source.machine` reads the files.
[[nodiscard]] std::expected<File, std::vector<SyntaxError>> read_file(const Source& source);

}  // namespace ballast::migrate::proftpd
