// SPDX-License-Identifier: Apache-2.0
#include "base/ascii.h"
#include "migrate/haproxy_translation.h"

#include <array>
#include <fmt/format.h>

namespace ballast::migrate::haproxy {

namespace {

using std::string;
using std::string_view;

/// "TLSv1.2" as Ballast writes it. Empty: a version that it does not use without further ado.
string_view version_of(string_view version) {
    if (version == "TLSv1.2") return "1.2";
    if (version == "TLSv1.3") return "1.3";
    return {};
}

struct Switch {
    string_view name;
    string_view key;
    string_view version;
};
constexpr auto switches = std::to_array<Switch>({
    {"no-tlsv13", "max_version", "1.2"},
    {"no-tlsv12", "min_version", "1.3"},
    {"force-tlsv12", "min_version", "1.2"},
    {"force-tlsv12", "max_version", "1.2"},
    {"force-tlsv13", "min_version", "1.3"},
    {"force-tlsv13", "max_version", "1.3"},
});

constexpr string_view broken =
    "TLS 1.0 and 1.1 are broken, so Ballast begins with 1.2; see min_version if a client needs "
    "them";

void version(Translation& it, const Given& given, string_view key, Settings& tls) {
    const auto version = version_of(given.value());
    if (!version.empty())
        it.set(tls, key, Value::text(version), given, string(key));
    else
        it.notes.add(given, Outcome::approximated, broken);
}

/// `ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets`
void default_options(Translation& it, const Line& line, Settings& tls) {
    string text = "versions: min_version and max_version; Ballast needs no other option";
    for (std::size_t i = 1; i < line.words.size(); ++i) {
        const auto& word = line.words[i];
        const bool is_min = word == "ssl-min-ver";
        if (is_min || word == "ssl-max-ver") {
            const auto version = version_of(line.word(++i));
            if (!version.empty())
                tls.set(is_min ? "min_version" : "max_version", Value::text(version),
                        it.origin(line));
            else
                text = broken;
        }
        for (const auto& each : switches)
            if (each.name == word) tls.set(each.key, Value::text(each.version), it.origin(line));
    }
    it.notes.add(line, text == broken ? Outcome::approximated : Outcome::mapped, text);
}

}  // namespace

void translate_versions(Translation& it, string_view side, const Parameters& parameters,
                        Settings& tls) {
    if (const auto* const line = it.global({fmt::format("ssl-default-{}-options", side)}))
        default_options(it, *line, tls);
    for (const string_view key : {"ciphers", "ciphersuites"}) {
        if (const auto* const line = it.global({fmt::format("ssl-default-{}-{}", side, key)}))
            it.set(tls, key, Value::text(line->word(1)), *line, string(key));
        if (const auto* const given = parameters.find(key))
            it.set(tls, key, Value::text(given->value()), *given, string(key));
    }
    if (const auto* const given = parameters.find("ssl-min-ver"))
        version(it, *given, "min_version", tls);
    if (const auto* const given = parameters.find("ssl-max-ver"))
        version(it, *given, "max_version", tls);
    for (const auto& each : switches)
        if (const auto* const given = parameters.find(each.name))
            it.set(tls, each.key, Value::text(each.version), *given, string(each.key));
    for (const string_view old : {"force-tlsv10", "force-tlsv11"})
        if (const auto* const given = parameters.find(old))
            it.notes.add(*given, Outcome::approximated, broken);
}

namespace {

void server_name(Translation& it, const Server& server, Settings& tls) {
    const auto& parameters = server.parameters;
    const auto* const host = parameters.find("verifyhost");
    const auto* const sni = parameters.find("sni");
    if (sni != nullptr) {
        const auto& expression = sni->value();
        const bool is_fixed = expression.starts_with("str(") && expression.ends_with(')');
        const auto name = is_fixed ? expression.substr(4, expression.size() - 5) : string();
        if (is_fixed)
            it.set(tls, "server_name", Value::text(base::trimmed(name, "'\"")), *sni,
                   "tls.server_name");
        else
            it.notes.add(*sni, Outcome::unsupported,
                         "the name that Ballast asks for is fixed: write server_name");
    }
    if (host != nullptr)
        it.set(tls, "server_name", Value::text(host->value()), *host, "tls.server_name");
}

void verification(Translation& it, const Server& server, Settings& tls) {
    const auto& parameters = server.parameters;
    const auto* const verify = parameters.find("verify");
    const auto* const global = it.global({"ssl-server-verify"});
    const bool is_off = verify != nullptr ? verify->value() == "none"
                                          : global != nullptr && global->word(1) == "none";
    const bool is_named = tls.find("server_name") != nullptr;
    const auto level = is_off ? "none" : is_named ? "full" : "ca";
    const auto text = fmt::format("tls.verify = \"{}\"", level);
    if (verify != nullptr)
        it.set(tls, "verify", Value::text(level), *verify, text);
    else if (global != nullptr)
        it.set(tls, "verify", Value::text(level), *global, text);
    else
        tls.set("verify", Value::text(level));
    if (const auto* const ca = parameters.find("ca-file")) {
        if (is_off)
            it.notes.add(*ca, Outcome::not_needed, "no certificate is verified");
        else if (ca->value().starts_with('@'))
            it.notes.add(*ca, Outcome::mapped, "the system's authorities are the default");
        else
            it.set(tls, "ca", Value::text(it.path("ca-base", ca->value())), *ca, "tls.ca");
    }
}

}  // namespace

Settings tls_of(Translation& it, const Server& server) {
    Settings tls;
    const auto& parameters = server.parameters;
    const auto* const ssl = parameters.find("ssl");
    if (ssl == nullptr) return tls;
    it.set(tls, "mode", Value::text("implicit"), *ssl,
           "tls.mode = \"implicit\", because HAProxy speaks TLS from the first byte");
    server_name(it, server, tls);
    verification(it, server, tls);
    if (const auto* const crt = parameters.find("crt"))
        it.set(tls, "certificate", Value::text(it.path("crt-base", crt->value())), *crt,
               "tls.certificate");
    translate_versions(it, "server", parameters, tls);
    return tls;
}

}  // namespace ballast::migrate::haproxy
