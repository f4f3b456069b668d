// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Reading haproxy.cfg, and what its sections mean.
namespace ballast::migrate::haproxy {

constexpr std::size_t words_max = 512;
/// A line after the expansion of its variables.
constexpr std::size_t expanded_bytes_max = 65536;

/// The value of an environment variable. Empty: it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

enum class WordsRefusal : std::uint8_t {
    open_single_quote,
    open_double_quote,
    bad_hexadecimal,
    bad_variable_name,
    open_brace,
    bad_expansion,
    too_many_words,
    too_long,
};

/// What is wrong, and what would be right.
struct Advice {
    std::string_view what;
    std::string_view fix;
};
[[nodiscard]] Advice advice(WordsRefusal refusal);

/// A line of haproxy.cfg, split as HAProxy does.
struct Words {
    std::vector<std::string> words;            ///< none: an empty line, or a comment
    std::vector<std::string> unset_variables;  ///< that the line uses
};

/// Splits at blanks; handles "#", backslashes, 'strong' quotes, and "weak" ones, in which
/// variables are expanded. Takes one line without its line end.
[[nodiscard]] std::expected<Words, WordsRefusal> split_words(std::string_view line,
                                                             const Environment& environment);

}  // namespace ballast::migrate::haproxy
