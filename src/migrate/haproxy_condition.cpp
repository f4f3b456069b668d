// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_condition.h"

#include "base/ascii.h"
#include "base/number.h"
#include "config/spelling.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <fmt/format.h>
#include <optional>
#include <vector>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

constexpr std::size_t depth_max = 32;

using Arguments = std::vector<string>;

/// The numbers of "2.8-dev5" or "3.2.1".
std::vector<unsigned> numbers_of(string_view version) {
    std::vector<unsigned> numbers;
    while (!version.empty() && numbers.size() < 3) {
        const auto length = std::min(version.find_first_not_of("0123456789"), version.size());
        numbers.push_back(base::parse_number<unsigned>(version.substr(0, length)).value_or(0));
        if (length == version.size() || version[length] != '.') break;
        version.remove_prefix(length + 1);
    }
    numbers.resize(3);
    return numbers;
}

bool is_at_least(string_view version) { return numbers_of(assumed_version) >= numbers_of(version); }

struct Predicate {
    string_view name;
    std::size_t arguments;
    bool (*holds)(const Arguments& arguments, const Environment& environment);
};
constexpr auto predicates = std::to_array<Predicate>({
    {"defined", 1,
     [](const Arguments& a, const Environment& environment) {
         return environment(a[0]).has_value();
     }},
    {"streq", 2, [](const Arguments& a, const Environment&) { return a[0] == a[1]; }},
    {"strneq", 2, [](const Arguments& a, const Environment&) { return a[0] != a[1]; }},
    {"strstr", 2, [](const Arguments& a, const Environment&) { return a[0].contains(a[1]); }},
    {"version_atleast", 1,
     [](const Arguments& a, const Environment&) { return is_at_least(a[0]); }},
    {"version_before", 1,
     [](const Arguments& a, const Environment&) { return !is_at_least(a[0]); }},
    {"openssl_version_atleast", 1, [](const Arguments&, const Environment&) { return true; }},
    {"openssl_version_before", 1, [](const Arguments&, const Environment&) { return false; }},
    {"awslc_api_atleast", 1, [](const Arguments&, const Environment&) { return false; }},
    {"awslc_api_before", 1, [](const Arguments&, const Environment&) { return false; }},
    {"ssllib_name_startswith", 1,
     [](const Arguments& a, const Environment&) {
         return string_view("OpenSSL").starts_with(a[0]);
     }},
    {"feature", 1, [](const Arguments&, const Environment&) { return true; }},
    {"enabled", 1, [](const Arguments&, const Environment&) { return true; }},
});

/// expression: term { ("&&" | "||") term }; && binds tighter. A term is a literal, a predicate, a
/// term after "!", or an expression in parentheses.
class Evaluation {
public:
    Evaluation(string_view text, const Environment& environment)
        : rest_(base::trimmed(text)), environment_(environment) {}

    std::expected<bool, string> run() {
        if (rest_.empty()) return false;
        const bool value = either(0);
        if (error_.empty() && !rest_.empty()) fail(fmt::format("{} is unexpected", shown()));
        if (!error_.empty()) return std::unexpected(error_);
        return value;
    }

private:
    bool either(std::size_t depth) {
        bool value = both(depth);
        while (taken("||")) value = both(depth) || value;
        return value;
    }
    bool both(std::size_t depth) {
        bool value = term(depth);
        while (taken("&&")) value = term(depth) && value;
        return value;
    }

    bool term(std::size_t depth) {
        if (depth > depth_max) return fail("the condition is nested too deeply");
        if (taken("!")) return !term(depth + 1);
        if (taken("(")) {
            const bool value = either(depth + 1);
            if (error_.empty() && !taken(")")) fail("a parenthesis is not closed");
            return value;
        }
        const auto length = std::min(rest_.find_first_of(" \t()&|!"), rest_.size());
        const auto word = rest_.substr(0, length);
        rest_.remove_prefix(length);
        if (rest_.starts_with('(')) return predicate(word);
        skip_blanks();
        // A number, as `.if 0` takes lines out.
        const auto number = base::parse_number<unsigned long>(word);
        if (!number) return fail(fmt::format("{} is not a condition", config::in_quotes(word)));
        return *number != 0;
    }

    bool predicate(string_view name) {
        const auto end = rest_.find(')');
        if (end == string_view::npos) return fail("a parenthesis is not closed");
        const auto arguments = split(rest_.substr(1, end - 1));
        rest_.remove_prefix(end + 1);
        skip_blanks();
        const auto* const known = std::ranges::find(predicates, name, &Predicate::name);
        if (known == predicates.end())
            return fail(fmt::format("the predicate {} is unknown", config::in_quotes(name)));
        if (arguments.size() != known->arguments)
            return fail(fmt::format("{} needs {} argument(s)", known->name, known->arguments));
        return known->holds(arguments, environment_);
    }

    static Arguments split(string_view text) {
        Arguments arguments;
        for (;;) {
            const auto end = std::min(text.find(','), text.size());
            arguments.emplace_back(base::trimmed(text.substr(0, end)));
            if (end == text.size()) return arguments;
            text.remove_prefix(end + 1);
        }
    }

    bool taken(string_view token) {
        if (!rest_.starts_with(token)) return false;
        rest_.remove_prefix(token.size());
        skip_blanks();
        return true;
    }
    void skip_blanks() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    }

    [[nodiscard]] string shown() const { return config::in_quotes(rest_); }

    /// The first reason counts. Ends the evaluation.
    bool fail(string reason) {
        if (error_.empty()) error_ = std::move(reason);
        rest_ = {};
        return false;
    }

    string_view rest_;
    const Environment& environment_;
    string error_;
};

}  // namespace

std::expected<bool, string> evaluate(string_view condition, const Environment& environment) {
    return Evaluation(condition, environment).run();
}

}  // namespace ballast::migrate::haproxy
