// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_amount.h"
#include "migrate/haproxy_rules.h"
#include "migrate/haproxy_translation.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

constexpr string_view one_list = "allow_from is one list: write the networks that all rules let in";

bool is_about_address(const Test& test) {
    return test.question == Question::network || test.question == Question::rate_of_address ||
           test.question == Question::sessions_of_address;
}

/// Who may connect, and how often: the rules of a frontend or listen.
class Access {
public:
    Access(Translation& it, const Proxy& proxy, DraftListener& listener)
        : it_(it),
          proxy_(proxy),
          listener_(listener),
          has_headers_(listener.settings.find("proxy_from") != nullptr),
          expects_headers_(std::ranges::any_of(proxy.directives, [](const Directive& directive) {
              return begins_with(*directive.line, {"tcp-request", "connection", "expect-proxy"});
          })) {}

    void run() {
        for (const string_view name : {"connection", "session", "content"}) level(name);
        for (const auto& [line, is_inherited] : proxy_.directives) {
            const auto& verb = line->words.front();
            if (verb == "rate-limit") rate_limit(*line);
            if (verb == "filter") filter(*line);
        }
        write_list("allow_from", allowed_, is_closed_);
        write_list("deny_from", denied_, true);
    }

private:
    /// HAProxy runs the rules of one level after those of another, whatever the order of the file.
    /// Every level has to let a client in.
    void level(string_view name) {
        accepted_.clear();
        is_decided_ = false;
        // Rules about connections come before the header of the PROXY protocol is read.
        sees_proxies_ = name == "connection" && (has_headers_ || expects_headers_);
        for (const auto& [line, is_inherited] : proxy_.directives)
            if (line->words.front() == "tcp-request" && line->word(1) == name && !is_decided_)
                request(*line);
    }

    void request(const Line& line) {
        const auto& action = line.word(2);
        const auto condition = condition_of(line, 3, proxy_);
        if (action.starts_with("track-sc") || action.starts_with("sc-"))
            return it_.notes.add(line, Outcome::not_needed, "Ballast counts each client by itself");
        if (action == "expect-proxy") return expect_proxy(line, condition);
        if (action == "set-bandwidth-limit")
            return it_.notes.add(line, Outcome::mapped, "session_bandwidth, see its filter");
        if (action == "accept") return accept(line, condition);
        if (action == "reject" || action == "silent-drop") return reject(line, condition);
    }

    void accept(const Line& line, const Condition& condition) {
        if (is_always(condition)) {
            is_decided_ = true;
            return it_.notes.add(line, Outcome::mapped, "nobody else is refused");
        }
        if (const auto* const test = only_test(condition); test != nullptr &&
                                                           test->question == Question::network &&
                                                           !test->is_negated && !sees_proxies_) {
            std::ranges::copy(test->values, std::back_inserter(accepted_));
            has_exceptions_ = true;
            return it_.notes.add(line, Outcome::approximated,
                                 "allow_from, if everybody else is rejected; limits apply to all");
        }
        // Rules about content wait for what a client sends first, which is nothing in FTP.
        const bool is_about_content = line.word(1) == "content";
        it_.notes.add(line, is_about_content ? Outcome::not_needed : Outcome::unsupported,
                      is_about_content ? "FTP servers speak first, so there is nothing to look at"
                                       : "allow_from is a list of networks");
    }

    void reject(const Line& line, const Condition& condition) {
        if (is_always(condition)) {
            is_decided_ = true;
            const bool is_for_nobody = accepted_.empty();
            if (!is_for_nobody && is_closed_)
                return it_.notes.add(line, Outcome::unsupported, one_list);
            if (is_for_nobody)
                denied_ = {"0.0.0.0/0", "::/0"};
            else
                close({});
            return it_.notes.add(line, Outcome::mapped,
                                 is_for_nobody ? "deny_from: nobody may connect"
                                               : "allow_from: others are answered with 421");
        }
        if (condition.empty())
            return it_.notes.add(line, Outcome::not_needed, "its condition never holds");
        for (const auto& all : condition) reject_one(line, all);
    }

    void reject_one(const Line& line, const Conjunction& all) {
        const auto outcome = line.word(2) == "silent-drop" || has_exceptions_
                                 ? Outcome::approximated
                                 : Outcome::mapped;
        const auto& test = all.front();
        if (all.size() > 1 || (test.is_negated && test.question != Question::network))
            return it_.notes.add(line, Outcome::unsupported,
                                 "deny_from, allow_from and limits each look at one thing");
        if (sees_proxies_ && is_about_address(test)) return reject_proxies(line, test);
        switch (test.question) {
            case Question::network:
                if (test.is_negated && is_closed_)
                    return it_.notes.add(line, Outcome::unsupported, one_list);
                if (test.is_negated)
                    close(test.values);
                else
                    std::ranges::copy(test.values, std::back_inserter(denied_));
                return it_.notes.add(line, outcome,
                                     test.is_negated ? "allow_from: others are answered with 421"
                                                     : "deny_from: they are answered with 421");
            case Question::rate_of_address: return rate_of_address(line, test);
            case Question::sessions_of_address:
                return limit(line, "sessions_per_address", test.number,
                             "limits.sessions_per_address, of all listeners together");
            case Question::rate_of_all:
                return limit(line, "session_rate", test.number,
                             "limits.session_rate, of all listeners together");
            case Question::sessions_of_all:
                return it_.set_bound(listener_.settings, "max_sessions", test.number, line,
                                     "max_sessions", Outcome::mapped);
            case Question::dead_pool:
                return it_.notes.add(
                    line, Outcome::not_needed,
                    "a session for which there is no backend is answered with 421");
            default:
                it_.notes.add(line, Outcome::unsupported,
                              "Ballast refuses by network, by rate and by number of sessions; see "
                              "docs/security.md");
        }
    }

    /// Only those get in that were accepted before, and these.
    void close(const std::vector<string>& networks) {
        allowed_ = accepted_;
        std::ranges::copy(networks, std::back_inserter(allowed_));
        is_closed_ = true;
    }

    /// A rule about the addresses of proxies, of which the header names the client.
    void reject_proxies(const Line& line, const Test& test) {
        const bool is_list = test.question == Question::network;
        if (is_list && test.is_negated && has_headers_) {
            listener_.settings.set("proxy_from", Value::texts(test.values), it_.origin(line));
            return it_.notes.add(line, Outcome::unsupported,
                                 "proxy_from: others may still connect, and then need no header, "
                                 "so a firewall has to refuse them");
        }
        if (is_list && !test.is_negated)
            std::ranges::copy(test.values, std::back_inserter(denied_));
        it_.notes.add(line, Outcome::unsupported,
                      "HAProxy looks at the proxy's address here, and deny_from, allow_from and "
                      "limits at the client's");
    }

    void rate_of_address(const Line& line, const Test& test) {
        const auto period = period_of(test);
        if (!period)
            return it_.notes.add(line, Outcome::unsupported,
                                 "no table of the file counts this rate: set "
                                 "limits.session_rate_per_address");
        const auto seconds = std::chrono::duration<double>(*period).count();
        const auto rate = std::floor(static_cast<double>(test.number) / seconds);
        if (rate < 1)
            return it_.notes.add(
                line, Outcome::unsupported,
                fmt::format("limits.session_rate_per_address counts in a second, and at least 1, "
                            "which is more than {} in {:g} s",
                            test.number, seconds));
        limit(line, "session_rate_per_address", static_cast<std::uint64_t>(rate),
              "limits.session_rate_per_address, in a second, and of all listeners together");
    }

    /// "conn_rate(10s)" of the table that counts.
    [[nodiscard]] std::optional<std::chrono::microseconds> period_of(const Test& test) const {
        const Proxy* owner = &proxy_;
        const auto name = test.table.empty() ? tracked_table() : test.table;
        for (const auto& proxy : it_.proxies.all)
            if (proxy.name == name && proxy.last({"stick-table"}) != nullptr) owner = &proxy;
        const auto* const table = owner->last({"stick-table"});
        if (table == nullptr) return std::nullopt;
        for (const auto& word : table->words)
            for (const string_view counter : {"conn_rate(", "sess_rate("})
                if (const auto begin = word.find(counter); begin != string::npos) {
                    const auto rest = string_view(word).substr(begin + counter.size());
                    const auto time = parse_time(rest.substr(0, rest.find(')')));
                    if (time && time->count() > 0) {
                        it_.notes.add(*table, Outcome::not_needed,
                                      "Ballast counts each client by itself");
                        return time;
                    }
                }
        return std::nullopt;
    }
    /// Of "tcp-request connection track-sc0 src table T".
    [[nodiscard]] string tracked_table() const {
        for (const auto& [line, is_inherited] : proxy_.directives)
            if (line->words.front() == "tcp-request" && line->word(2).starts_with("track-sc") &&
                line->word(4) == "table")
                return line->word(5);
        return {};
    }

    void limit(const Line& line, string_view key, std::uint64_t number, const string& text) {
        if (number == 0) return it_.notes.add(line, Outcome::unsupported, "a limit is 1 at least");
        it_.set_bound(it_.draft.limits, key, number, line, text, Outcome::approximated);
    }

    void expect_proxy(const Line& line, const Condition& condition) {
        const auto* const test = only_test(condition);
        const bool is_list =
            test != nullptr && test->question == Question::network && !test->is_negated;
        if (!is_list && !is_always(condition))
            return it_.notes.add(line, Outcome::unsupported, "proxy_from is a list of networks");
        it_.set(listener_.settings, "proxy_from",
                Value::texts(is_list ? test->values : std::vector<string>{"0.0.0.0/0", "::/0"}),
                line, is_list ? "proxy_from" : "proxy_from: name the proxies alone",
                is_list ? Outcome::mapped : Outcome::approximated);
    }

    void rate_limit(const Line& line) {
        if (line.word(1) != "sessions") return;
        if (const auto number = it_.number(line, 2, count_max); number && *number > 0)
            limit(line, "session_rate", *number, "limits.session_rate, of all listeners together");
    }

    /// `filter bwlim-out NAME default-limit 1m default-period 1s`, or with a key and a table.
    void filter(const Line& line) {
        if (!line.word(1).starts_with("bwlim-")) return;
        std::optional<std::uint64_t> bytes;
        std::chrono::microseconds period = std::chrono::seconds(1);
        for (std::size_t i = 3; i + 1 < line.words.size(); ++i) {
            if (line.word(i).ends_with("limit")) bytes = parse_size(line.word(i + 1));
            if (line.word(i) == "default-period")
                period = parse_time(line.word(i + 1)).value_or(period);
        }
        if (!bytes || period.count() == 0)
            return it_.notes.add(line, Outcome::unsupported,
                                 "session_bandwidth needs a number of bytes");
        constexpr double most = 1024.0 * (std::uint64_t{1} << 30U);
        const auto seconds = std::chrono::duration<double>(period).count();
        const auto rate = std::clamp(static_cast<double>(*bytes) / seconds, 1.0, most);
        it_.set(listener_.settings, "session_bandwidth",
                Value::size(static_cast<std::size_t>(rate)), line,
                "session_bandwidth: of each session's transfers, in both directions",
                Outcome::approximated);
    }

    void write_list(string_view key, std::vector<string>& networks, bool is_wanted) {
        if (!is_wanted || networks.empty()) return;
        std::ranges::sort(networks);
        const auto [first, last] = std::ranges::unique(networks);
        networks.erase(first, last);
        listener_.settings.set(key, Value::texts(networks));
    }

    Translation& it_;
    const Proxy& proxy_;
    DraftListener& listener_;
    const bool has_headers_;      // every connection begins with one, by the bind lines
    const bool expects_headers_;  // by a rule, some or all do
    std::vector<string> allowed_;
    std::vector<string> denied_;
    std::vector<string> accepted_;  // by rules of this level
    bool sees_proxies_ = false;     // the rules of this level look at the proxies' addresses
    bool has_exceptions_ = false;   // some were accepted before other rules
    bool is_closed_ = false;        // whoever is not allowed is refused
    bool is_decided_ = false;       // later rules of this level decide nothing
};

}  // namespace

void translate_access(Translation& it, const Proxy& proxy, DraftListener& listener) {
    Access(it, proxy, listener).run();
}

}  // namespace ballast::migrate::haproxy
