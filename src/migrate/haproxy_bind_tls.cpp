// SPDX-License-Identifier: Apache-2.0
#include "migrate/contains.h"
#include "migrate/haproxy_translation.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

class BindTls {
public:
    BindTls(Translation& it, const Proxy& proxy, const std::vector<const Bind*>& binds,
            DraftListener& listener)
        : it_(it), proxy_(proxy), binds_(binds), listener_(listener) {}

    void run() {
        std::vector<string> certificates;
        for (const auto* const bind : binds_) {
            const auto& parameters = bind->parameters;
            const auto* const ssl = parameters.find("ssl");
            if (ssl == nullptr) continue;
            it_.notes.add(*ssl, Outcome::mapped, "[listener.NAME.tls]");
            for (const string_view name : {"default-crt", "crt"})
                certificate(*bind, name, certificates);
            if (const auto* const list = parameters.find("crt-list"))
                it_.notes.add(*list, Outcome::unsupported,
                              "write the files of the list into `certificate`; clients get them by "
                              "the names in them");
            if (const auto* const keys = parameters.find("tls-ticket-keys"))
                it_.set(listener_.tls, "ticket_keys",
                        Value::text(it_.path("crt-base", keys->value())), *keys,
                        "tls.ticket_keys: 80 bytes each, and the first key makes tickets",
                        Outcome::approximated);
            versions(parameters);
        }
        client_certificates();
        if (certificates.empty() && !it_.source.certificate.empty())
            certificates.push_back(it_.source.certificate);
        if (certificates.empty())
            it_.notes.add(proxy_.line, "(TLS)", Outcome::unsupported,
                          "no certificate is named: import with --certificate");
        listener_.tls.set("certificate", Value::texts(certificates));
        if (const auto* const line = proxy_.last({"timeout", "client-hs"}))
            if (const auto time = it_.time(*line, 2))
                it_.set(listener_.tls, "handshake_timeout", Value::time(*time), *line,
                        "tls.handshake_timeout");
        if (listener_.settings.find("bind") == nullptr) return;
        it_.notes.add(proxy_.line, "(TLS)", Outcome::approximated,
                      "clients of `bind` may say AUTH TLS to Ballast, which HAProxy left to the "
                      "servers");
    }

private:
    void certificate(const Bind& bind, string_view name, std::vector<string>& certificates) {
        for (const auto& given : bind.parameters.all()) {
            if (given.name != name) continue;
            if (given.value().starts_with('@') || given.value().ends_with('/')) {
                it_.notes.add(
                    given, Outcome::unsupported,
                    "write the files into `certificate`; clients get them by the names in "
                    "them");
                continue;
            }
            const auto path = it_.path("crt-base", given.value());
            if (shown(path, path.size()) != path) {
                it_.notes.add(given, Outcome::unsupported,
                              "a configuration is UTF-8, and this path is not: rename the file");
                continue;
            }
            if (!contains(certificates, path)) certificates.push_back(path);
            it_.notes.add(given, Outcome::mapped, "tls.certificate, with its key in the same file");
        }
    }

    void versions(const Parameters& parameters) {
        Settings own;
        translate_versions(it_, "bind", parameters, own);
        const auto* const given = own.find("min_version");
        const auto oldest = given == nullptr ? Value::text("1.2").toml() : given->value.toml();
        if (oldest_ && *oldest_ != oldest)
            it_.notes.add(proxy_.line, "(versions of TLS)", Outcome::unsupported,
                          "its bind lines differ, and the listener has one min_version: make a "
                          "listener for each");
        oldest_ = oldest;
        for (const auto& [key, value, why] : own.all()) listener_.tls.set(key, value, why);
    }

    /// The listener has one rule for all its clients: the strictest one.
    void client_certificates() {
        const Bind* strictest = nullptr;
        bool are_same = true;
        for (const auto* const bind : binds_) {
            if (!bind->parameters.has("ssl")) continue;
            verification(*bind);
            if (strictest == nullptr) strictest = bind;
            are_same = are_same && rule_of(*bind) == rule_of(*strictest);
            if (rule_of(*bind).first > rule_of(*strictest).first) strictest = bind;
        }
        if (!are_same)
            it_.notes.add(proxy_.line, "(client certificates)", Outcome::unsupported,
                          "its bind lines differ, and the listener asks all clients as the "
                          "strictest one: make a listener for each");
        if (strictest == nullptr) return;
        const auto [asks, ca] = rule_of(*strictest);
        if (asks == Asks::none || ca.empty()) return;
        listener_.tls.set("client_certificate",
                          Value::text(asks == Asks::requires_one ? "require" : "request"),
                          it_.origin(*strictest->parameters.find("verify")));
        listener_.tls.set("client_ca", Value::text(ca), it_.origin(*ca_of(*strictest)));
    }

    enum class Asks : std::uint8_t { none, wants, requires_one };

    static const Given* ca_of(const Bind& bind) {
        const auto* const ca = bind.parameters.find("ca-file");
        return ca != nullptr ? ca : bind.parameters.find("ca-verify-file");
    }

    static Asks asks(const Bind& bind) {
        const auto* const verify = bind.parameters.find("verify");
        if (verify == nullptr || verify->value() == "none") return Asks::none;
        return verify->value() == "required" ? Asks::requires_one : Asks::wants;
    }

    /// What a client has to show, and the file with its authorities.
    std::pair<Asks, string> rule_of(const Bind& bind) {
        const auto* const ca = ca_of(bind);
        if (ca == nullptr || asks(bind) == Asks::none) return {asks(bind), {}};
        return {asks(bind), it_.path("ca-base", ca->value())};
    }

    void verification(const Bind& bind) {
        const auto* const verify = bind.parameters.find("verify");
        const auto* const ca = ca_of(bind);
        const bool is_asked = asks(bind) != Asks::none;
        if (verify != nullptr && is_asked && ca == nullptr)
            it_.notes.add(*verify, Outcome::unsupported,
                          "no ca-file says which certificates are good: set client_certificate "
                          "and client_ca");
        else if (verify != nullptr)
            it_.notes.add(*verify, Outcome::mapped,
                          is_asked ? "tls.client_certificate"
                                   : "tls.client_certificate = \"none\" is the default");
        if (ca != nullptr)
            it_.notes.add(*ca, is_asked ? Outcome::mapped : Outcome::not_needed,
                          is_asked ? "tls.client_ca" : "clients are not asked for a certificate");
    }

    Translation& it_;
    const Proxy& proxy_;
    const std::vector<const Bind*>& binds_;
    DraftListener& listener_;
    std::optional<string> oldest_;  // version of TLS that the last bind takes
};

}  // namespace

void translate_bind_tls(Translation& it, const Proxy& proxy, const std::vector<const Bind*>& binds,
                        DraftListener& listener) {
    BindTls(it, proxy, binds, listener).run();
}

}  // namespace ballast::migrate::haproxy
