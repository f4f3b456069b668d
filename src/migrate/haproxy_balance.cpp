// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_translation.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

struct Algorithm {
    string_view name;
    string_view policy;
};
constexpr auto algorithms = std::to_array<Algorithm>({
    {"roundrobin", "round-robin"},
    {"static-rr", "round-robin"},
    {"leastconn", "least-sessions"},
    {"first", "first"},
    {"source", "source-hash"},
    {"random", "random"},
});

bool is_hash(string_view algorithm) { return algorithm == "source" || algorithm == "hash"; }

class Balance {
public:
    Balance(Translation& it, const Proxy& proxy, DraftPool& pool)
        : it_(it), proxy_(proxy), pool_(pool) {}

    void run() {
        const auto* const line = proxy_.last({"balance"});
        const auto algorithm = line == nullptr ? string("roundrobin")
                                               : line->word(1).substr(0, line->word(1).find('('));
        if (line == nullptr) {
            pool_.settings.set("balance", Value::text("round-robin"),
                               "no balance was set: roundrobin was the default before HAProxy 3.3");
            it_.notes.add(
                proxy_.line, "(no balance)", Outcome::mapped,
                "balance = \"round-robin\", the default before HAProxy 3.3; since then it "
                "is \"random\"");
        } else if (algorithm == "hash") {
            hash(*line);
        } else {
            named(*line, algorithm);
        }
        if (algorithm == "first") first();
        if (is_hash(algorithm)) hashing();
        if (const auto* const factor = proxy_.last({"hash-balance-factor"});
            factor != nullptr && algorithm == "random")
            it_.notes.add(*factor, Outcome::approximated,
                          "`random` needs no bound: it chooses the less busy one of two backends");
    }

private:
    void named(const Line& line, string_view algorithm) {
        const auto* const known = std::ranges::find(algorithms, algorithm, &Algorithm::name);
        if (known == algorithms.end()) {
            it_.set(pool_.settings, "balance", Value::text("round-robin"), line,
                    "this algorithm is not for FTP; balance = \"round-robin\"",
                    Outcome::unsupported);
            return;
        }
        it_.set(pool_.settings, "balance", Value::text(known->policy), line,
                fmt::format("balance = \"{}\"", known->policy));
    }

    /// `hash EXPR`: only the client's address is known for FTP.
    void hash(const Line& line) {
        const bool is_source = line.word(2) == "src" || line.word(2).starts_with("src,");
        it_.set(pool_.settings, "balance", Value::text("source-hash"), line,
                is_source ? "balance = \"source-hash\""
                          : "balance = \"source-hash\": of a client only its address is known",
                is_source ? Outcome::mapped : Outcome::unsupported);
    }

    /// Ballast refuses `first` if no backend can ever be full. Then all but the first are reserves.
    void first() {
        if (std::ranges::any_of(pool_.backends, [](const DraftBackend& backend) {
                return backend.settings.find("max_sessions") != nullptr;
            }))
            return;
        for (std::size_t i = 1; i < pool_.backends.size(); ++i)
            pool_.backends[i].settings.set("backup", Value::flag(true),
                                           "no server has maxconn, so `balance first` uses this "
                                           "one only when the first is down");
    }

    void hashing() {
        const auto* const factor = proxy_.last({"hash-balance-factor"});
        const auto percent =
            factor == nullptr ? std::optional<std::uint64_t>(0) : it_.number(*factor, 1, 10'000);
        if (factor != nullptr && percent)
            it_.set(pool_.settings, "hash_load_percent", Value::number(*percent), *factor,
                    "hash_load_percent");
        else
            pool_.settings.set("hash_load_percent", Value::number(0),
                               "as HAProxy without hash-balance-factor: no bound");
        if (const auto* const type = proxy_.last({"hash-type"}))
            it_.notes.add(
                *type, type->word(1) == "consistent" ? Outcome::mapped : Outcome::approximated,
                "the hash is a consistent one: a lost backend moves its own clients only");
    }

    Translation& it_;
    const Proxy& proxy_;
    DraftPool& pool_;
};

}  // namespace

void translate_balance(Translation& it, const Proxy& proxy, DraftPool& pool) {
    Balance(it, proxy, pool).run();
}

}  // namespace ballast::migrate::haproxy
