// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// `$NAME` in keepalived.conf.
namespace ballast::migrate {

/// "$NAME=VALUE" at the front of a line; empty if the line is not a definition.
struct Definition {
    std::string name;
    std::string value;
};
[[nodiscard]] std::optional<Definition> definition_in(std::string_view line);

/// What parameters of keepalived's own stand for.
struct BuiltIns {
    std::string instance;                                                         ///< ${_INSTANCE}
    std::function<std::optional<std::string>(const std::string& name)> variable;  ///< ${_ENV NAME}
};

/// The parameters that are defined so far.
class Parameters {
public:
    explicit Parameters(BuiltIns built_ins) : built_ins_(std::move(built_ins)) {}

    void define(const std::string& name, std::string value) { values_[name] = std::move(value); }
    void set_folder(std::string folder) { folder_ = std::move(folder); }
    /// Whether ${_RANDOM} was used: nobody can import its value.
    [[nodiscard]] bool is_random() const { return is_random_; }

    /// The line with the first parameter at or behind `from` replaced, and where the replacement
    /// begins. Empty if there is none: unknown names stay as they are.
    struct Replaced {
        std::string line;
        std::size_t from = 0;
    };
    [[nodiscard]] std::optional<Replaced> replace_one(std::string_view line, std::size_t from);

private:
    [[nodiscard]] std::optional<std::string> value_of(std::string_view name);

    BuiltIns built_ins_;
    std::map<std::string, std::string, std::less<>> values_;
    std::string folder_;
    bool is_random_ = false;
};

/// "~SEQ(...)" or "~LST(...)" at the front of a line: the line behind it is repeated, each time
/// with these parameters.
struct Sequence {
    using Assignments = std::vector<Definition>;
    std::vector<Assignments> rounds;
    std::string_view line;
};
/// Empty if the line does not begin like one; the error says what is wrong. No more than
/// `rounds_max` rounds.
[[nodiscard]] std::expected<std::optional<Sequence>, std::string> sequence_in(
    std::string_view line, std::size_t rounds_max);

}  // namespace ballast::migrate
