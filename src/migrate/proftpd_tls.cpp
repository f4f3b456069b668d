// SPDX-License-Identifier: Apache-2.0
#include "base/ascii.h"
#include "migrate/proftpd_translation.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace ballast::migrate::proftpd {

namespace {

using base::is_same_but_for_case;
using std::string;
using std::string_view;
using enum Outcome;

struct Kind {
    string_view certificate;
    string_view key;
};
constexpr auto kinds = std::to_array<Kind>({
    {"TLSRSACertificateFile", "TLSRSACertificateKeyFile"},
    {"TLSECCertificateFile", "TLSECCertificateKeyFile"},
});

struct Requirement {
    string_view word;
    string_view require;
    Outcome outcome;
};
constexpr auto requirements = std::to_array<Requirement>({
    {"on", "login-and-data", mapped},
    {"off", "none", mapped},
    {"auth", "login", mapped},
    {"ctrl", "login", mapped},
    {"ctrl+data", "login-and-data", mapped},
    {"auth+data", "login-and-data", mapped},
    {"data", "login-and-data", approximated},
    {"!data", "none", approximated},
    {"ctrl+!data", "login", approximated},
    {"auth+!data", "login", approximated},
});

class TlsMaker {
public:
    TlsMaker(Translation& it, const Server& server, DraftListener& listener)
        : it_(it), server_(server), listener_(listener) {}

    void run() {
        const auto* const engine = server_.last("TLSEngine");
        if (engine == nullptr || !is_on(engine->word(0))) return;
        it_.tell(*engine, mapped, "[listener.NAME.tls]");
        certificates();
        required();
        if (const auto* const line = server_.last("TLSProtocol"))
            translate_versions(it_, *line, listener_.tls);
        for (const auto* const line : server_.all("TLSCipherSuite"))
            translate_ciphers(it_, *line, listener_.tls);
        clients();
        it_.set_time(listener_.tls, "handshake_timeout", server_, "TLSTimeoutHandshake");
        options();
        if (const auto* const line = server_.last("TLSMasqueradeAddress"))
            it_.set(listener_.settings, "public_address", Value::text(line->word(0)), *line,
                    "public_address, for clients without TLS, too", approximated);
    }

private:
    void certificates() {
        std::vector<string> files;
        std::vector<string> keys;
        for (const auto& [certificate, key] : kinds) {
            const auto* const file = server_.last(certificate);
            const auto* const own_key = server_.last(key);
            if (file == nullptr) continue;
            files.push_back(file->word(0));
            it_.tell(*file, mapped, "tls.certificate");
            keys.push_back(own_key == nullptr ? file->word(0) : own_key->word(0));
            if (own_key != nullptr) it_.tell(*own_key, mapped, "tls.key");
        }
        if (files.empty() && !it_.source.certificate.empty()) {
            files = {it_.source.certificate};
            keys = files;
        }
        listener_.tls.set("certificate", Value::texts(files));
        if (keys != files) listener_.tls.set("key", Value::texts(keys));
        if (files.empty())
            it_.ledger.add(server_.place, "(certificate)", unsupported,
                           "no certificate is named: import with --certificate");
    }

    void required() {
        const auto* const line = server_.last("TLSRequired");
        if (line == nullptr) return;
        const auto word = is_on(line->word(0)) ? "on" : base::lower(line->word(0));
        const auto* const known = std::ranges::find(requirements, word, &Requirement::word);
        if (known == requirements.end())
            return it_.set(listener_.tls, "require", Value::text("login-and-data"), *line,
                           "tls.require = \"login-and-data\", the strictest", approximated);
        it_.set(listener_.tls, "require", Value::text(known->require), *line,
                fmt::format("tls.require = \"{}\"", known->require), known->outcome);
    }

    void clients() {
        const auto* const verify = server_.last("TLSVerifyClient");
        const auto* const ca = server_.last("TLSCACertificateFile");
        const auto word = verify == nullptr ? "off" : base::lower(verify->word(0));
        const bool is_optional = word == "optional";
        const bool is_asked = is_optional || is_on(word);
        if (verify != nullptr && (!is_asked || ca == nullptr))
            it_.tell(*verify, is_asked ? unsupported : mapped,
                     is_asked ? "client_ca is missing: name the authorities in one file"
                              : "tls.client_certificate = \"none\" is the default");
        if (ca == nullptr) return;
        if (!is_asked) return it_.tell(*ca, not_needed, "clients are not asked for a certificate");
        it_.set(listener_.tls, "client_certificate",
                Value::text(is_optional ? "request" : "require"), *verify,
                "tls.client_certificate");
        it_.set(listener_.tls, "client_ca", Value::text(ca->word(0)), *ca, "tls.client_ca");
    }

    void options() {
        const bool is_implicit = server_.with_word("TLSOptions", "UseImplicitSSL") != nullptr;
        const bool needs_no_reuse =
            server_.with_word("TLSOptions", "NoSessionReuseRequired") != nullptr;
        listener_.tls.set(
            "session_reuse", Value::text(needs_no_reuse ? "preferred" : "required"),
            needs_no_reuse ? "TLSOptions NoSessionReuseRequired" : "mod_tls's default");
        for (const auto* const line : server_.all("TLSOptions"))
            for (const auto& word : line->words) {
                const auto directive = "TLSOptions " + word;
                if (is_same_but_for_case(word, "NoSessionReuseRequired"))
                    it_.ledger.add(line->place, directive, mapped,
                                   "tls.session_reuse = \"preferred\"");
                else if (is_same_but_for_case(word, "UseImplicitSSL"))
                    it_.ledger.add(line->place, directive, mapped, "tls.implicit_bind");
                else if (is_same_but_for_case(word, "AllowClientRenegotiations") ||
                         is_same_but_for_case(word, "EnableDiags") ||
                         is_same_but_for_case(word, "StdEnvVars") ||
                         is_same_but_for_case(word, "NoEmptyFragments"))
                    it_.ledger.add(line->place, directive, not_needed, "Ballast has no need of it");
                else
                    it_.ledger.add(line->place, directive, unsupported, "there is no such setting");
            }
        if (!is_implicit) return;
        if (const auto* const bind = listener_.settings.find("bind")) {
            listener_.tls.set("implicit_bind", bind->value, bind->why);
            listener_.settings.remove("bind");
        }
    }

    Translation& it_;
    const Server& server_;
    DraftListener& listener_;
};

}  // namespace

void translate_tls(Translation& it, const Server& server, DraftListener& listener) {
    TlsMaker(it, server, listener).run();
}

void translate_versions(Translation& it, const Directive& directive, Settings& tls) {
    constexpr auto versions = std::to_array<std::pair<string_view, string_view>>(
        {{"TLSv1.2", "1.2"}, {"TLSv1.3", "1.3"}});
    const bool is_all = is_same_but_for_case(directive.word(0), "ALL");
    bool has[] = {is_all, is_all};
    bool is_old = false;
    for (const auto& word : directive.words) {
        const auto name = base::trimmed(word, "+-");
        const bool is_taken = !word.starts_with('-');
        for (std::size_t i = 0; i < versions.size(); ++i)
            if (is_same_but_for_case(name, versions[i].first)) has[i] = is_taken;
        is_old = is_old ||
                 (is_taken &&
                  (is_same_but_for_case(name, "TLSv1") || is_same_but_for_case(name, "TLSv1.1") ||
                   is_same_but_for_case(name, "SSLv3") || is_same_but_for_case(name, "SSLv23")));
    }
    if (has[0] && !has[1])
        tls.set("max_version", Value::text("1.2"), Translation::origin(directive));
    if (!has[0] && has[1])
        tls.set("min_version", Value::text("1.3"), Translation::origin(directive));
    it.tell(directive, is_old || is_all ? approximated : mapped,
            is_old || is_all
                ? "TLS 1.0, 1.1 and SSL are broken, so Ballast begins with 1.2; see min_version"
                : "min_version and max_version");
}

void translate_ciphers(Translation& it, const Directive& directive, Settings& tls) {
    const bool is_new = is_same_but_for_case(directive.word(0), "TLSv1.3");
    const auto& list = directive.word(is_new ? 1 : 0);
    it.set(tls, is_new ? "ciphersuites" : "ciphers", Value::text(list), directive,
           is_new ? "ciphersuites" : "ciphers");
}

}  // namespace ballast::migrate::proftpd
