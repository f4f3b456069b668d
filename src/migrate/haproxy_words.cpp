// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_words.h"

#include <cctype>
#include <charconv>
#include <utility>

namespace ballast::migrate::haproxy {

namespace {

using std::string_view;

constexpr char no_quote = '\0';

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_part_of_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

class Splitter {
public:
    Splitter(string_view line, const Environment& environment)
        : rest_(line), environment_(environment) {}

    std::expected<Words, WordsRefusal> run() {
        while (!rest_.empty()) {
            if (rest_.front() == '#' && quote_ == no_quote) break;
            if (auto refused = step()) return std::unexpected(*refused);
            if (bytes_ > expanded_bytes_max) return std::unexpected(WordsRefusal::too_long);
            if (found_.words.size() > words_max)
                return std::unexpected(WordsRefusal::too_many_words);
        }
        if (quote_ == '\'') return std::unexpected(WordsRefusal::open_single_quote);
        if (quote_ == '"') return std::unexpected(WordsRefusal::open_double_quote);
        end_word();
        return std::move(found_);
    }

private:
    std::optional<WordsRefusal> step() {
        const char c = rest_.front();
        if (c == '\\' && quote_ != '\'') return escape();
        if (c == '$' && quote_ == '"') return variable();
        rest_.remove_prefix(1);
        if ((c == '"' || c == '\'') && (quote_ == no_quote || quote_ == c)) {
            quote_ = quote_ == c ? no_quote : c;
            is_begun_ = true;
        } else if (quote_ == no_quote && is_blank(c)) {
            end_word();
        } else {
            emit(c);
        }
        return std::nullopt;
    }

    /// A backslash before another character than these stays.
    std::optional<WordsRefusal> escape() {
        const char next = rest_.size() > 1 ? rest_[1] : '\0';
        if (next == 'x') return hexadecimal();
        const bool is_dollar = next == '$' && quote_ == '"';
        const string_view literal = " \\#'\"";
        char meant = '\\';
        if (is_dollar || (next != '\0' && literal.contains(next))) meant = next;
        if (next == 't') meant = '\t';
        if (next == 'n') meant = '\n';
        if (next == 'r') meant = '\r';
        const bool is_escape = meant != '\\' || next == '\\';
        rest_.remove_prefix(is_escape ? 2 : 1);
        emit(meant);
        return std::nullopt;
    }

    std::optional<WordsRefusal> hexadecimal() {
        constexpr std::size_t digits = 2;
        const auto code = rest_.substr(2, digits);
        unsigned value = 0;
        const auto [end, error] =
            std::from_chars(code.data(), code.data() + code.size(), value, 16);
        if (code.size() < digits || error != std::errc{} || end != code.data() + digits)
            return WordsRefusal::bad_hexadecimal;
        rest_.remove_prefix(2 + digits);
        emit(static_cast<char>(value));
        return std::nullopt;
    }

    /// $NAME, ${NAME}, ${NAME-default}, ${NAME[*]} and ${NAME[*]-default}.
    std::optional<WordsRefusal> variable() {
        rest_.remove_prefix(1);
        const bool is_braced = rest_.starts_with('{');
        if (is_braced) rest_.remove_prefix(1);
        // ".FILE" and the like are HAProxy's own.
        std::size_t length = rest_.starts_with('.') ? 1 : 0;
        const bool begins_well =
            length < rest_.size() && (is_letter(rest_[length]) || rest_[length] == '_');
        if (!begins_well) return WordsRefusal::bad_variable_name;
        while (length < rest_.size() && is_part_of_name(rest_[length])) ++length;
        const std::string name(rest_.substr(0, length));
        rest_.remove_prefix(length);

        bool is_split = false;
        if (is_braced && rest_.starts_with('[')) {
            if (!rest_.starts_with("[*]")) return WordsRefusal::bad_expansion;
            rest_.remove_prefix(3);
            is_split = true;
        }
        auto value = environment_(name);
        if (is_braced) {
            const auto end = rest_.find('}');
            const bool is_closed = end != string_view::npos && (end == 0 || rest_.front() == '-');
            if (!is_closed) return WordsRefusal::open_brace;
            if (!value && end > 0) value = rest_.substr(1, end - 1);
            rest_.remove_prefix(end + 1);
        }
        if (value)
            emit_value(*value, is_split);
        else
            skip_unset(name);
        return std::nullopt;
    }

    void emit_value(string_view value, bool is_split) {
        for (const char c : value) {
            if (is_split && (is_blank(c) || c == '\n'))
                end_word();
            else
                emit(c);
        }
    }

    /// "$UNSET" is no word at all, not an empty one: HAProxy also skips the closing quote and the
    /// blanks behind it.
    void skip_unset(const std::string& name) {
        found_.unset_variables.push_back(name);
        if (name.starts_with('.') || !rest_.starts_with('"')) return;
        rest_.remove_prefix(1);
        while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
        quote_ = no_quote;
        if (word_.empty()) is_begun_ = false;
    }

    void emit(char c) {
        word_ += c;
        is_begun_ = true;
        ++bytes_;
    }
    void end_word() {
        if (is_begun_) found_.words.push_back(std::exchange(word_, {}));
        is_begun_ = false;
    }

    string_view rest_;
    const Environment& environment_;
    Words found_;
    std::string word_;
    std::size_t bytes_ = 0;
    bool is_begun_ = false;  // "" is a word too
    char quote_ = no_quote;
};

}  // namespace

Advice advice(WordsRefusal refusal) {
    switch (refusal) {
        case WordsRefusal::open_single_quote:
            return {"a single quote is not closed",
                    "add the closing ', or write \\' for the character"};
        case WordsRefusal::open_double_quote:
            return {"a double quote is not closed",
                    "add the closing \", or write \\\" for the character"};
        case WordsRefusal::bad_hexadecimal:
            return {"\\x needs two hexadecimal digits", "write \\x0d, or \\\\x for the characters"};
        case WordsRefusal::bad_variable_name:
            return {"the name of a variable must begin with a letter or '_'",
                    "write $NAME or ${NAME}, or \\$ for the character"};
        case WordsRefusal::open_brace:
            return {"a ${ is not closed", "write ${NAME} or ${NAME-default}"};
        case WordsRefusal::bad_expansion:
            return {"only [*] may follow the name of a variable", "write ${NAME[*]}"};
        case WordsRefusal::too_many_words:
            return {"the line has too many words", "split it into several lines"};
        case WordsRefusal::too_long:
            return {"the line is too long once its variables are expanded", "use shorter values"};
    }
    std::terminate();
}

std::expected<Words, WordsRefusal> split_words(string_view line, const Environment& environment) {
    return Splitter(line, environment).run();
}

}  // namespace ballast::migrate::haproxy
