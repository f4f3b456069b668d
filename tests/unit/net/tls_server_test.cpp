// SPDX-License-Identifier: Apache-2.0
#include "net/tls_server.h"

#include "metrics/counters.h"
#include "support/between.h"
#include "support/tls_ends.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <string>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;
using base::TlsVersion;
using metrics::Counter;
using support::TlsEnds;
using support::TlsSessionEnds;
using Settings = TlsServer::Settings;

void without_tickets(SSL* ssl) { SSL_set_options(ssl, SSL_OP_NO_TICKET); }
void without_session(SSL* ssl) { SSL_set_session(ssl, nullptr); }

/// The client offers this session, whatever else it has: a full handshake under TLS 1.2 makes a
/// session that replaces the control connection's.
TlsSessionEnds::Tune offering(const TlsSession& session) {
    return [offered = session.get()](SSL* ssl) {
        SSL_set_session(ssl, TlsSession(SSL_SESSION_dup(offered)).get());
    };
}

std::shared_ptr<TlsClient> client_of(TlsVersion version) {
    auto settings = support::tls_client_settings();
    settings.min_version = settings.max_version = version;
    return support::make_tls_client(settings);
}

/// A handshake that succeeds at both ends and sends no ticket.
void expect_data(const std::unique_ptr<TlsEnds>& data, bool is_resumed) {
    EXPECT_EQ(data->client_problem, "");
    EXPECT_EQ(data->server_problem, "");
    EXPECT_EQ(data->server->is_resumed(), is_resumed);
    EXPECT_EQ(data->client->is_resumed(), is_resumed);
    EXPECT_EQ(data->tickets_received, 0);
}

class TlsServerTest : public testing::TestWithParam<TlsVersion> {
protected:
    support::TestLoop loop;
    std::shared_ptr<TlsServer> server = support::make_tls_server({});
    std::shared_ptr<TlsClient> client = client_of(GetParam());
    const bool is_1_3 = GetParam() == TlsVersion::tls_1_3;
};
INSTANTIATE_TEST_SUITE_P(Each, TlsServerTest,
                         testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& one) -> std::string {
                             return one.param == TlsVersion::tls_1_2 ? "tls_1_2" : "tls_1_3";
                         });

TEST_P(TlsServerTest, resumes_its_own_session_on_a_hundred_data_connections) {
    TlsSessionEnds ends(loop, server, client);
    ASSERT_TRUE(ends.begin());
    EXPECT_EQ(ends.control->tickets_received, 1);
    for (int i = 0; i < 100; ++i) {
        ends.send_ticket();
        expect_data(ends.open_data(), true);
    }
    EXPECT_EQ(ends.control->tickets_received, is_1_3 ? 101 : 1);
}

TEST_P(TlsServerTest, resumes_from_the_first_ticket_many_times) {
    TlsSessionEnds ends(loop, server, client);
    ASSERT_TRUE(ends.begin());
    for (int i = 0; i < 100; ++i) expect_data(ends.open_data(), true);
    EXPECT_EQ(ends.control->tickets_received, 1);
}

TEST_P(TlsServerTest, resumes_from_earlier_tickets_while_there_are_later_ones) {
    TlsSessionEnds ends(loop, server, client);
    ASSERT_TRUE(ends.begin());
    const auto first = ends.tickets.offer();
    for (int i = 0; i < 5; ++i) ends.send_ticket();
    expect_data(ends.open_data(offering(first)), true);
}

TEST_P(TlsServerTest, accepts_data_of_a_client_without_a_session_and_sends_it_no_ticket) {
    TlsSessionEnds ends(loop, server, client);
    ASSERT_TRUE(ends.begin());
    expect_data(ends.open_data(without_session), false);
    TlsSessionEnds stranger(loop, server, client);
    expect_data(stranger.open_data(), false);
}

TEST_P(TlsServerTest, does_not_resume_another_sessions_ticket_and_counts_it) {
    TlsSessionEnds mine(loop, server, client);
    TlsSessionEnds other(loop, server, client);
    ASSERT_TRUE(mine.begin());
    ASSERT_TRUE(other.begin());
    const auto before = metrics::total(Counter::tls_tickets_of_others);
    const auto own = mine.tickets.offer();
    expect_data(mine.open_data(offering(other.tickets.offer())), false);
    EXPECT_EQ(metrics::total(Counter::tls_tickets_of_others), before + 1);
    expect_data(mine.open_data(offering(own)), true);
    EXPECT_EQ(metrics::total(Counter::tls_tickets_of_others), before + 1);
}

TEST_P(TlsServerTest,
       gives_a_control_connection_resumed_from_a_strangers_ticket_none_of_the_strangers_data) {
    TlsSessionEnds stranger(loop, server, client);
    ASSERT_TRUE(stranger.begin());
    stranger.send_ticket();
    const auto stolen = stranger.tickets.offer();

    TlsSessionEnds mine(loop, server, client);
    ASSERT_TRUE(mine.begin(offering(stolen)));
    EXPECT_TRUE(mine.control->server->is_resumed());
    EXPECT_EQ(mine.control->tickets_received, 1);
    // A resumed handshake of TLS 1.2 replaces the session's ticket.
    const auto own =
        is_1_3 ? mine.tickets.offer() : TlsSession(SSL_get1_session(mine.control->client->ssl()));
    const auto strangers = stranger.tickets.offer();
    // The ticket from which it was resumed opens none of its data connections, ...
    expect_data(mine.open_data(offering(stolen)), false);
    // ... its own do, ...
    expect_data(mine.open_data(offering(own)), true);
    mine.send_ticket();
    // ... and nobody else's.
    expect_data(stranger.open_data(offering(own)), false);
    expect_data(stranger.open_data(offering(strangers)), true);
}

TEST_P(TlsServerTest, does_not_resume_tickets_of_another_listener) {
    const auto keys = std::make_shared<TicketKeys>(12h);
    Settings one;
    one.name = "one";
    Settings two;
    two.name = "two";
    TlsSessionEnds at_one(loop, support::make_tls_server(one, keys), client);
    TlsSessionEnds at_two(loop, support::make_tls_server(two, keys), client);
    TlsSessionEnds again(loop, at_one.server, client);
    ASSERT_TRUE(at_one.begin());
    const auto ticket = at_one.tickets.offer();
    ASSERT_TRUE(at_two.begin(offering(ticket)));
    EXPECT_FALSE(at_two.control->server->is_resumed());
    ASSERT_TRUE(again.begin(offering(ticket)));
    EXPECT_TRUE(again.control->server->is_resumed());
}

TEST_P(TlsServerTest, resumes_no_data_if_that_is_off) {
    Settings settings;
    settings.resumes_data = false;
    TlsSessionEnds ends(loop, support::make_tls_server(settings), client);
    ASSERT_TRUE(ends.begin());
    ends.send_ticket();
    if (is_1_3) EXPECT_EQ(ends.control->tickets_received, 0);
    for (int i = 0; i < 3; ++i) expect_data(ends.open_data(), false);
    // Not by session id either.
    TlsSessionEnds by_id(loop, ends.server, client);
    ASSERT_TRUE(by_id.begin(without_tickets));
    expect_data(by_id.open_data(without_tickets), false);
}

TEST_P(TlsServerTest, resumes_from_tickets_of_older_keys_and_none_of_forgotten_ones) {
    const support::TemporaryDirectory directory;
    const auto line = [](char letter) {
        const std::string key(80, letter);
        std::string base64(200, '\0');
        const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                         reinterpret_cast<const unsigned char*>(key.data()), 80);
        return base64.substr(0, static_cast<std::size_t>(size)) + "\n";
    };
    const auto keys = TicketKeys::load(directory.write("keys", line('a'))).value();
    TlsSessionEnds ends(loop, support::make_tls_server({}, keys), client);
    ASSERT_TRUE(ends.begin());
    ASSERT_TRUE(keys->reload(directory.write("keys", line('b') + line('a'))));
    expect_data(ends.open_data(), true);
    TlsSessionEnds later(loop, ends.server, client);
    const auto ticket = ends.tickets.offer();
    ASSERT_TRUE(later.begin(offering(ticket)));
    EXPECT_TRUE(later.control->server->is_resumed());
    EXPECT_EQ(later.control->tickets_received, 1);
    ASSERT_TRUE(keys->reload(directory.write("keys", line('b'))));
    expect_data(ends.open_data(), false);
    const auto renewed = TlsSession(SSL_get1_session(later.control->client->ssl()));
    expect_data(is_1_3 ? later.open_data() : later.open_data(offering(renewed)), true);
    if (is_1_3) {
        ends.send_ticket();
        expect_data(ends.open_data(), true);
    }
}

TEST_P(TlsServerTest, keeps_resuming_while_its_own_keys_rotate) {
    const auto keys = std::make_shared<TicketKeys>(0ns);  // a new key for each ticket
    TlsSessionEnds ends(loop, support::make_tls_server({}, keys), client);
    ASSERT_TRUE(ends.begin());
    for (int i = 0; i < 5; ++i) {
        ends.send_ticket();
        expect_data(ends.open_data(), true);
    }
}

TEST_P(TlsServerTest, knows_the_certificate_of_a_client_on_resumed_data_too) {
    const auto& pki = support::test_pki();
    Settings settings;
    settings.client_certificate = Settings::Ask::require;
    settings.ca = pki.authority.file();
    auto client_settings = support::tls_client_settings();
    client_settings.min_version = client_settings.max_version = GetParam();
    client_settings.certificate =
        pki.authority.issue("anna.pem", {.common_name = "anna", .names = {}, .days_left = 20}).file;
    TlsSessionEnds ends(loop, support::make_tls_server(settings),
                        support::make_tls_client(client_settings));
    ASSERT_TRUE(ends.begin());
    EXPECT_EQ(ends.control->server->peer_subject(), "CN=anna");
    EXPECT_EQ(ends.control->server->peer_days_left(), 20);
    const auto in_20_days = std::time(nullptr) + std::int64_t{20} * 24 * 60 * 60;
    EXPECT_NEAR(static_cast<double>(ends.control->server->peer_expires_at().value_or(0)),
                static_cast<double>(in_20_days), 2 * 60 * 60);
    ends.send_ticket();
    const auto data = ends.open_data();
    expect_data(data, true);
    EXPECT_EQ(data->server->peer_subject(), "CN=anna");
}

TEST_P(TlsServerTest, asks_for_client_certificates_as_configured) {
    const auto& pki = support::test_pki();
    const support::Authority stranger(pki.directory, "Stranger");
    const auto good = pki.authority.issue("good.pem", {.common_name = "good", .names = {}}).file;
    const auto unknown = stranger.issue("unknown.pem", {.common_name = "bad", .names = {}}).file;
    const auto expired =
        pki.authority.issue("expired.pem", {.common_name = "old", .names = {}, .days_left = -1})
            .file;
    /// The server's verdict; "CN=..." if it accepted the client.
    const auto outcome = [&](Settings::Ask ask, const std::string& certificate) {
        Settings settings;
        settings.client_certificate = ask;
        if (ask != Settings::Ask::none) settings.ca = pki.authority.file();
        auto client_settings = support::tls_client_settings();
        client_settings.min_version = client_settings.max_version = GetParam();
        client_settings.certificate = certificate;
        TlsSessionEnds ends(loop, support::make_tls_server(settings),
                            support::make_tls_client(client_settings));
        (void)ends.begin();
        const auto& control = *ends.control;
        if (!control.server_problem.empty()) return control.server_problem;
        EXPECT_EQ(control.client_problem, "");
        return "in:" + control.server->peer_subject();
    };
    using Ask = Settings::Ask;
    EXPECT_EQ(outcome(Ask::none, ""), "in:");
    EXPECT_EQ(outcome(Ask::none, good), "in:");
    EXPECT_EQ(outcome(Ask::request, ""), "in:");
    EXPECT_EQ(outcome(Ask::request, good), "in:CN=good");
    EXPECT_EQ(outcome(Ask::require, good), "in:CN=good");
    const auto says = [](const std::string& text, const char* why) {
        EXPECT_NE(text.find(why), std::string::npos) << text;
    };
    says(outcome(Ask::require, ""), "peer did not return a certificate");
    for (const auto ask : {Ask::request, Ask::require}) {
        says(outcome(ask, unknown), "unable to get local issuer certificate");
        says(outcome(ask, expired), "certificate has expired");
    }
}

TEST_P(TlsServerTest, tells_the_client_which_authorities_it_trusts) {
    const auto& pki = support::test_pki();
    Settings settings;
    settings.client_certificate = Settings::Ask::request;
    settings.ca = pki.authority.file();
    TlsSessionEnds ends(loop, support::make_tls_server(settings), client);
    ASSERT_TRUE(ends.begin());
    const auto* const names = SSL_get0_peer_CA_list(ends.control->client->ssl());
    EXPECT_EQ(sk_X509_NAME_num(names), 1);
}

TEST_P(TlsServerTest, makes_sessions_that_may_be_resumed_for_days) {
    TlsSessionEnds ends(loop, server, client);
    ASSERT_TRUE(ends.begin());
    EXPECT_GE(SSL_SESSION_get_timeout(SSL_get_session(ends.control->server->ssl())), 24 * 3600);
}

class TlsServerOnceTest : public testing::Test {
protected:
    support::TestLoop loop;
    std::shared_ptr<TlsServer> server = support::make_tls_server({});
    std::shared_ptr<TlsClient> old_client = client_of(TlsVersion::tls_1_2);
};

TEST_F(TlsServerOnceTest, resumes_its_own_session_by_id_for_a_client_without_tickets) {
    TlsSessionEnds ends(loop, server, old_client);
    ASSERT_TRUE(ends.begin(without_tickets));
    EXPECT_EQ(ends.control->tickets_received, 0);
    for (int i = 0; i < 5; ++i) {
        const auto data = ends.open_data(without_tickets);
        expect_data(data, true);
        EXPECT_EQ(data->server->finish(), Io::State::moved);
    }
}

TEST_F(TlsServerOnceTest, resumes_its_own_session_by_id_after_a_failed_transfer) {
    TlsSessionEnds ends(loop, server, old_client);
    ASSERT_TRUE(ends.begin(without_tickets));
    for (int i = 0; i < 3; ++i) {
        const auto data = ends.open_data(without_tickets);
        expect_data(data, true);
        data->server->reset();
    }
}

TEST_F(TlsServerOnceTest, resumes_no_other_session_by_id) {
    TlsSessionEnds mine(loop, server, old_client);
    TlsSessionEnds other(loop, server, old_client);
    ASSERT_TRUE(mine.begin(without_tickets));
    ASSERT_TRUE(other.begin(without_tickets));
    const auto stolen = other.tickets.offer();
    const auto offer = [&](SSL* ssl) {
        without_tickets(ssl);
        SSL_set_session(ssl, stolen.get());
    };
    expect_data(mine.open_data(offer), false);
    // No control connection is resumed by id.
    TlsSessionEnds third(loop, server, old_client);
    ASSERT_TRUE(third.begin(offer));
    EXPECT_FALSE(third.control->server->is_resumed());
}

TEST_F(TlsServerOnceTest, speaks_the_configured_versions) {
    const auto version = [&](TlsVersion server_min, TlsVersion server_max, TlsVersion client_min,
                             TlsVersion client_max) {
        Settings settings;
        settings.min_version = server_min;
        settings.max_version = server_max;
        auto client_settings = support::tls_client_settings();
        client_settings.min_version = client_min;
        client_settings.max_version = client_max;
        TlsSessionEnds ends(loop, support::make_tls_server(settings),
                            support::make_tls_client(client_settings));
        const bool is_good = ends.begin();
        if (!is_good) {
            EXPECT_NE(ends.control->server_problem, "");
            EXPECT_NE(ends.control->client_problem, "");
        }
        return is_good ? std::string(ends.control->server->version()) : "none";
    };
    using enum TlsVersion;
    EXPECT_EQ(version(tls_1_2, tls_1_3, tls_1_0, tls_1_3), "TLSv1.3");
    EXPECT_EQ(version(tls_1_2, tls_1_3, tls_1_0, tls_1_2), "TLSv1.2");
    EXPECT_EQ(version(tls_1_2, tls_1_3, tls_1_0, tls_1_1), "none");
    EXPECT_EQ(version(tls_1_2, tls_1_3, tls_1_0, tls_1_0), "none");
    EXPECT_EQ(version(tls_1_0, tls_1_3, tls_1_0, tls_1_1), "TLSv1.1");
    EXPECT_EQ(version(tls_1_0, tls_1_3, tls_1_0, tls_1_0), "TLSv1");
    EXPECT_EQ(version(tls_1_1, tls_1_3, tls_1_0, tls_1_0), "none");
    EXPECT_EQ(version(tls_1_2, tls_1_2, tls_1_2, tls_1_3), "TLSv1.2");
    EXPECT_EQ(version(tls_1_2, tls_1_2, tls_1_3, tls_1_3), "none");
    EXPECT_EQ(version(tls_1_3, tls_1_3, tls_1_2, tls_1_2), "none");
}

TEST_F(TlsServerOnceTest, wants_forward_secrecy_unless_configured_otherwise) {
    const auto& pki = support::test_pki();
    const Certificates::Files files{
        pki.authority
            .issue("rsa.pem", {.common_name = "rsa",
                               .names = "DNS:ftp.example.com",
                               .key = support::CertificateWish::Key::rsa})
            .file,
        {},
        {}};
    const auto certificates = Certificates::load({&files, 1}).value();
    const auto limited = [](SSL* ssl) { SSL_set_cipher_list(ssl, "AES128-GCM-SHA256"); };
    Settings settings;
    const auto keys = std::make_shared<TicketKeys>(12h);
    TlsSessionEnds strict(loop, *TlsServer::create(settings, certificates, keys), old_client);
    EXPECT_FALSE(strict.begin(limited));
    settings.ciphers = "AES128-GCM-SHA256";
    TlsSessionEnds lax(loop, *TlsServer::create(settings, certificates, keys), old_client);
    EXPECT_TRUE(lax.begin(limited));
    EXPECT_EQ(lax.control->server->cipher(), "AES128-GCM-SHA256");
}

TEST_F(TlsServerOnceTest, speaks_the_configured_ciphersuites) {
    Settings settings;
    settings.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
    TlsSessionEnds ends(loop, support::make_tls_server(settings), client_of(TlsVersion::tls_1_3));
    ASSERT_TRUE(ends.begin());
    EXPECT_EQ(ends.control->server->cipher(), "TLS_CHACHA20_POLY1305_SHA256");
}

TEST_F(TlsServerOnceTest, prefers_aes_with_128_bits_to_256) {
    const auto prefers_256 = [](SSL* ssl) {
        SSL_set_ciphersuites(ssl, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256");
        SSL_set_cipher_list(ssl, "ECDHE+AESGCM+AES256:ECDHE+AESGCM+AES128");
    };
    for (const auto version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
        TlsSessionEnds ends(loop, support::make_tls_server(), client_of(version));
        ASSERT_TRUE(ends.begin(prefers_256));
        EXPECT_TRUE(ends.control->server->cipher().contains("AES128") ||
                    ends.control->server->cipher() == "TLS_AES_128_GCM_SHA256")
            << ends.control->server->cipher();
    }
}

TEST_F(TlsServerOnceTest, names_the_setting_that_is_wrong) {
    const auto problem = [](auto change) {
        Settings settings;
        change(settings);
        const auto made = TlsServer::create(settings, nullptr, nullptr);
        return made ? "none" : base::to_string(made.error());
    };
    EXPECT_NE(problem([](Settings& s) { s.ciphers = "NO-SUCH-CIPHER"; }).find("NO-SUCH-CIPHER"),
              std::string::npos);
    EXPECT_NE(problem([](Settings& s) { s.ciphersuites = "TLS_NO"; }).find("TLS_NO"),
              std::string::npos);
    EXPECT_NE(problem([](Settings& s) { s.ca = "/nowhere/ca.pem"; }).find("/nowhere/ca.pem"),
              std::string::npos);
}

TEST_F(TlsServerOnceTest, refuses_renegotiation) {
    TlsSessionEnds ends(loop, server, old_client);
    ASSERT_TRUE(ends.begin());
    auto* const ssl = ends.control->client->ssl();
    SSL_clear_options(ssl, SSL_OP_NO_RENEGOTIATION);
    ASSERT_EQ(SSL_renegotiate(ssl), 1);
    (void)SSL_do_handshake(ssl);
    loop.settle();
    (void)support::read_all(*ends.control->server);
    EXPECT_EQ(SSL_num_renegotiations(ends.control->server->ssl()), 0);
    EXPECT_EQ(SSL_is_init_finished(ends.control->server->ssl()), 1);
}

}  // namespace
}  // namespace ballast::net
