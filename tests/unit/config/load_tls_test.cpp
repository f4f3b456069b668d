// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::config {
namespace {

using namespace std::chrono_literals;

// The tables that complete a file around the part under test: four lines, and ten with the pool.
const std::string listener = R"([listener.ftp]
bind = ["127.0.0.1:21"]
pool = "alf"
[listener.ftp.tls]
)";
const std::string pool = R"(
[[pool.alf.backend]]
name = "alf1"
address = "alf1.example.org"
)";
const std::string certificate = "certificate = \"c\"\n";
const std::string plain = "[listener.ftp]\nbind = [\"127.0.0.1:21\"]\npool = \"alf\"\n";

TEST(LoadTls, reads_all_settings_of_a_listener) {
    const auto config = loaded(R"([listener.ftp]
bind = ["0.0.0.0:21"]
pool = "alf"
[listener.ftp.tls]
certificate = ["/a.pem", "/b.pem"]
key = ["/a.key", "/b.key"]
ocsp = ["/a.der", "/b.der"]
explicit = true
implicit_bind = ["0.0.0.0:990", "[::]:990"]
require = "login-and-data"
session_reuse = "required"
strict_close = true
ccc = true
min_version = "1.1"
max_version = "1.2"
ciphers = "ECDHE+AESGCM"
ciphersuites = "TLS_AES_128_GCM_SHA256"
client_ca = "/clients.pem"
client_certificate = "request"
ticket_keys = "/tickets"
ticket_key_lifetime = "1h"
handshake_timeout = "3s"
)" + pool);
    ASSERT_EQ(config.listeners.size(), 1U);
    ASSERT_TRUE(config.listeners[0].tls);
    const auto& tls = *config.listeners[0].tls;
    EXPECT_EQ(tls.where.key, "listener.ftp.tls");
    EXPECT_EQ(tls.where.line, 4U);
    EXPECT_EQ(tls.certificate, (std::vector<std::string>{"/a.pem", "/b.pem"}));
    EXPECT_EQ(tls.key, (std::vector<std::string>{"/a.key", "/b.key"}));
    EXPECT_EQ(tls.ocsp, (std::vector<std::string>{"/a.der", "/b.der"}));
    EXPECT_TRUE(tls.explicit_tls);
    ASSERT_EQ(tls.implicit_bind.size(), 2U);
    EXPECT_EQ(to_string(tls.implicit_bind[1]), "[::]:990");
    EXPECT_EQ(tls.require, TlsRequire::login_and_data);
    EXPECT_EQ(tls.session_reuse, SessionReuse::required);
    EXPECT_TRUE(tls.strict_close);
    EXPECT_TRUE(tls.ccc);
    EXPECT_EQ(tls.min_version, base::TlsVersion::tls_1_1);
    EXPECT_EQ(tls.max_version, base::TlsVersion::tls_1_2);
    EXPECT_EQ(tls.ciphers, "ECDHE+AESGCM");
    EXPECT_EQ(tls.ciphersuites, "TLS_AES_128_GCM_SHA256");
    EXPECT_EQ(tls.client_ca, "/clients.pem");
    EXPECT_EQ(tls.client_certificate, ClientCertificate::request);
    EXPECT_EQ(tls.ticket_keys, "/tickets");
    EXPECT_EQ(tls.ticket_key_lifetime, 1h);
    EXPECT_EQ(tls.handshake_timeout, 3s);
}

TEST(LoadTls, a_listener_without_the_table_has_none) {
    EXPECT_FALSE(loaded(plain + pool).listeners.at(0).tls);
}

TEST(LoadTls, a_single_file_needs_no_brackets) {
    const auto files = [](const std::string& value) {
        return loaded(listener + "certificate = " + value + pool).listeners.at(0).tls->certificate;
    };
    EXPECT_EQ(files("\"/a.pem\""), std::vector<std::string>{"/a.pem"});
    EXPECT_EQ(files("[\"/a.pem\"]"), std::vector<std::string>{"/a.pem"});
}

TEST(LoadTls, a_backend_inherits_from_its_pool_except_for_its_own_settings) {
    const auto config = loaded(plain + R"([pool.alf.tls]
mode = "explicit"
ca = "/ca.pem"
verify = "ca"
data = "always"
min_version = "1.3"
certificate = "/own.pem"
key = "/own.key"
handshake_timeout = "3s"
[[pool.alf.backend]]
name = "alf1"
address = "10.0.0.11"
[[pool.alf.backend]]
name = "alf2"
address = "10.0.0.12"
tls = { mode = "as-client", verify = "full", server_name = "alf2.example.org" }
[[pool.alf.backend]]
name = "alf3"
address = "10.0.0.13"
[pool.alf.backend.tls]
data = "never"
min_version = "1.2"
)");
    const auto& backends = config.pools.at(0).backends;
    ASSERT_EQ(backends.size(), 3U);
    EXPECT_EQ(config.pools[0].tls.mode, BackendTlsMode::explicit_tls);
    for (const auto& backend : backends) {
        EXPECT_EQ(backend.tls.ca, "/ca.pem");
        EXPECT_EQ(backend.tls.certificate, "/own.pem");
        EXPECT_EQ(backend.tls.key, "/own.key");
        EXPECT_EQ(backend.tls.handshake_timeout, 3s);
    }
    EXPECT_EQ(backends[0].tls.mode, BackendTlsMode::explicit_tls);
    EXPECT_EQ(backends[0].tls.verify, BackendVerify::ca);
    EXPECT_EQ(backends[0].tls.data, BackendDataTls::always);
    EXPECT_EQ(backends[0].tls.min_version, base::TlsVersion::tls_1_3);
    EXPECT_EQ(backends[1].tls.mode, BackendTlsMode::as_client);
    EXPECT_EQ(backends[1].tls.verify, BackendVerify::full);
    EXPECT_EQ(backends[1].tls.server_name, "alf2.example.org");
    EXPECT_EQ(backends[1].tls.data, BackendDataTls::always);
    EXPECT_EQ(backends[2].tls.mode, BackendTlsMode::explicit_tls);
    EXPECT_EQ(backends[2].tls.data, BackendDataTls::never);
    EXPECT_EQ(backends[2].tls.min_version, base::TlsVersion::tls_1_2);
}

TEST(LoadTls, knows_the_place_of_each_key) {
    const auto config = loaded(listener + certificate + "key = [ \"k\" ]\n" + pool +
                               "tls = { mode = \"explicit\", ca = \"ca\" }\n");
    const auto place = [&](const std::string& key) {
        const auto where = config.places.of(key);
        return std::pair(where.line, where.column);
    };
    EXPECT_EQ(place("listener.ftp.tls.certificate"), std::pair(5U, 15U));
    EXPECT_EQ(place("listener.ftp.tls.certificate[0]"), std::pair(5U, 15U));
    EXPECT_EQ(place("listener.ftp.tls.key[0]"), std::pair(6U, 9U));
    EXPECT_EQ(place("listener.ftp.tls.client_ca"), std::pair(4U, 1U));
    EXPECT_EQ(place("pool.alf.backend[0].tls.ca"), std::pair(11U, 33U));
    EXPECT_TRUE(config.places.is_said("pool.alf.backend[0].tls.ca"));
    EXPECT_FALSE(config.places.is_said("pool.alf.tls.ca"));
}

TEST(LoadTls, accepts_settings_that_only_look_wrong) {
    const std::string implicit_only = "[listener.ftp]\npool = \"alf\"\n[listener.ftp.tls]\n" +
                                      certificate + "implicit_bind = [\"127.0.0.1:990\"]\n";
    const std::string of_pool = plain + "[pool.alf.tls]\n";
    const std::string files[] = {
        implicit_only + pool,
        // Clients do not need AUTH TLS there.
        implicit_only + "explicit = false\nrequire = \"login\"" + pool,
        // Clients of `bind` stay without TLS.
        listener + certificate + "explicit = false\nimplicit_bind = [\"127.0.0.1:990\"]" + pool,
        listener + certificate + "session_reuse = \"required\"" + pool,
        listener + certificate + "min_version = \"1.3\"\nmax_version = \"1.3\"" + pool,
        // The same port of another address.
        listener + certificate + "implicit_bind = [\"127.0.0.2:21\"]" + pool,
        // A certificate may name an IP address.
        of_pool + "mode = \"explicit\"\nverify = \"full\"\n" +
            "[[pool.alf.backend]]\nname = \"a\"\naddress = \"10.0.0.1\"",
        // Some clients have no TLS, so their data have none either.
        of_pool + "mode = \"as-client\"\ndata = \"always\"" + pool,
        of_pool + "mode = \"explicit\"\nca = \"ca\"" + pool +
            "tls = { mode = \"explicit\", ca = \"ca\" }",
        // The pool's setting is for those of its backends that can use it.
        of_pool + "mode = \"explicit\"\nca = \"ca\"\ncertificate = \"c\"\nkey = \"k\"" + pool +
            "tls = { mode = \"off\" }",
        of_pool + "mode = \"explicit\"\nca = \"ca\"" + pool + "tls = { verify = \"none\" }",
        of_pool + "ca = \"ca\"\ndata = \"always\"" + pool + "tls = { mode = \"implicit\" }",
        of_pool + "key = \"k\"" + pool + "tls = { mode = \"implicit\", certificate = \"c\" }",
        of_pool + "max_version = \"1.1\"" + pool + "tls = { min_version = \"1.0\" }",
        // This returns to the system's authorities.
        of_pool + "mode = \"explicit\"\nca = \"ca\"" + pool +
            "tls = { verify = \"none\", ca = \"\" }",
    };
    for (const auto& file : files) EXPECT_EQ(problems_of(file), "none") << file;
}

TEST(LoadTls, finds_values_of_the_wrong_kind) {
    const std::string one_to_4095 = " (use 1 to 4095 bytes each, no control characters)\n";
    expect({
        {listener + "certificate = 1" + pool,
         "f:5:15: listener.ftp.tls.certificate: certificate is an integer (use a string or array "
         "of strings: 1 to 4095 bytes each, no control characters)\n"},
        {listener + "certificate = [\"c\", 1, \"\",\n \"a\\tb\"]" + pool,
         "f:5:21: listener.ftp.tls.certificate[1]: certificate[1] is an integer (use a string: 1 "
         "to 4095 bytes each, no control characters)\n"
         "f:5:24: listener.ftp.tls.certificate[2]: certificate[2] has 0 bytes" +
             one_to_4095 +
             "f:6:2: listener.ftp.tls.certificate[3]: 'a\\x09b' has a control character" +
             one_to_4095},
        {listener + "certificate = \"\"" + pool,
         "f:5:15: listener.ftp.tls.certificate: certificate has 0 bytes" + one_to_4095},
        {listener + certificate + "min_version = 1.2" + pool,
         "f:6:15: listener.ftp.tls.min_version: min_version is a float (use a string: \"1.0\", "
         "\"1.1\", \"1.2\" or \"1.3\")\n"},
        {listener + certificate + "require = \"login_and_data\"" + pool,
         "f:6:11: listener.ftp.tls.require: unknown word 'login_and_data' (use \"none\", "
         "\"login\" or \"login-and-data\"; did you mean login-and-data?)\n"},
        {listener + certificate + "sesion_reuse = \"off\"" + pool,
         "f:6:1: listener.ftp.tls.sesion_reuse: unknown key (did you mean session_reuse?)\n"},
        {plain + "tsl = {}" + pool, "f:4:1: listener.ftp.tsl: unknown key (did you mean tls?)\n"},
        {plain + "tls = true" + pool,
         "f:4:7: listener.ftp.tls: tls is a boolean (write a table, [listener.ftp.tls])\n"},
        {plain + "[pool.alf]\ntls = \"explicit\"" + pool,
         "f:5:7: pool.alf.tls: tls is a string (write a table, [pool.alf.tls])\n"},
        {plain + pool + "tls = \"off\"",
         "f:8:7: pool.alf.backend[0].tls: tls is a string (write a table, tls = { ... })\n"},
        {plain + pool + "tls = { mode = \"on\", cert = \"c\" }",
         "f:8:16: pool.alf.backend[0].tls.mode: unknown word 'on' (use \"off\", \"explicit\", "
         "\"implicit\" or \"as-client\"; did you mean explicit?)\n"
         "f:8:22: pool.alf.backend[0].tls.cert: unknown key (here it is certificate)\n"},
        {plain + pool + "tls = { mode = \"off\", blurb = \"c\" }",
         "f:8:23: pool.alf.backend[0].tls.blurb: unknown key (remove it; the keys here are mode, "
         "ca, "
         "verify, data, certificate, key, server_name, min_version, max_version, ciphers, "
         "ciphersuites or handshake_timeout)\n"},
    });
}

TEST(LoadTls, finds_missing_and_contradictory_settings_of_a_listener) {
    expect({
        {listener + pool,
         "f:4:1: listener.ftp.tls.certificate: certificate is missing (add certificate, a string "
         "or array of strings: 1 to 4095 bytes each, no control characters)\n"},
        {listener + "certificate = []" + pool,
         "f:5:15: listener.ftp.tls.certificate: certificate is empty (name at least one file)\n"},
        {listener + "certificate = [\"a\", \"b\"]\nkey = \"k\"\nocsp = [\"o\", \"p\", \"q\"]" +
             pool,
         "f:6:7: listener.ftp.tls.key: key has 1 file, certificate has 2 files (name one for each "
         "certificate, in the same order, or leave it out if the certificates' files hold the "
         "keys)\n"
         "f:7:8: listener.ftp.tls.ocsp: ocsp has 3 files, certificate has 2 files (name one for "
         "each certificate, in the same order, or leave it out)\n"},
        {listener + certificate + "explicit = false" + pool,
         "f:6:12: listener.ftp.tls.explicit: explicit is false and there is no implicit_bind "
         "(remove explicit, add implicit_bind, or remove the whole table)\n"},
        {listener + certificate + "explicit = false\nrequire = \"login\"\n" +
             "implicit_bind = [\"127.0.0.1:990\"]" + pool,
         "f:7:11: listener.ftp.tls.require: require and explicit = false let no client of bind "
         "log in (remove explicit, or remove bind and leave implicit_bind)\n"},
        {listener + certificate + "min_version = \"1.3\"\nmax_version = \"1.2\"" + pool,
         "f:6:15: listener.ftp.tls.min_version: min_version 1.3 is newer than max_version 1.2 "
         "(lower min_version or raise max_version)\n"},
        {listener + certificate + "max_version = \"1.1\"" + pool,
         "f:6:15: listener.ftp.tls.max_version: min_version 1.2 is newer than max_version 1.1 "
         "(lower min_version or raise max_version)\n"},
        {listener + certificate + "client_certificate = \"request\"" + pool,
         "f:4:1: listener.ftp.tls.client_ca: client_certificate needs client_ca (add client_ca = "
         "\"/etc/ballast/tls/clients.pem\")\n"},
        {listener + certificate + "client_certificate = \"require\"\nclient_ca = \"\"" + pool,
         "f:7:13: listener.ftp.tls.client_ca: client_certificate needs client_ca (add client_ca = "
         "\"/etc/ballast/tls/clients.pem\")\n"},
        {listener + certificate + "client_ca = \"ca\"" + pool,
         "f:6:13: listener.ftp.tls.client_ca: client_ca has no effect while client_certificate is "
         "\"none\" (add client_certificate = \"require\" or \"request\", or remove client_ca)\n"},
    });
}

TEST(LoadTls, implicit_addresses_are_control_addresses_like_others) {
    const std::string no_address =
        " (name at least one address, such as [\"0.0.0.0:21\"]; only with implicit_bind it may be "
        "empty)\n";
    const std::string other = "[listener.web]\npool = \"alf\"\nbind = [\"127.0.0.1:990\"]\n";
    expect({
        {"[listener.ftp]\npool = \"alf\"\n[listener.ftp.tls]\n" + certificate + pool,
         "f:1:1: listener.ftp.bind: bind is missing" + no_address},
        {"[listener.ftp]\npool = \"alf\"\nbind = []\n[listener.ftp.tls]\n" + certificate +
             "implicit_bind = []" + pool,
         "f:3:8: listener.ftp.bind: bind is empty" + no_address},
        {listener + certificate + "implicit_bind = [\"127.0.0.1\"]" + pool,
         "f:6:18: listener.ftp.tls.implicit_bind[0]: '127.0.0.1' is not an address with a port "
         "(write "
         "\"192.0.2.1:21\" or \"[2001:db8::1]:21\"; for every address \"0.0.0.0:21\" and "
         "\"[::]:21\")\n"},
        {listener + certificate + "implicit_bind = [\"127.0.0.1:21\"]" + pool,
         "f:6:18: listener.ftp.tls.implicit_bind[0]: 127.0.0.1:21 is bound twice, also by "
         "listener.ftp.bind[0] (use another address or port, or remove one)\n"},
        {listener + certificate + "implicit_bind = [\"[::1]:990\", \"127.0.0.1:990\"]\n" + other +
             pool,
         "f:9:9: listener.web.bind[0]: 127.0.0.1:990 is bound twice, also by "
         "listener.ftp.tls.implicit_bind[1] (use another address or port, or remove one)\n"},
        {plain + "passive_ports = \"980-999\"\n[listener.ftp.tls]\n" + certificate +
             "implicit_bind = [\"0.0.0.0:990\"]" + pool,
         "f:4:17: listener.ftp.passive_ports: 980-999 holds the control port 990 of "
         "listener.ftp.tls.implicit_bind[0] (use a range without it)\n"},
        // Its own address is also an implicit one.
        {"[listener.ftp]\npool = \"alf\"\npassive_ports = \"980-999\"\n[listener.ftp.tls]\n" +
             certificate + "implicit_bind = [\"127.0.0.1:2990\"]\n" + other + pool,
         "f:3:17: listener.ftp.passive_ports: 980-999 holds the control port 990 of "
         "listener.web.bind[0] (use a range without it)\n"},
    });
}

TEST(LoadTls, finds_settings_without_effect_towards_backends) {
    const std::string of_pool = plain + "[pool.alf.tls]\n";
    const std::string mode = " (use mode = \"explicit\", \"implicit\" or \"as-client\", or ";
    expect({
        {of_pool + "ca = \"ca\"\ncertificate = \"c\"" + pool,
         "f:5:6: pool.alf.tls.ca: ca has no effect while mode is \"off\"" + mode +
             "remove ca)\n"
             "f:6:15: pool.alf.tls.certificate: certificate has no effect while mode is \"off\"" +
             mode + "remove certificate)\n"},
        {of_pool + "mode = \"implicit\"\nca = \"ca\"\nverify = \"none\"" + pool,
         "f:6:6: pool.alf.tls.ca: ca has no effect while verify is \"none\" (use verify = "
         "\"full\" or \"ca\", or remove ca)\n"},
        {of_pool + "mode = \"explicit\"\nkey = \"k\"" + pool,
         "f:6:7: pool.alf.tls.key: key has no effect without certificate (add certificate, the "
         "file that the key belongs to)\n"},
        {of_pool + "mode = \"explicit\"\nverify = \"none\"" + pool + "tls = { ca = \"ca\" }",
         "f:10:14: pool.alf.backend[0].tls.ca: ca has no effect while verify is \"none\" (use "
         "verify = \"full\" or \"ca\", or remove ca)\n"},
        {plain + pool + "tls = { ca = \"ca\" }",
         "f:8:14: pool.alf.backend[0].tls.ca: ca has no effect while mode is \"off\"" + mode +
             "remove ca)\n"},
    });
}

TEST(LoadTls, finds_contradictions_towards_backends) {
    const std::string of_pool = plain + "[pool.alf.tls]\n";
    const std::string second = "\n[[pool.alf.backend]]\nname = \"b\"\naddress = \"b\"\n";
    const std::string always =
        "data is \"always\" while mode is \"off\" (use mode = \"explicit\", \"implicit\" or "
        "\"as-client\", or use data = \"as-client\")\n";
    const std::string versions =
        "min_version 1.3 is newer than max_version 1.2 (lower min_version or raise max_version)\n";
    expect({
        // Reported once for all backends.
        {of_pool + "data = \"always\"" + pool + second, "f:5:8: pool.alf.tls.data: " + always},
        {of_pool + "data = \"always\"\nmode = \"explicit\"" + pool + "tls = { mode = \"off\" }",
         "f:10:16: pool.alf.backend[0].tls.mode: " + always},
        {plain + pool + "tls = { data = \"always\" }",
         "f:8:16: pool.alf.backend[0].tls.data: " + always},
        {of_pool + "max_version = \"1.2\"\nmin_version = \"1.3\"" + pool,
         "f:6:15: pool.alf.tls.min_version: " + versions},
        {of_pool + "min_version = \"1.3\"" + pool + "tls = { max_version = \"1.2\" }" + second,
         "f:9:23: pool.alf.backend[0].tls.max_version: " + versions},
    });
}

TEST(LoadTls, a_refused_value_causes_no_second_problem) {
    const auto one_problem = [](const std::string& text) {
        return errors_of(text).size() == 1 ? "one" : problems_of(text);
    };
    const std::string of_pool = plain + "[pool.alf.tls]\n";
    const std::string files[] = {
        // Not also: bind is missing.
        "[listener.ftp]\npool = \"alf\"\ntls = 5" + pool,
        "[listener.ftp]\npool = \"alf\"\n[listener.ftp.tls]\n" + certificate +
            "implicit_bind = \"127.0.0.1:990\"" + pool,
        // Not also: the counts differ.
        listener + "certificate = [\"a\", 5]\nkey = [\"a\", \"b\"]" + pool,
        listener + certificate + "key = [\"a\", 5]" + pool,
        // Not also: the table does nothing, or lets nobody in.
        listener + certificate + "explicit = false\nimplicit_bind = [5]" + pool,
        listener + certificate + "min_version = \"1.3\"\nmax_version = \"1.4\"" + pool,
        listener + certificate + "client_ca = \"ca\"\nclient_certificate = \"yes\"" + pool,
        listener + certificate + "client_ca = 5\nclient_certificate = \"request\"" + pool,
        // Not also: there is no effect while mode is off.
        of_pool + "mode = 5\nca = \"ca\"\ncertificate = \"c\"\nkey = \"k\"\ndata = \"always\"" +
            pool,
        of_pool + "mode = \"explicit\"\ncertificate = 5\nkey = \"k\"" + pool,
        plain + "[pool.alf]\ntls = 5" + pool + "tls = { ca = \"ca\", data = \"always\" }",
    };
    for (const auto& file : files) EXPECT_EQ(one_problem(file), "one") << file;
}

}  // namespace
}  // namespace ballast::config
