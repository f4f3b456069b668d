// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"
#include "migrate/haproxy_translation.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

/// What a `source` says.
struct Meaning {
    string source;  ///< as the pool has it; empty: the system chooses the address
    Outcome outcome = Outcome::mapped;
    string text;
};

Meaning meaning_of_usesrc(string_view usesrc) {
    if (usesrc == "client" || usesrc == "clientip")
        return {"client", Outcome::approximated,
                fmt::format("source = \"client\"{}. `ballast check --rules` prints what this "
                            "machine needs for it, see docs/source-addresses.md",
                            usesrc == "client" ? ", without the client's port" : "")};
    if (usesrc.starts_with("hdr_ip"))
        return {{}, Outcome::unsupported, "it is for HTTP: FTP has no headers"};
    return {{}, Outcome::unsupported, "`source` takes addresses of this machine, or \"client\""};
}

Meaning meaning_of(string_view address, string_view usesrc) {
    if (!usesrc.empty()) return meaning_of_usesrc(usesrc);
    const auto parts = parts_of(address);
    if (!parts) return {{}, Outcome::unsupported, "`source` takes addresses of this machine"};
    const auto ip = base::Ip::parse(parts->host);
    const bool is_any = parts->host.empty() || parts->host == "*" || (ip && ip->is_any());
    if (!ip && !is_any)
        return {{}, Outcome::unsupported, "`source` takes addresses: write the one of this name"};
    const auto source = is_any ? string() : base::to_string(*ip);
    const auto text =
        is_any ? string("the system chooses the address") : fmt::format("source = \"{}\"", source);
    if (parts->port && *parts->port != "0")
        return {source, Outcome::unsupported,
                text + ", and the system chooses the ports, out of net.ipv4.ip_local_port_range"};
    return {source, is_any ? Outcome::not_needed : Outcome::mapped, text};
}

/// What decides for a server: its own parameters, and otherwise the line of its proxy.
const Given* own_of(const Server& server) {
    const auto* const usesrc = server.parameters.find("usesrc");
    return usesrc != nullptr ? usesrc : server.parameters.find("source");
}

class SourceMaker {
public:
    SourceMaker(Translation& it, const Proxy& proxy, const std::vector<const Server*>& servers,
                DraftPool& pool)
        : it_(it), servers_(servers), pool_(pool), line_(proxy.last({"source"})), proxy_(proxy) {}

    void run() {
        for (const auto* const server : servers_) choose(of(*server), own_of(*server));
        for (const auto* const server : servers_)
            if (const auto* const own = own_of(*server)) tell(*own, *server);
        const bool is_without =
            std::ranges::any_of(servers_, [](const Server* server) { return !own_of(*server); });
        if (line_ != nullptr) tell_line(is_without);
        if (line_ == nullptr && is_without && is_set_)
            it_.notes.add(proxy_.line, "(servers without source)", Outcome::approximated,
                          one_for_all());
    }

private:
    [[nodiscard]] Meaning of(const Server& server) const {
        if (const auto* const own = own_of(server))
            return own->name == "usesrc" ? meaning_of({}, own->value())
                                         : meaning_of(own->value(), {});
        return line_ == nullptr ? Meaning() : meaning_of(line_->word(1), usesrc_of_line());
    }

    [[nodiscard]] const string& usesrc_of_line() const { return line_->word_behind("usesrc"); }

    /// The first source counts for the pool.
    void choose(const Meaning& meaning, const Given* own) {
        is_same_ = is_same_ && (!first_ || *first_ == meaning.source);
        if (!first_) first_ = meaning.source;
        if (is_set_ || meaning.source.empty()) return;
        is_set_ = true;
        chosen_ = meaning.source;
        pool_.settings.set("source", Value::text(chosen_),
                           own != nullptr ? it_.origin(*own) : it_.origin(*line_));
    }

    void tell(const Given& own, const Server& server) {
        const auto meaning = for_pool(of(server));
        it_.notes.add(own, meaning.outcome, meaning.text);
        const auto* const source = server.parameters.find("source");
        if (source != nullptr && source != &own)
            it_.notes.add(*source, Outcome::not_needed, "usesrc decides");
    }

    void tell_line(bool is_used) {
        const auto meaning = for_pool(meaning_of(line_->word(1), usesrc_of_line()));
        it_.notes.add(*line_, is_used ? meaning.outcome : Outcome::not_needed,
                      is_used ? meaning.text : "each server has a source of its own");
        const auto& interface = line_->word_behind("interface");
        if (!interface.empty())
            it_.notes.add(line_->number, "interface " + interface, Outcome::unsupported,
                          "the routing table decides; use a routing rule");
    }

    /// What becomes of a source in a pool whose servers may have different ones.
    [[nodiscard]] Meaning for_pool(Meaning meaning) const {
        if (is_same_ || meaning.outcome == Outcome::unsupported) return meaning;
        meaning.text =
            meaning.source == chosen_
                ? meaning.text +
                      ". It counts for all backends of the pool: make two pools if they must differ"
                : one_for_all();
        meaning.outcome = Outcome::approximated;
        return meaning;
    }

    [[nodiscard]] string one_for_all() const {
        return fmt::format(
            "source = \"{}\" counts for all backends of the pool: make two pools if they must "
            "differ",
            chosen_);
    }

    Translation& it_;
    const std::vector<const Server*>& servers_;
    DraftPool& pool_;
    const Line* line_;  ///< of the proxy; null: it has none
    const Proxy& proxy_;
    std::optional<string> first_;
    string chosen_;
    bool is_set_ = false;
    bool is_same_ = true;
};

}  // namespace

void translate_source(Translation& it, const Proxy& proxy,
                      const std::vector<const Server*>& servers, DraftPool& pool) {
    SourceMaker(it, proxy, servers, pool).run();
}

}  // namespace ballast::migrate::haproxy
