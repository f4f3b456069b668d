// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived_lines.h"

#include "base/ascii.h"
#include "migrate/keepalived_parameters.h"
#include "migrate/keepalived_words.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>

namespace ballast::migrate {

namespace {

constexpr std::size_t include_depth_max = 16;
constexpr std::size_t files_max = 1000;
/// Lines that are looked at, whether they remain or not. It bounds repetitions of repetitions.
constexpr std::size_t lines_max = 20'000;
constexpr std::size_t line_bytes_max = 65536;
constexpr std::size_t bytes_max = std::size_t{16} * 1024 * 1024;
constexpr std::size_t replacements_max = 1000;
constexpr std::size_t expansion_depth_max = 32;
constexpr std::size_t errors_max = 20;

/// What an include line, or the level of `include_check`, demands of the files.
struct Demands {
    bool readable = false;        ///< each file can be read
    bool match = false;           ///< the pattern matches a file
    bool wildcard_match = false;  ///< likewise, if it has wildcards
    bool brace_match = false;     ///< likewise, for each alternative in braces

    [[nodiscard]] Demands with(const Demands& other) const {
        return {readable || other.readable, match || other.match,
                wildcard_match || other.wildcard_match, brace_match || other.brace_match};
    }
};

struct IncludeWord {
    std::string_view word;
    Demands demands;
};
constexpr auto include_words = std::to_array<IncludeWord>({
    {"include", {}},
    {"includer", {.readable = true}},
    {"includem", {.match = true}},
    {"includew", {.wildcard_match = true}},
    {"includeb", {.brace_match = true}},
    {"includea", {true, true, true, true}},
});
struct CheckWord {
    std::string_view word;
    bool Demands::* demand;
};
constexpr auto check_words = std::to_array<CheckWord>({
    {"readable", &Demands::readable},
    {"match", &Demands::match},
    {"wildcard_match", &Demands::wildcard_match},
    {"brace_match", &Demands::brace_match},
});

std::string_view first_word(std::string_view text) {
    return text.substr(0, text.find_first_of(" \t"));
}

bool has_wildcard(std::string_view pattern) {
    return pattern.find_first_of("*?[{") != std::string_view::npos;
}

class Reader {
public:
    explicit Reader(const Source& source)
        : source_(source),
          id_(!source.id.empty()
                  ? source.id
                  : source.machine.host_name.substr(0, source.machine.host_name.find('.'))),
          parameters_({.instance = id_, .variable = source.machine.variable}) {}

    std::expected<Lines, std::vector<SyntaxError>> run() {
        file(source_.file, source_.text, 0);
        if (!errors_.empty()) return std::unexpected(std::move(errors_));
        return std::move(lines_);
    }

private:
    [[nodiscard]] bool is_over() const { return is_full_ || errors_.size() >= errors_max; }

    void fail(const Place& place, std::string what, std::string fix) {
        if (!is_over()) errors_.push_back({place, std::move(what), std::move(fix)});
    }
    /// For a bound, after which nothing is read any more.
    void stop(const Place& place, std::string what) {
        fail(place, std::move(what), "import smaller parts of the file one by one");
        is_full_ = true;
    }
    void tell(const Place& place, std::string_view text, Outcome outcome, std::string why) {
        lines_.entries.push_back({place, std::string(text), outcome, std::move(why)});
    }

    void file(const std::string& name, std::string_view text, std::size_t depth) {
        const auto folder = std::filesystem::path(name).parent_path().string();
        const auto demands = demands_;  // an included file changes them for itself
        parameters_.set_folder(folder);
        Place place{name, 0};
        while (!text.empty() && !is_over()) {
            const auto end = std::min(text.find('\n'), text.size());
            ++place.line;
            if (end > line_bytes_max) return stop(place, fmt::format("the line has {} bytes", end));
            physical(place, text.substr(0, end), depth);
            text.remove_prefix(std::min(end + 1, text.size()));
            parameters_.set_folder(folder);
        }
        demands_ = demands;
        if (!open_) return;
        parameters_.define(open_->name, std::exchange(open_->value, {}));
        open_.reset();
    }

    /// A line as a file has it.
    void physical(const Place& place, std::string_view line, std::size_t depth) {
        const auto [text, comment, has_comment] = split_comment(line);
        if (open_) return goes_on(text);
        const auto word = first_word(text);
        const auto* const found = std::ranges::find(include_words, word, &IncludeWord::word);
        if (found != include_words.end() && word.size() < text.size())
            return include(place, text, found->demands, depth);
        if (word == "include_check") set_check(text);
        expand(place, text, comment, 0);
        if (text.empty() && has_comment) lines_.all.push_back({place, {}, std::string(comment)});
    }

    /// Another line of a definition with several.
    void goes_on(std::string_view text) {
        const bool is_last = !text.ends_with('\\');
        if (!is_last) text = base::trimmed_behind(text.substr(0, text.size() - 1));
        open_->value += (open_->value.empty() ? "" : "\n") + std::string(text);
        if (open_->value.size() > line_bytes_max) is_too_long_ = true;
        if (!is_last) return;
        parameters_.define(open_->name, std::exchange(open_->value, {}));
        open_.reset();
    }

    /// "include_check match", "include_check +match -readable"; without a word, everything.
    void set_check(std::string_view text) {
        const auto words = split_words(text);
        if (!words) return;
        if (words->size() == 1) demands_ = {true, true, true, true};
        bool is_first = true;
        for (std::string_view word :
             *words | std::views::drop(1) | std::views::transform(&Word::text)) {
            const char sign = word.front();
            if (sign == '+' || sign == '-')
                word.remove_prefix(1);
            else if (is_first)
                demands_ = {};
            is_first = false;
            const auto* const known = std::ranges::find(check_words, word, &CheckWord::word);
            if (known != check_words.end()) demands_.*known->demand = sign != '-';
        }
    }

    void include(const Place& place, std::string_view text, const Demands& extra,
                 std::size_t depth) {
        const auto demands = demands_.with(extra);
        const auto words = split_words(text);
        if (!words || words->size() != 2)
            return fail(place, fmt::format("{} needs one file", first_word(text)),
                        "name it, in quotes if it has blanks");
        if (depth + 1 == include_depth_max)
            return fail(place, "files include each other too deeply",
                        "remove the include that leads back");
        std::filesystem::path pattern((*words)[1].text);
        if (pattern.is_relative())
            pattern = std::filesystem::path(place.file).parent_path() / pattern;
        const bool is_pattern = has_wildcard(pattern.native());
        const auto files =
            is_pattern ? source_.machine.files_like(pattern) : std::vector<std::string>{pattern};
        if (files.empty()) {
            if (demands.match || demands.wildcard_match || demands.brace_match)
                return fail(place, fmt::format("no file matches {}", shown(pattern.native())),
                            "correct the pattern, or include files that exist");
            return tell(place, text, Outcome::not_needed, "no file matches");
        }
        std::size_t count = 0;
        for (const auto& name : files) count += read(place, text, name, demands, depth) ? 1 : 0;
        if (count > 0)
            tell(place, text, Outcome::mapped,
                 count == 1 ? "read" : fmt::format("{} files read", count));
    }

    bool read(const Place& place, std::string_view text, const std::string& name,
              const Demands& demands, std::size_t depth) {
        if (is_over()) return false;
        if (++files_ > files_max) {
            stop(place, fmt::format("more than {} files are included", files_max));
            return false;
        }
        const auto content = source_.machine.read_file(name);
        if (content) {
            bytes_ += content->size();
            if (bytes_ > bytes_max)
                stop(place, "the included files are too large");
            else
                file(name, *content, depth + 1);
            return true;
        }
        // A file that is missing fails `match`, too.
        if (demands.readable || demands.match)
            fail(place, base::to_string(content.error()),
                 "let the file be read, or do not include it");
        else
            tell(place, text, Outcome::unsupported,
                 fmt::format("{}: what is in it was not imported",
                             base::to_string(content.error())));
        return false;
    }

    /// A line, or a part of what a parameter stands for: conditions, definitions, sequences and
    /// parameters, in any order.
    void expand(const Place& place, std::string_view said, std::string_view comment,
                std::size_t depth) {
        if (++looked_at_ > lines_max) return stop(place, "the file becomes too long");
        if (depth > expansion_depth_max || is_too_long_)
            return stop(place, "parameters stand for each other without an end");
        std::string text(said);
        std::size_t from = 0;
        for (std::size_t count = 0; !is_over(); ++count) {
            expanded_bytes_ += text.size();
            if (expanded_bytes_ > bytes_max) return stop(place, "the file becomes too long");
            if (count > replacements_max || text.size() > line_bytes_max)
                return stop(place, "parameters stand for each other without an end");
            if (text.starts_with('@')) return conditional(place, text, comment, depth);
            if (auto definition = definition_in(text))
                return define(place, text, std::move(*definition));
            if (text.starts_with('~')) {
                const auto sequence = sequence_in(text, lines_max);
                if (!sequence)
                    return fail(
                        place,
                        fmt::format("{}: {}", shown(first_word(text)), shown(sequence.error())),
                        "write ~SEQ(NAME, START, STEP, END) or ~LST(NAME, VALUE, ...)");
                if (*sequence) return repeat(place, **sequence, comment, depth);
            }
            auto replaced = parameters_.replace_one(text, from);
            if (!replaced) break;
            if (parameters_.is_random() && !is_random_told_) {
                is_random_told_ = true;
                tell(place, said, Outcome::approximated,
                     "${_RANDOM} is another number at each start; here it is the least one");
            }
            text = std::move(replaced->line);
            from = replaced->from;
            if (text.contains('\n')) return split(place, text, comment, depth);
        }
        if (!text.empty() && !is_over())
            lines_.all.push_back({place, std::move(text), std::string(comment)});
    }

    /// "@id rest", "@^id rest"
    void conditional(const Place& place, std::string_view text, std::string_view comment,
                     std::size_t depth) {
        const auto condition = first_word(text);
        const auto rest = base::trimmed(text.substr(condition.size()));
        const bool is_negated = condition.starts_with("@^");
        const auto id = condition.substr(is_negated ? 2 : 1);
        if ((id == id_) != is_negated) return expand(place, rest, comment, depth + 1);
        tell(place, text, Outcome::not_needed,
             fmt::format("it is not for this machine, whose config-id is {} (--id)", shown(id_)));
    }

    void define(const Place& place, std::string_view text, Definition definition) {
        tell(place, text, Outcome::mapped, "its value is used where the parameter is");
        if (definition.value == "\\") {
            open_ = Definition{std::move(definition.name), {}};
            return;
        }
        parameters_.define(definition.name, std::move(definition.value));
    }

    void repeat(const Place& place, const Sequence& sequence, std::string_view comment,
                std::size_t depth) {
        const std::string line(sequence.line);
        for (const auto& round : sequence.rounds) {
            if (is_over()) return;
            for (const auto& [name, value] : round) parameters_.define(name, value);
            expand(place, line, comment, depth + 1);
        }
    }

    /// What a parameter with several lines stands for.
    void split(const Place& place, std::string_view text, std::string_view comment,
               std::size_t depth) {
        while (!text.empty() && !is_over()) {
            const auto end = std::min(text.find('\n'), text.size());
            const auto line = base::trimmed(text.substr(0, end));
            if (open_)
                goes_on(line);
            else
                expand(place, line, comment, depth + 1);
            text.remove_prefix(std::min(end + 1, text.size()));
            comment = {};
        }
    }

    const Source& source_;
    const std::string id_;
    Parameters parameters_;
    Demands demands_;
    std::optional<Definition> open_;  ///< a definition whose lines are being read
    Lines lines_;
    std::vector<SyntaxError> errors_;
    std::size_t looked_at_ = 0;
    std::size_t files_ = 0;
    std::size_t bytes_ = 0;
    std::size_t expanded_bytes_ = 0;  ///< of lines, each time that they are looked at
    bool is_random_told_ = false;
    bool is_too_long_ = false;
    bool is_full_ = false;
};

}  // namespace

std::expected<Lines, std::vector<SyntaxError>> read_lines(const Source& source) {
    return Reader(source).run();
}

}  // namespace ballast::migrate
