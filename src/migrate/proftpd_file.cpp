// SPDX-License-Identifier: Apache-2.0
#include "migrate/proftpd_file.h"

#include "base/ascii.h"
#include "config/spelling.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <utility>

namespace ballast::migrate::proftpd {

namespace {

using std::string;
using std::string_view;

constexpr std::size_t errors_max = 20;
constexpr std::size_t decisions_max = 1000;

/// "%{env:NAME}" in a parameter.
string with_variables(string_view text, const Machine& machine) {
    constexpr string_view begin = "%{env:";
    string result;
    for (;;) {
        const auto at = text.find(begin);
        const auto end = at == string_view::npos ? at : text.find('}', at);
        if (end == string_view::npos) return result.append(text);
        result.append(text.substr(0, at));
        const string name(text.substr(at + begin.size(), end - at - begin.size()));
        result.append(machine.variable(name).value_or(""));
        text.remove_prefix(end + 1);
    }
}

/// Empty if a quote is not closed.
std::optional<std::vector<string>> split(string_view line) {
    std::vector<string> words;
    std::size_t i = 0;
    for (;;) {
        while (i < line.size() && base::blanks.contains(line[i])) ++i;
        if (i == line.size() || line[i] == '#') return words;
        const bool is_quoted = line[i] == '"';
        if (is_quoted) ++i;
        string word;
        for (; i < line.size() && (is_quoted ? line[i] != '"' : !base::blanks.contains(line[i]));
             ++i) {
            if (is_quoted && line[i] == '\\' && i + 1 < line.size()) ++i;
            word += line[i];
        }
        if (is_quoted && i++ == line.size()) return std::nullopt;
        words.push_back(std::move(word));
    }
}

string folder_of(const string& file) {
    const auto slash = file.rfind('/');
    return slash == string::npos ? "" : file.substr(0, slash + 1);
}

class Reader {
public:
    explicit Reader(const Source& source) : source_(source) {}

    std::expected<File, std::vector<SyntaxError>> run() {
        blocks_.push_back({{}, Kind::root, &file_.directives, true});
        text(source_.file, source_.text);
        if (!errors_.empty()) return std::unexpected(std::move(errors_));
        return std::move(file_);
    }

private:
    enum class Kind : std::uint8_t { root, section, condition };

    struct Block {
        string name;
        Kind kind;
        std::vector<Directive>* into;
        bool is_live;
        Place place = {};
    };

    void text(const string& name, string_view content) {
        bytes_ += content.size();
        if (bytes_ > bytes_max)
            return fail({name, 0}, "the files are too large",
                        fmt::format("use at most {} bytes", bytes_max));
        const auto depth = blocks_.size();
        Place place{name, 0};
        std::uint32_t number = 0;
        string joined;
        while (!content.empty() && errors_.size() < errors_max) {
            const auto end = std::min(content.find('\n'), content.size());
            auto line = base::trimmed(content.substr(0, end), " \t\r");
            content.remove_prefix(std::min(end + 1, content.size()));
            ++number;
            if (joined.empty()) place.line = number;
            const bool goes_on = line.ends_with('\\') && !line.starts_with('#');
            if (goes_on) line.remove_suffix(1);
            joined += line;
            if (goes_on && !content.empty()) continue;
            one(place, std::exchange(joined, {}));
        }
        while (blocks_.size() > depth) {
            fail(blocks_.back().place, fmt::format("<{}> is not closed", blocks_.back().name),
                 fmt::format("add </{}>", blocks_.back().name));
            blocks_.pop_back();
        }
    }

    void one(const Place& place, string_view line) {
        if (line.empty() || line.starts_with('#')) return;
        if (line.contains('\0'))
            return fail(place, "the line has a NUL byte", "remove it; this is not a text file");
        if (line.starts_with("</")) return close(place, line);
        const bool is_block = line.starts_with('<');
        if (is_block && !line.ends_with('>'))
            return fail(place, "a block begins with <NAME ...>", "add > at the end of the line");
        if (is_block) line = line.substr(1, line.size() - 2);
        auto words = split(line);
        if (!words) return fail(place, "a double quote is not closed", "add the closing \"");
        if (words->empty()) return;
        Directive directive{.place = place,
                            .name = words->front(),
                            .words = {},
                            .is_block = is_block,
                            .inside = {}};
        for (std::size_t i = 1; i < words->size(); ++i)
            directive.words.push_back(with_variables((*words)[i], source_.machine));
        if (is_block) return open(std::move(directive));
        if (!blocks_.back().is_live) return;
        if (directive.is("Include")) return include(directive);
        if (directive.is("Define")) defined_.insert(directive.word(0));
        blocks_.back().into->push_back(std::move(directive));
    }

    void open(Directive directive) {
        if (blocks_.size() > blocks_deep_max)
            return fail(directive.place, "blocks are nested too deeply",
                        fmt::format("use at most {} levels", blocks_deep_max));
        const auto name = directive.name;
        const auto place = directive.place;
        auto& outer = blocks_.back();
        if (directive.is("IfModule") || directive.is("IfDefine")) {
            const bool is_live = outer.is_live && is_true(directive);
            blocks_.push_back({name, Kind::condition, outer.into, is_live, place});
            return;
        }
        if (!outer.is_live) {
            blocks_.push_back({name, Kind::condition, outer.into, false, place});
            return;
        }
        outer.into->push_back(std::move(directive));
        // The outer list does not grow while this block is open, so the pointer stays good.
        blocks_.push_back({name, Kind::section, &outer.into->back().inside, true, place});
    }

    bool is_true(const Directive& condition) {
        string_view what = condition.word(0);
        const bool is_negated = what.starts_with('!');
        if (is_negated) what.remove_prefix(1);
        const bool is_module = condition.is("IfModule");
        const bool is_there = is_module || defined_.contains(string(what));
        const bool is_live = is_there != is_negated;
        decide(condition,
               fmt::format("{}: {}",
                           is_module  ? "every module is taken as loaded"
                           : is_there ? "it is defined"
                                      : "it is not defined in the file",
                           is_live ? "the lines inside count" : "the lines inside are left out"));
        return is_live;
    }

    void close(const Place& place, string_view line) {
        const auto name = base::trimmed(line.substr(2), "> \t");
        if (blocks_.back().kind == Kind::root ||
            !base::is_same_but_for_case(blocks_.back().name, name))
            return fail(place, fmt::format("{} closes nothing", config::in_quotes(line)),
                        blocks_.back().kind == Kind::root
                            ? "remove it"
                            : fmt::format("write </{}> first", blocks_.back().name));
        blocks_.pop_back();
    }

    void include(const Directive& directive) {
        if (includes_ >= includes_deep_max)
            return fail(directive.place, "files include each other too deeply",
                        fmt::format("use at most {} levels", includes_deep_max));
        auto pattern = directive.word(0);
        if (pattern.empty()) return fail(directive.place, "Include has no path", "name a file");
        if (!pattern.starts_with('/')) pattern = folder_of(directive.place.file) + pattern;
        if (pattern.ends_with('/')) pattern += '*';
        std::vector<string> files{pattern};
        if (pattern.find_first_of("*?[{") != string::npos)
            files = source_.machine.files_like(pattern);
        decide(directive, fmt::format("{} file(s)", files.size()));
        ++includes_;
        for (const auto& file : files) one_file(directive, file);
        --includes_;
    }

    void one_file(const Directive& directive, const string& file) {
        if (++files_ > files_max)
            return fail(directive.place, "too many files are included",
                        fmt::format("use at most {} files", files_max));
        const auto content = source_.machine.read_file(file);
        if (!content)
            return fail(directive.place, base::to_string(content.error()),
                        "run the import where the file is");
        text(file, *content);
    }

    void decide(const Directive& directive, string text) {
        if (file_.decisions.size() < decisions_max)
            file_.decisions.push_back({directive.place, directive.text(), std::move(text)});
    }
    void fail(const Place& place, string what, string fix) {
        if (errors_.size() < errors_max)
            errors_.push_back({place, std::move(what), std::move(fix)});
    }

    const Source& source_;
    File file_;
    std::vector<Block> blocks_;
    std::set<string> defined_;
    std::vector<SyntaxError> errors_;
    std::size_t bytes_ = 0;
    std::size_t files_ = 0;
    std::size_t includes_ = 0;
};

}  // namespace

const string& Directive::word(std::size_t index) const {
    static const string none;
    return index < words.size() ? words[index] : none;
}

bool Directive::is(string_view other_name) const {
    return base::is_same_but_for_case(name, other_name);
}

string Directive::text() const {
    auto text = name;
    for (const auto& word : words) text += ' ' + word;
    return is_block ? '<' + text + '>' : text;
}

std::expected<File, std::vector<SyntaxError>> read_file(const Source& source) {
    return Reader(source).run();
}

}  // namespace ballast::migrate::proftpd
