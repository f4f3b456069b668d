// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived_blocks.h"

#include <fmt/format.h>
#include <utility>

namespace ballast::migrate {

namespace {

constexpr std::size_t depth_max = 16;
constexpr std::size_t errors_max = 20;

enum class Brace : std::uint8_t { none, open, close };

Brace brace_of(const Word& word) {
    if (word.raw == "{") return Brace::open;
    return word.raw == "}" ? Brace::close : Brace::none;
}

/// "virtual_server{": the brace as a word of its own.
std::vector<Word> with_braces_apart(std::vector<Word> words) {
    std::vector<Word> result;
    for (auto& word : words) {
        const bool is_glued = !word.is_quoted() && word.raw.size() > 1 &&
                              word.raw.find_first_of("{}") == word.raw.size() - 1;
        if (!is_glued) {
            result.push_back(std::move(word));
            continue;
        }
        const auto brace = word.raw.substr(word.raw.size() - 1);
        word.raw.pop_back();
        word.text.pop_back();
        result.push_back(std::move(word));
        result.push_back({brace, brace});
    }
    return result;
}

class Reader {
public:
    std::expected<std::vector<Directive>, std::vector<SyntaxError>> run(
        const std::vector<Line>& lines) {
        for (const auto& line : lines) {
            if (errors_.size() >= errors_max) break;
            one(line);
        }
        while (!open_.empty()) {
            fail(open_.back().place,
                 fmt::format("the block of {} is not closed",
                             shown(open_.back().words.front().text)),
                 "add } where it ends");
            close();
        }
        if (!errors_.empty()) return std::unexpected(std::move(errors_));
        return std::move(top_);
    }

private:
    void fail(const Place& place, std::string what, std::string fix) {
        if (errors_.size() < errors_max)
            errors_.push_back({place, std::move(what), std::move(fix)});
    }

    [[nodiscard]] std::vector<Directive>& siblings() {
        return open_.empty() ? top_ : open_.back().block;
    }

    void one(const Line& line) {
        if (line.text.empty()) {
            comments_.push_back(line.comment);
            return;
        }
        auto words = split_words(line.text);
        if (!words)
            return fail(line.place, fmt::format("a quote {} is not closed", words.error()),
                        "close it on the same line");
        Directive directive{.place = line.place, .comment = line.comment};
        for (auto& word : with_braces_apart(std::move(*words))) {
            const auto brace = brace_of(word);
            if (brace == Brace::none) {
                directive.words.push_back(std::move(word));
                continue;
            }
            if (!directive.words.empty()) finish(std::exchange(directive, {.place = line.place}));
            if (brace == Brace::open)
                open(line.place);
            else if (open_.empty())
                fail(line.place, "} closes no block", "remove it, or open a block before it");
            else
                close();
        }
        if (!directive.words.empty()) finish(std::move(directive));
    }

    void finish(Directive directive) {
        directive.comments = std::exchange(comments_, {});
        siblings().push_back(std::move(directive));
    }

    /// The block belongs to the directive before it, on the same line or above.
    void open(const Place& place) {
        if (siblings().empty() || siblings().back().has_block)
            return fail(place, "{ has no keyword", "write the keyword of the block before it");
        if (open_.size() == depth_max) {
            fail(place, "blocks are nested too deeply", "close those that have ended");
            return;
        }
        auto owner = std::move(siblings().back());
        siblings().pop_back();
        owner.has_block = true;
        open_.push_back(std::move(owner));
    }

    void close() {
        auto closed = std::move(open_.back());
        open_.pop_back();
        siblings().push_back(std::move(closed));
    }

    std::vector<Directive> top_;
    std::vector<Directive> open_;  ///< blocks around the current line
    std::vector<std::string> comments_;
    std::vector<SyntaxError> errors_;
};

}  // namespace

std::string_view Directive::word(std::size_t index) const {
    return index < words.size() ? std::string_view(words[index].text) : std::string_view();
}

std::string Directive::said() const {
    std::string result;
    for (const auto& each : words) result += (result.empty() ? "" : " ") + each.raw;
    return result;
}

std::expected<std::vector<Directive>, std::vector<SyntaxError>> read_blocks(
    const std::vector<Line>& lines) {
    return Reader().run(lines);
}

}  // namespace ballast::migrate
