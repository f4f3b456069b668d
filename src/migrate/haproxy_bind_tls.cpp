// SPDX-License-Identifier: Apache-2.0
#include "migrate/contains.h"
#include "migrate/haproxy_translation.h"

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
            client_certificates(parameters);
            if (const auto* const keys = parameters.find("tls-ticket-keys"))
                it_.set(listener_.tls, "ticket_keys",
                        Value::text(it_.path("crt-base", keys->value())), *keys,
                        "tls.ticket_keys: 80 bytes each, and the first key makes tickets",
                        Outcome::approximated);
            translate_versions(it_, "bind", parameters, listener_.tls);
        }
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
            if (!contains(certificates, path)) certificates.push_back(path);
            it_.notes.add(given, Outcome::mapped, "tls.certificate, with its key in the same file");
        }
    }

    void client_certificates(const Parameters& parameters) {
        const auto* const verify = parameters.find("verify");
        const auto* const ca = parameters.find("ca-file");
        const bool is_asked = verify != nullptr && verify->value() != "none";
        if (verify != nullptr && !is_asked)
            it_.notes.add(*verify, Outcome::mapped,
                          "tls.client_certificate = \"none\" is the default");
        if (is_asked && ca != nullptr)
            it_.set(listener_.tls, "client_certificate",
                    Value::text(verify->value() == "required" ? "require" : "request"), *verify,
                    "tls.client_certificate");
        if (ca == nullptr) return;
        if (is_asked)
            it_.set(listener_.tls, "client_ca", Value::text(it_.path("ca-base", ca->value())), *ca,
                    "tls.client_ca");
        else
            it_.notes.add(*ca, Outcome::not_needed, "clients are not asked for a certificate");
    }

    Translation& it_;
    const Proxy& proxy_;
    const std::vector<const Bind*>& binds_;
    DraftListener& listener_;
};

}  // namespace

void translate_bind_tls(Translation& it, const Proxy& proxy, const std::vector<const Bind*>& binds,
                        DraftListener& listener) {
    BindTls(it, proxy, binds, listener).run();
}

}  // namespace ballast::migrate::haproxy
