// SPDX-License-Identifier: Apache-2.0
#include "base/number.h"
#include "migrate/contains.h"
#include "migrate/haproxy_amount.h"
#include "migrate/haproxy_translation.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;
using namespace std::chrono_literals;

constexpr config::Duration memory_max = 168h;
constexpr std::uint64_t entries_max = 10'000'000;

/// "src" or "src,ipmask(24,64)": the bits that count.
struct Mask {
    std::optional<unsigned> ipv4;
    std::optional<unsigned> ipv6;
};
std::optional<Mask> mask_of(string_view expression) {
    if (expression == "src") return Mask{};
    constexpr string_view begin = "src,ipmask(";
    if (!expression.starts_with(begin) || !expression.ends_with(')')) return std::nullopt;
    const auto bits = expression.substr(begin.size(), expression.size() - begin.size() - 1);
    const auto comma = std::min(bits.find(','), bits.size());
    Mask mask{base::parse_number<unsigned>(bits.substr(0, comma)), std::nullopt};
    if (comma < bits.size()) mask.ipv6 = base::parse_number<unsigned>(bits.substr(comma + 1));
    const bool is_good = mask.ipv4 && *mask.ipv4 <= 32 && mask.ipv6.value_or(0) <= 128 &&
                         (comma == bits.size() || mask.ipv6);
    return is_good ? std::optional(mask) : std::nullopt;
}

const Line* table_of(const Translation& it, const Proxy& proxy, const string& name) {
    if (name.empty() || name == proxy.name) return proxy.last({"stick-table"});
    const auto found = std::ranges::find_if(it.proxies.all, [&](const Proxy& other) {
        return other.name == name && other.last({"stick-table"}) != nullptr;
    });
    return found == it.proxies.all.end() ? nullptr : found->last({"stick-table"});
}

void table(Translation& it, const Line& line, DraftPool& pool) {
    auto outcome = Outcome::mapped;
    string text = "[pool.NAME.stick]";
    const auto size = parse_size(line.word_behind("size"));
    if (size && *size > 0)
        pool.stick.set("entries_max", Value::number(std::min(*size, entries_max)));
    const auto& expire = line.word_behind("expire");
    const auto time = parse_time(expire);
    if (time && time->count() > 0 && *time <= memory_max) {
        pool.stick.set("timeout", Value::time(std::chrono::ceil<config::Duration>(*time)));
    } else {
        pool.stick.set("timeout", Value::time(memory_max),
                       expire.empty() ? "it had no expiry: the longest time" : "the longest time");
        outcome = Outcome::approximated;
        text += "; an entry is kept for a week at most";
    }
    if (contains(line.words, "nopurge")) {
        outcome = Outcome::approximated;
        text += "; a full table forgets the client that was away longest";
    }
    it.notes.add(line, outcome, text);
    if (const auto& peers = line.word_behind("peers"); !peers.empty())
        it.notes.add(line.number, "peers " + peers, Outcome::unsupported,
                     "balancers do not share what clients stick to: `balance = \"source-hash\"` "
                     "chooses alike on all of them");
}

}  // namespace

void translate_stick(Translation& it, const Proxy& proxy, DraftPool& pool) {
    for (const auto& [line, is_inherited] : proxy.directives) {
        if (line->words.front() != "stick") continue;
        const auto& verb = line->word(1);
        const bool is_rule = verb == "on" || verb == "match" || verb == "store-request";
        const auto mask = mask_of(line->word(2));
        const bool has_condition = contains(line->words, "if") || contains(line->words, "unless");
        if (!is_rule || !mask || has_condition) continue;
        pool.stick.set("by", Value::text("network"), it.origin(*line));
        if (mask->ipv4) pool.stick.set("ipv4_prefix", Value::number(*mask->ipv4));
        pool.stick.set("ipv6_prefix", Value::number(mask->ipv6.value_or(128)));
        it.notes.add(*line, Outcome::mapped,
                     "stick.by = \"network\"; data connections do not need it any more");
        if (const auto* const found = table_of(it, proxy, line->word_behind("table")))
            table(it, *found, pool);
    }
}

}  // namespace ballast::migrate::haproxy
