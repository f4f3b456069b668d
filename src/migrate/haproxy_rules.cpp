// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_rules.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/subnet.h"
#include "migrate/contains.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;
using Span = std::span<const string>;

constexpr std::size_t conjunctions_max = 64;
constexpr std::size_t terms_max = 256;

/// "src_conn_rate(table)" in its parts.
struct Fetch {
    string_view name;
    string_view argument;
    string_view converters;  ///< ",lower"
};
Fetch fetch_of(string_view word) {
    const auto open = word.find('(');
    auto comma = word.find(',');
    if (open < comma) comma = word.find(',', std::min(word.find(')'), word.size()));
    Fetch fetch;
    if (comma != string_view::npos) fetch.converters = word.substr(comma);
    word = word.substr(0, comma);
    fetch.name = word.substr(0, open);
    if (open < word.size()) fetch.argument = word.substr(open + 1, word.size() - open - 2);
    return fetch;
}

Test test_of(Question question, std::vector<string> values = {}) {
    Test test;
    test.question = question;
    test.values = std::move(values);
    return test;
}
Test counted(Question question, std::uint64_t number, string table = {}) {
    auto test = test_of(question);
    test.number = number;
    test.table = std::move(table);
    return test;
}

/// Counters of stick tables: "sc0_conn_rate", "sc_conn_rate(0,table)", "src_conn_rate(table)".
std::optional<Question> counter(string_view name) {
    for (const auto prefix : {"src_", "sc0_", "sc1_", "sc2_", "sc_"}) {
        if (!name.starts_with(prefix)) continue;
        const auto rest = name.substr(string_view(prefix).size());
        if (rest == "conn_rate" || rest == "sess_rate") return Question::rate_of_address;
        if (rest == "conn_cur") return Question::sessions_of_address;
    }
    return std::nullopt;
}

/// Flags of an access list: -i, -m METHOD, -f FILE, -n, -u, -M; "--" ends them.
struct Flags {
    string_view method;
    bool has_file = false;
};
Flags take_flags(Span& words) {
    Flags flags;
    while (!words.empty() && words.front().starts_with('-') && words.front().size() > 1) {
        const string_view flag = words.front();
        words = words.subspan(1);
        if (flag == "--") break;
        const bool has_value = flag == "-m" || flag == "-f" || flag == "-M" || flag == "-u";
        if (flag == "-f" || flag == "-M") flags.has_file = true;
        if (!has_value || words.empty()) continue;
        if (flag == "-m") flags.method = words.front();
        words = words.subspan(1);
    }
    return flags;
}

/// "gt 10", "ge 10" and a lone number. Only tests for too many have a counterpart.
std::optional<std::uint64_t> more_than(Span words) {
    const bool has_operator = words.size() == 2;
    const auto number = base::parse_number<std::uint64_t>(words.empty() ? "" : words.back());
    if (!number || !has_operator) return std::nullopt;
    if (words.front() == "gt") return number;
    if (words.front() == "ge" && *number > 0) return *number - 1;
    return std::nullopt;
}

bool is_none(Span words) {
    return words.size() == 2 &&
           ((words[0] == "lt" && words[1] == "1") || (words[0] == "eq" && words[1] == "0") ||
            (words[0] == "le" && words[1] == "0"));
}

std::optional<string> pattern_of(string_view method, const string& value) {
    if (value.find_first_of("*?") != string::npos) return std::nullopt;
    if (method.empty() || method == "str") return value;
    if (method == "end" || method == "dom") return '*' + value;
    if (method == "beg") return value + '*';
    if (method == "sub") return '*' + value + '*';
    return std::nullopt;
}

Test network_test(Span values, const Flags& flags) {
    Test test;
    test.question = Question::network;
    for (const auto& value : values) {
        const auto subnet = base::Subnet::parse(value);
        if (!subnet) return {};
        test.values.push_back(base::to_string(*subnet));
    }
    const bool is_plain = flags.method.empty() || flags.method == "ip";
    return !is_plain || flags.has_file || test.values.empty() ? Test{} : test;
}

Test name_test(Span values, Flags flags, string_view suffix) {
    if (!suffix.empty()) flags.method = suffix.substr(1);
    Test test;
    test.question = Question::server_name;
    for (const auto& value : values) {
        auto pattern = pattern_of(flags.method, value);
        if (!pattern) return {};
        test.values.push_back(std::move(*pattern));
    }
    return flags.has_file || test.values.empty() ? Test{} : test;
}

/// "21", "eq 21", "20000:20009 21"
Test port_test(Span values, const Flags& flags) {
    auto test = test_of(Question::port);
    if (!values.empty() && values.front() == "eq") values = values.subspan(1);
    for (const auto& value : values) {
        auto range = value;
        std::ranges::replace(range, ':', '-');
        const auto ports = base::PortRange::parse(range);
        if (!ports) return {};
        test.ports.push_back(*ports);
    }
    const bool is_plain = flags.method.empty() || flags.method == "int";
    return !is_plain || flags.has_file || test.ports.empty() ? Test{} : test;
}

/// A test of one `acl` line, or of what stands in braces.
Test read_test(Span words, const Proxy& proxy) {
    if (words.empty()) return {};
    const auto fetch = fetch_of(words.front());
    // What a converter makes of the value is another question. Names have no case anyway.
    if (!fetch.converters.empty() && fetch.converters != ",lower") return {};
    auto values = words.subspan(1);
    const auto flags = take_flags(values);
    if (fetch.name == "src") return network_test(values, flags);
    if (fetch.name == "dst_port") return port_test(values, flags);
    for (const string_view sni : {"req.ssl_sni", "req_ssl_sni", "ssl_fc_sni"})
        if (fetch.name.starts_with(sni))
            return name_test(values, flags, fetch.name.substr(sni.size()));
    if (fetch.name == "nbsrv" && is_none(values))
        return test_of(Question::dead_pool, {string(fetch.argument)});
    if (fetch.name == "always_true") return test_of(Question::always);
    if (fetch.name == "always_false") return test_of(Question::never);
    const auto number = more_than(values);
    if (!number) return {};
    if (const auto question = counter(fetch.name)) {
        const auto comma = fetch.argument.find(',');
        const bool is_tracked = fetch.name.starts_with("sc_");
        const auto table = is_tracked
                               ? fetch.argument.substr(std::min(comma, fetch.argument.size()))
                               : fetch.argument;
        return counted(*question, *number, string(base::trimmed(table, ",")));
    }
    const bool is_of_others = !fetch.argument.empty() && fetch.argument != proxy.name;
    if (is_of_others) return {};
    if (fetch.name == "fe_conn" || fetch.name == "be_conn")
        return counted(Question::sessions_of_all, *number);
    if (fetch.name == "fe_sess_rate" || fetch.name == "be_sess_rate" ||
        fetch.name == "fe_conn_rate")
        return counted(Question::rate_of_all, *number);
    return {};
}

Test predefined(string_view name) {
    if (name == "TRUE" || name == "WAIT_END") return test_of(Question::always);
    if (name == "FALSE") return test_of(Question::never);
    if (name == "LOCALHOST") return test_of(Question::network, {"127.0.0.0/8", "::1"});
    return {};
}

/// All lines of one name together are one list: one of them must match.
std::vector<Test> tests_of(const string& name, const Proxy& proxy) {
    std::vector<Test> tests;
    for (const auto& [line, is_inherited] : proxy.directives) {
        if (!begins_with(*line, {"acl", name})) continue;
        auto test = read_test(Span(line->words).subspan(2), proxy);
        const bool can_join =
            !tests.empty() && test.question == tests.back().question &&
            (test.question == Question::network || test.question == Question::server_name);
        if (can_join)
            std::ranges::move(test.values, std::back_inserter(tests.back().values));
        else
            tests.push_back(std::move(test));
    }
    if (tests.empty()) tests.push_back(predefined(name));
    return tests;
}

Test negated(Test test) {
    test.is_negated = !test.is_negated;
    if (test.question == Question::always || test.question == Question::never) {
        test.question = test.question == Question::always ? Question::never : Question::always;
        test.is_negated = false;
    }
    return test;
}

class Reader {
public:
    explicit Reader(const Proxy& proxy) : proxy_(proxy) {}

    /// A condition that is too long is an unknown one.
    Condition read(Span words) {
        Condition condition;
        Condition part(1);  // since the last "or"
        bool is_negated = false;
        if (words.size() > terms_max) return {{Test{}}};
        for (std::size_t i = 0; i < words.size(); ++i) {
            string_view word = words[i];
            if (word == "||" || word == "or") {
                std::ranges::move(part, std::back_inserter(condition));
                part = Condition(1);
                continue;
            }
            while (word.starts_with('!')) {
                is_negated = !is_negated;
                word.remove_prefix(1);
            }
            if (word.empty()) continue;
            std::vector<Test> tests;
            if (word == "{") {
                const auto end = std::ranges::find(words.subspan(i), "}") - words.begin();
                const auto length = static_cast<std::size_t>(end) - i - 1;
                tests.push_back(read_test(words.subspan(i + 1, length), proxy_));
                i = static_cast<std::size_t>(end);
            } else {
                tests = tests_of(string(word), proxy_);
            }
            if (condition.size() + part.size() * tests.size() > conjunctions_max) return {{Test{}}};
            part = with(part, tests, std::exchange(is_negated, false));
        }
        std::ranges::move(part, std::back_inserter(condition));
        return condition;
    }

private:
    /// A list of several kinds of tests is "one of them": each makes a conjunction of its own.
    static Condition with(Condition part, const std::vector<Test>& tests, bool is_negated) {
        if (is_negated) {
            for (auto& all : part)
                for (const auto& test : tests) all.push_back(negated(test));
            return part;
        }
        Condition made;
        for (const auto& all : part)
            for (const auto& test : tests) {
                made.push_back(all);
                made.back().push_back(test);
            }
        return made;
    }

    const Proxy& proxy_;
};

/// Only a condition with one test has a negation that is as simple.
Condition inverse(const Condition& condition) {
    if (condition.size() == 1 && condition.front().size() == 1)
        return {{negated(condition.front().front())}};
    return {{Test{}}};
}

/// Without what is always or never true.
Condition simplified(Condition condition) {
    std::erase_if(condition, [](const Conjunction& all) {
        return contains(all, Question::never, &Test::question);
    });
    for (auto& all : condition)
        std::erase_if(all, [](const Test& test) { return test.question == Question::always; });
    return condition;
}

}  // namespace

Condition condition_of(const Line& rule, std::size_t first, const Proxy& proxy) {
    for (std::size_t i = first; i < rule.words.size(); ++i) {
        if (rule.words[i] != "if" && rule.words[i] != "unless") continue;
        auto condition = Reader(proxy).read(Span(rule.words).subspan(i + 1));
        return simplified(rule.words[i] == "if" ? std::move(condition) : inverse(condition));
    }
    return {{}};
}

const Test* only_test(const Condition& condition) {
    const bool is_one = condition.size() == 1 && condition.front().size() == 1;
    return is_one ? &condition.front().front() : nullptr;
}

bool is_always(const Condition& condition) {
    return std::ranges::any_of(condition, &Conjunction::empty);
}

}  // namespace ballast::migrate::haproxy
