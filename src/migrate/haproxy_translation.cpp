// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_translation.h"

#include "base/number.h"
#include "migrate/contains.h"
#include "migrate/haproxy_amount.h"
#include "migrate/haproxy_keywords.h"
#include "migrate/secret.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;
using namespace std::chrono_literals;

constexpr config::Duration time_max = 24h;
constexpr string_view without_time = "0 sets nothing here, so Ballast's default applies";

config::Duration bounded(std::chrono::microseconds time) {
    return std::clamp(std::chrono::ceil<config::Duration>(time), config::Duration(1), time_max);
}

/// 0 would mean no limit.
std::uint64_t as_limit(std::uint64_t bound) {
    return std::clamp<std::uint64_t>(bound, 1, count_max);
}

/// Whether a rule uses this list and was carried over.
bool is_used(const Translation& it, const Proxy& proxy, const string& list) {
    return std::ranges::any_of(proxy.directives, [&](const Directive& directive) {
        const auto& [number, words] = *directive.line;
        const bool is_rule = words.front() == "use_backend" || words.front() == "tcp-request";
        return is_rule && (contains(words, list) || contains(words, '!' + list)) &&
               it.notes.has(number) && !it.notes.has_unsupported(number);
    });
}

void report_proxy(Translation& it, const Section& section, const Proxy& proxy) {
    const bool is_data = contains(it.services.data_proxies, &proxy);
    for (const auto& line : section.lines) {
        if (it.notes.has(line.number)) continue;
        if (is_data) {
            it.notes.add(line, Outcome::not_needed,
                         "data connections follow their control connection by themselves");
            continue;
        }
        if (line.words.front() == "acl" && is_used(it, proxy, line.word(1))) {
            it.notes.add(line, Outcome::mapped, "in the rules that use it");
            continue;
        }
        const auto* const keyword = find_of_proxy(line);
        if (keyword == nullptr)
            it.notes.add(line, Outcome::unsupported,
                         "unknown directive: what it does was not carried over");
        else
            it.notes.add(line, keyword->outcome, keyword->text);
    }
}

/// Whether a rule should lead sessions to this backend, and could not be carried over.
bool is_lost(const Translation& it, const Proxy& proxy) {
    return std::ranges::any_of(it.used, [&](const Proxy* entry) {
        return std::ranges::any_of(entry->directives, [&](const Directive& directive) {
            return begins_with(*directive.line, {"use_backend", proxy.name}) &&
                   it.notes.has_unsupported(directive.line->number);
        });
    });
}

/// Backends of data connections are used, too: only their servers' addresses matter.
bool is_data_backend(const Translation& it, const Proxy& proxy) {
    const auto leads_to_it = [&](const Proxy* entry) {
        return contains(targets_of(*entry, it.proxies), &proxy);
    };
    return std::ranges::any_of(it.services.data_proxies, leads_to_it) ||
           std::ranges::any_of(it.used, leads_to_it);
}

string_view why_not_ftp(const Proxy& proxy) {
    if (proxy.last({"stats", "enable"}) != nullptr || proxy.last({"stats", "uri"}) != nullptr)
        return "it shows what HAProxy does; `ballast top`, the admin API and the metrics show what "
               "Ballast does";
    if (proxy.is_web()) return "it is not FTP";
    if (proxy.is_disabled()) return "it is disabled";
    if (proxy.kind == "backend") return "no proxy for FTP leads to it";
    return "nothing in it says FTP: neither a port such as 21 nor a name, nor ranges of data ports "
           "for its servers";
}

/// Whether a proxy for FTP names these peers or mailers.
bool is_wanted(const Translation& it, const Section& section) {
    if (section.kind != "peers" && section.kind != "mailers") return false;
    const auto names_it = [&](const Directive& directive) {
        const auto& words = directive.line->words;
        const auto found = std::ranges::find(words, section.kind);
        return found != words.end() && found + 1 != words.end() && *(found + 1) == section.name;
    };
    return std::ranges::any_of(it.used, [&](const Proxy* proxy) {
        return std::ranges::any_of(proxy->directives, names_it);
    });
}

void report_section(Translation& it, const Section& section) {
    const auto header = section.kind + (section.name.empty() ? "" : ' ' + section.name);
    const auto found = std::ranges::find(it.proxies.all, section.line, &Proxy::line);
    if (found != it.proxies.all.end()) {
        if (it.used.contains(&*found)) return report_proxy(it, section, *found);
        if (contains(it.services.data_proxies, &*found)) {
            it.notes.add(section.line, header, Outcome::not_needed,
                         "the listener for control connections takes data connections, too");
            return report_proxy(it, section, *found);
        }
        if (is_lost(it, *found)) {
            it.notes.add(section.line, header, Outcome::unsupported,
                         "no route leads to it, see its use_backend");
            return;
        }
        if (is_data_backend(it, *found)) {
            it.notes.add(section.line, header, Outcome::not_needed,
                         "Ballast connects to the server that the session uses");
            for (const auto& line : section.lines)
                if (!it.notes.has(line.number))
                    it.notes.add(line, Outcome::not_needed,
                                 "data connections go where their control connection went");
            return;
        }
        if (it.refused.contains(&*found))
            it.notes.add(section.line, header, Outcome::unsupported,
                         "not carried over, see its bind");
        else if (found->servers.empty() && found->last({"stick-table"}) != nullptr)
            it.notes.add(section.line, header, Outcome::not_needed, "it has nothing but a table");
        else
            it.notes.add(section.line, header, Outcome::left_to_haproxy, why_not_ftp(*found));
        return;
    }
    if (is_wanted(it, section)) {
        it.notes.add(section.line, header, Outcome::unsupported,
                     section.kind == "peers"
                         ? "balancers do not share what they remember of clients: with the same "
                           "backends and a `balance` by hash, they choose alike"
                         : "Ballast sends no mail: let an alert on its metrics do so");
        return;
    }
    const auto& keyword = of_section(section.kind);
    if (!it.notes.has(section.line))
        it.notes.add(section.line, header, keyword.outcome, keyword.text);
}

/// Whether a proxy that became part of the configuration inherits from this section.
bool is_inherited(const Translation& it, const Section& section) {
    const auto is_of_section = [&](const Directive& directive) {
        return !section.lines.empty() && directive.line >= &section.lines.front() &&
               directive.line <= &section.lines.back();
    };
    const auto inherits = [&](const Proxy* proxy) {
        return std::ranges::any_of(proxy->directives, is_of_section);
    };
    return std::ranges::any_of(it.used, inherits) ||
           std::ranges::any_of(it.services.data_proxies, inherits);
}

void report_defaults(Translation& it, const Section& section) {
    const auto header = section.kind + (section.name.empty() ? "" : ' ' + section.name);
    if (!is_inherited(it, section)) {
        it.notes.add(section.line, header, Outcome::left_to_haproxy, "no proxy for FTP uses it");
        return;
    }
    for (const auto& line : section.lines) {
        if (it.notes.has(line.number)) continue;
        const auto* const keyword = find_of_proxy(line);
        if (is_for_web(line) || begins_with(line, {"mode", "http"}))
            it.notes.add(line, Outcome::left_to_haproxy, "it is for HTTP");
        else if (keyword == nullptr)
            it.notes.add(line, Outcome::unsupported,
                         "unknown directive: what it does was not carried over");
        else
            it.notes.add(line, keyword->outcome, keyword->text);
    }
}

void report_global(Translation& it, const Section& section) {
    for (const auto& line : section.lines) {
        if (it.notes.has(line.number)) continue;
        if (const auto* const keyword = find_global(line))
            it.notes.add(line, keyword->outcome, keyword->text);
        else
            it.notes.add(line, Outcome::unsupported,
                         "unknown directive: what it does was not carried over");
    }
}

}  // namespace

const Line* Translation::global(std::initializer_list<string_view> words) const {
    const Line* found = nullptr;
    for (const auto& section : file.sections)
        if (section.kind == "global")
            for (const auto& line : section.lines)
                if (begins_with(line, words)) found = &line;
    return found;
}

string Translation::path(string_view base, const string& path) {
    if (path.starts_with('/')) return path;
    const auto* const line = global({base});
    if (line == nullptr) return path;
    notes.add(*line, Outcome::mapped, "paths are written out");
    return line->word(1) + (line->word(1).ends_with('/') ? "" : "/") + path;
}

string Translation::origin(const Line& line) const {
    return fmt::format("{}: {}", notes.place(line.number), without_secret(text_of(line)));
}
string Translation::origin(const Given& given) const {
    return fmt::format("{}: {}", notes.place(given.line), without_secret(given.text()));
}

std::optional<config::Duration> Translation::time(const Line& line, std::size_t word) {
    const auto time = parse_time(line.word(word));
    if (!time)
        notes.add(line, Outcome::unsupported,
                  "this is no time: write a number and us, ms, s, m, h or d");
    if (!time) return std::nullopt;
    if (time->count() > 0) return bounded(*time);
    // Ballast has no infinite times: a timeout of 0 becomes the longest one.
    if (line.words.front() == "timeout") return time_max;
    notes.add(line, Outcome::approximated, without_time);
    return std::nullopt;
}
std::optional<config::Duration> Translation::time(const Given& given) {
    const auto time = parse_time(given.value());
    if (!time)
        notes.add(given, Outcome::unsupported,
                  "this is no time: write a number and us, ms, s, m, h or d");
    if (!time) return std::nullopt;
    if (time->count() > 0) return bounded(*time);
    notes.add(given, Outcome::approximated, without_time);
    return std::nullopt;
}

std::optional<std::uint64_t> Translation::number(const Line& line, std::size_t word,
                                                 std::uint64_t max) {
    const auto number = base::parse_number<std::uint64_t>(line.word(word));
    if (!number) notes.add(line, Outcome::unsupported, "this is no number");
    return number ? std::optional(std::min(*number, max)) : std::nullopt;
}
std::optional<std::uint64_t> Translation::number(const Given& given, std::uint64_t max) {
    const auto number = base::parse_number<std::uint64_t>(given.value());
    if (!number) notes.add(given, Outcome::unsupported, "this is no number");
    return number ? std::optional(std::min(*number, max)) : std::nullopt;
}

void Translation::set(Settings& settings, string_view key, const Value& value, const Line& line,
                      const string& text, Outcome outcome) {
    settings.set(key, value, origin(line));
    notes.add(line, outcome, text);
}
void Translation::set(Settings& settings, string_view key, const Value& value, const Given& given,
                      const string& text, Outcome outcome) {
    settings.set(key, value, origin(given));
    notes.add(given, outcome, text);
}

void Translation::set_bound(Settings& settings, string_view key, std::uint64_t bound,
                            const Line& line, const string& text, Outcome outcome) {
    (void)settings.set_bound(key, as_limit(bound), origin(line));
    notes.add(line, outcome, text);
}
void Translation::set_bound(Settings& settings, string_view key, std::uint64_t bound,
                            const Given& given, const string& text, Outcome outcome) {
    (void)settings.set_bound(key, as_limit(bound), origin(given));
    notes.add(given, outcome, text);
}

void report_rest(Translation& it) {
    for (const auto& section : it.file.sections) {
        if (section.kind == "global")
            report_global(it, section);
        else if (section.kind == "defaults")
            report_defaults(it, section);
        else
            report_section(it, section);
    }
    for (const auto& [line, directive, text] : it.file.conditions)
        it.notes.add(line, directive, Outcome::mapped, text);
    for (const auto& [line, directive, text] : it.file.messages)
        it.notes.add(line, directive, Outcome::not_needed, text);
    for (const auto& [line, directive, text] : it.file.variables)
        it.notes.add(line, '$' + directive, Outcome::approximated, text);
}

}  // namespace ballast::migrate::haproxy
