// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_file.h"

#include "base/ascii.h"
#include "config/spelling.h"
#include "migrate/contains.h"
#include "migrate/haproxy_condition.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <utility>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

constexpr std::size_t errors_max = 20;
constexpr std::size_t remarks_max = 1000;
constexpr std::size_t variables_max = 10'000;

constexpr auto section_kinds = std::to_array<string_view>(
    {"global",      "defaults",  "frontend", "backend",     "listen",
     "peers",       "resolvers", "mailers",  "userlist",    "ring",
     "log-forward", "cache",     "program",  "traces",      "http-errors",
     "fcgi-app",    "crt-store", "acme",     "log-profile", "healthcheck"});

bool is_section(string_view word) { return contains(section_kinds, word); }

/// The environment and what the file itself sets.
class Variables {
public:
    explicit Variables(const Environment& outer) : outer_(outer) {}

    [[nodiscard]] std::optional<string> value(const string& name) const {
        if (const auto own = own_.find(name); own != own_.end()) return own->second;
        return is_reset_ ? std::nullopt : outer_(name);
    }

    /// What `setenv` and its relatives do. Other lines do nothing.
    void obey(const Line& line) {
        const auto& verb = line.words.front();
        if (verb == "setenv" || (verb == "presetenv" && !value(line.word(1)))) {
            if (own_.size() < variables_max) own_[line.word(1)] = line.word(2);
        } else if (verb == "unsetenv") {
            for (std::size_t i = 1; i < line.words.size(); ++i) own_[line.words[i]] = std::nullopt;
        } else if (verb == "resetenv") {
            reset(line);
        }
    }

private:
    /// Removes every variable but those that are named.
    void reset(const Line& line) {
        std::map<string, std::optional<string>> kept;
        for (std::size_t i = 1; i < line.words.size(); ++i)
            kept[line.words[i]] = value(line.words[i]);
        own_ = std::move(kept);
        is_reset_ = true;
    }

    const Environment& outer_;
    std::map<string, std::optional<string>> own_;
    bool is_reset_ = false;
};

/// Which lines count, inside `.if` and the like.
class Conditionals {
public:
    struct Level {
        bool is_taken = false;   // these lines count
        bool was_taken = false;  // one of the branches counted already
        bool is_last = false;    // after .else
        bool is_dead = false;    // inside lines that do not count
    };

    [[nodiscard]] bool is_live() const {
        return levels_.empty() || (levels_.back().is_taken && !levels_.back().is_dead);
    }
    [[nodiscard]] bool empty() const { return levels_.empty(); }
    [[nodiscard]] std::size_t depth() const { return levels_.size(); }
    [[nodiscard]] Level& top() { return levels_.back(); }

    void open(bool value) { levels_.push_back({value, value, false, !is_live()}); }
    void close() { levels_.pop_back(); }

private:
    std::vector<Level> levels_;
};

class Reader {
public:
    Reader(string_view text, const string& file_name, const Environment& environment)
        : text_(text),
          file_name_(file_name),
          variables_(environment),
          lookup_([this](const string& name) { return look_up(name); }) {}

    std::expected<File, std::vector<SyntaxError>> run() {
        if (text_.size() > file_bytes_max) {
            fail("the file is too large", fmt::format("use at most {} bytes", file_bytes_max));
            return std::unexpected(std::move(errors_));
        }
        for (std::size_t begin = 0; begin < text_.size() && errors_.size() < errors_max;) {
            const auto end = std::min(text_.find('\n', begin), text_.size());
            ++number_;
            line(base::trimmed_behind(text_.substr(begin, end - begin), "\r"));
            begin = end + 1;
        }
        if (!conditionals_.empty()) fail("a .if is not closed", "add .endif");
        if (!errors_.empty()) return std::unexpected(std::move(errors_));
        return std::move(file_);
    }

private:
    /// HAProxy has pseudo-variables for messages.
    [[nodiscard]] std::optional<string> look_up(const string& name) const {
        if (name == ".FILE") return file_name_;
        if (name == ".LINE") return fmt::to_string(number_);
        if (name == ".SECTION") return file_.sections.empty() ? "" : file_.sections.back().kind;
        return variables_.value(name);
    }

    void line(string_view text) {
        if (text.contains('\0'))
            return fail("the line has a NUL byte", "remove it; this is not a text file");
        if (text.size() > line_bytes_max)
            return fail("the line is too long",
                        fmt::format("use at most {} bytes", line_bytes_max));
        auto split = split_words(text, lookup_);
        if (!split) {
            const auto [what, fix] = advice(split.error());
            return fail(string(what), string(fix));
        }
        if (split->words.empty()) return;
        if (split->words.front().starts_with('.')) return macro(split->words);
        if (!conditionals_.is_live()) return;
        for (const auto& name : split->unset_variables)
            remark(file_.variables, name,
                   "the variable is not set, so nothing stands in its place");
        Line line{number_, std::move(split->words)};
        if (is_section(line.words.front())) return section(line);
        if (file_.sections.empty())
            return fail(fmt::format("{} is in no section", config::in_quotes(line.words.front())),
                        "begin with a section, such as `global`, `defaults` or `listen NAME`");
        if (file_.sections.back().kind == "global") variables_.obey(line);
        file_.sections.back().lines.push_back(std::move(line));
    }

    void section(const Line& line) {
        if (file_.sections.size() >= sections_max)
            return fail("the file has too many sections", "split it into several files");
        Section section;
        section.kind = line.words.front();
        section.line = number_;
        auto next = std::size_t{1};
        if (line.word(next) != "from") section.name = line.word(next++);
        if (line.word(next) == "from") section.from = line.word(next + 1);
        const bool needs_name =
            section.kind == "frontend" || section.kind == "backend" || section.kind == "listen";
        if (needs_name && section.name.empty())
            return fail(fmt::format("the {} has no name", section.kind),
                        fmt::format("write `{} NAME`", section.kind));
        if (!section.from.empty() && !has_defaults(section.from))
            fail(fmt::format("there is no defaults section {} before this",
                             config::in_quotes(section.from)),
                 "name one that comes earlier in the file");
        // Old files have the address here: "listen ftp 192.0.2.1:21".
        const auto& address = line.word(next);
        const bool has_address = section.kind == "listen" && !address.empty() && address != "from";
        if (has_address) section.lines.push_back({number_, {"bind", address}});
        file_.sections.push_back(std::move(section));
    }

    [[nodiscard]] bool has_defaults(const string& name) const {
        return std::ranges::any_of(file_.sections, [&](const Section& section) {
            return section.kind == "defaults" && section.name == name;
        });
    }

    void macro(const std::vector<string>& words) {
        const auto& name = words.front();
        if (name == ".if") return open(words);
        if (name == ".elif" || name == ".else" || name == ".endif") return go_on(words);
        const bool is_message =
            name == ".notice" || name == ".warning" || name == ".alert" || name == ".diag";
        if (!is_message)
            return fail(fmt::format("{} is unknown", config::in_quotes(name)),
                        "use .if, .elif, .else, .endif, .diag, .notice, .warning or .alert");
        if (!conditionals_.is_live()) return;
        if (name == ".alert")
            return fail(fmt::format("the file refuses itself: {}", rest_of(words)),
                        "meet the condition around this .alert, or remove it");
        remark(file_.messages, name, rest_of(words));
    }

    void open(const std::vector<string>& words) {
        if (conditionals_.depth() >= conditions_max)
            return fail("conditions are nested too deeply",
                        fmt::format("use at most {} levels", conditions_max));
        conditionals_.open(conditionals_.is_live() && decided(words));
    }

    void go_on(const std::vector<string>& words) {
        const auto& name = words.front();
        if (conditionals_.empty())
            return fail(fmt::format("there is no .if for this {}", name), "remove it, or add .if");
        auto& level = conditionals_.top();
        if (name == ".endif") return conditionals_.close();
        if (level.is_last)
            return fail(fmt::format("{} after .else", name), "put .else last, and once");
        const bool may_be_taken = !level.is_dead && !level.was_taken;
        level.is_last = name == ".else";
        level.is_taken = may_be_taken && (level.is_last || decided(words));
        level.was_taken = level.was_taken || level.is_taken;
    }

    bool decided(const std::vector<string>& words) {
        const auto condition = rest_of(words);
        const auto value = evaluate(condition, lookup_);
        if (!value) {
            fail(value.error(), "use a number, or a predicate such as defined(NAME) or streq(a,b)");
            return false;
        }
        auto text = string(*value ? "true: the lines below it count"
                                  : "false: the lines below it are left out");
        if (condition.contains("version_"))
            text += fmt::format(" (for HAProxy {})", assumed_version.substr(0, 3));
        remark(file_.conditions, fmt::format("{} {}", words.front(), condition), text);
        return *value;
    }

    static string rest_of(const std::vector<string>& words) {
        string rest;
        for (std::size_t i = 1; i < words.size(); ++i) rest += (i > 1 ? " " : "") + words[i];
        return rest;
    }

    void remark(std::vector<Remark>& into, string directive, string text) const {
        if (into.size() < remarks_max)
            into.push_back({number_, std::move(directive), std::move(text)});
    }
    void fail(string what, string fix) {
        errors_.push_back({{file_name_, number_}, std::move(what), std::move(fix)});
    }

    string_view text_;
    const string& file_name_;
    Variables variables_;
    Environment lookup_;
    Conditionals conditionals_;
    File file_;
    std::vector<SyntaxError> errors_;
    std::uint32_t number_ = 0;
};

}  // namespace

const string& Line::word(std::size_t index) const {
    static const string none;
    return index < words.size() ? words[index] : none;
}

const string& Line::word_behind(string_view name) const {
    for (std::size_t i = 1; i + 1 < words.size(); ++i)
        if (words[i] == name) return words[i + 1];
    return word(words.size());
}

std::expected<File, std::vector<SyntaxError>> read_file(string_view text, const string& file_name,
                                                        const Environment& environment) {
    return Reader(text, file_name, environment).run();
}

}  // namespace ballast::migrate::haproxy
