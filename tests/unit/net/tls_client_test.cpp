// SPDX-License-Identifier: Apache-2.0
#include "net/tls_client.h"

#include "support/tls_ends.h"

#include <array>
#include <gtest/gtest.h>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <string_view>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;
using base::TlsVersion;
using support::CertificateWish;
using support::test_pki;
using Settings = TlsClient::Settings;
using Verify = Settings::Verify;

class TlsClientTest : public testing::Test {
protected:
    /// What a client with these settings finds wrong with a server with this certificate; empty:
    /// nothing.
    std::string problem(const support::Authority& issuer, const CertificateWish& asked,
                        const Settings& settings) {
        const Certificates::Files files{issuer.issue("server.pem", asked).file, {}, {}};
        const auto server = TlsServer::create({}, Certificates::load({&files, 1}).value(),
                                              std::make_shared<TicketKeys>(12h));
        support::TlsSessionEnds ends(loop, *server, support::make_tls_client(settings));
        (void)ends.begin();
        return ends.control->client_problem;
    }
    [[nodiscard]] Settings settings_for(const std::string& name, Verify verify) const {
        Settings settings;
        settings.ca = authority.file();
        settings.server_name = name;
        settings.verify = verify;
        return settings;
    }

    support::TestLoop loop;
    support::TemporaryDirectory directory;
    support::Authority authority{directory, "CA"};
    support::Authority stranger{directory, "Stranger"};
    const CertificateWish wish{.common_name = "server",
                               .names = "DNS:a.example.com,IP:192.0.2.1,IP:2001:db8::1"};
};

TEST_F(TlsClientTest, accepts_a_certificate_of_its_authority_with_the_requested_name) {
    for (const char* name : {"a.example.com", "A.example.com", "192.0.2.1", "2001:db8::1"})
        EXPECT_EQ(problem(authority, wish, settings_for(name, Verify::full)), "") << name;
}

TEST_F(TlsClientTest, refuses_another_name_and_says_so) {
    const auto names = {"b.example.com", "example.com", "x.a.example.com"};
    for (const char* name : names)
        EXPECT_NE(
            problem(authority, wish, settings_for(name, Verify::full)).find("hostname mismatch"),
            std::string::npos)
            << name;
    for (const char* name : {"192.0.2.2", "2001:db8::2"})
        EXPECT_NE(
            problem(authority, wish, settings_for(name, Verify::full)).find("IP address mismatch"),
            std::string::npos)
            << name;
}

TEST_F(TlsClientTest, refuses_an_expired_certificate_and_says_so) {
    auto expired = wish;
    expired.days_left = -3;
    for (const auto verify : {Verify::full, Verify::ca})
        EXPECT_NE(problem(authority, expired, settings_for("a.example.com", verify))
                      .find("certificate has expired"),
                  std::string::npos);
    EXPECT_EQ(problem(authority, expired, settings_for("a.example.com", Verify::none)), "");
}

TEST_F(TlsClientTest, refuses_an_unknown_authority_and_says_so) {
    for (const auto verify : {Verify::full, Verify::ca})
        EXPECT_NE(problem(stranger, wish, settings_for("a.example.com", verify))
                      .find("unable to get local issuer certificate"),
                  std::string::npos);
    EXPECT_EQ(problem(stranger, wish, settings_for("a.example.com", Verify::none)), "");
}

TEST_F(TlsClientTest, verifies_with_the_systems_authorities_if_none_is_named) {
    auto settings = settings_for("a.example.com", Verify::full);
    settings.ca.clear();
    EXPECT_NE(problem(authority, wish, settings).find("issuer certificate"), std::string::npos);
}

TEST_F(TlsClientTest, checks_the_name_only_with_full_verification) {
    EXPECT_EQ(problem(authority, wish, settings_for("b.example.com", Verify::ca)), "");
    EXPECT_EQ(problem(authority, wish, settings_for("b.example.com", Verify::none)), "");
}

TEST_F(TlsClientTest, sends_names_but_no_addresses_as_sni) {
    const auto sni = [&](const std::string& name) {
        support::TlsSessionEnds ends(loop, support::make_tls_server(),
                                     support::make_tls_client(settings_for(name, Verify::none)));
        EXPECT_TRUE(ends.begin());
        return ends.control->server->server_name();
    };
    EXPECT_EQ(sni("a.example.com"), "a.example.com");
    EXPECT_EQ(sni("192.0.2.1"), "");
    EXPECT_EQ(sni("2001:db8::1"), "");
    EXPECT_EQ(sni(""), "");
}

TEST_F(TlsClientTest, names_the_file_or_the_setting_that_is_wrong) {
    const auto missing = directory.file("missing.pem");
    const auto garbage = directory.write("garbage.pem", "garbage\n");
    const auto identity = authority.issue("own.pem", wish);
    const auto other = authority.issue("other.pem", wish);
    const auto problem_of = [](auto change) {
        Settings settings;
        settings.server_name = "a.example.com";
        change(settings);
        const auto made = TlsClient::create(settings);
        return made ? "none" : base::to_string(made.error());
    };
    const auto names = [](const std::string& text, const std::string& named) {
        EXPECT_NE(text.find(named), std::string::npos) << text;
    };
    names(problem_of([&](Settings& s) { s.ca = missing; }), missing);
    names(problem_of([&](Settings& s) { s.ca = garbage; }), garbage);
    names(problem_of([&](Settings& s) { s.certificate = missing; }), missing);
    names(problem_of([&](Settings& s) { s.certificate = garbage; }), garbage);
    names(problem_of([&](Settings& s) {
              s.certificate = identity.file;
              s.key = missing;
          }),
          missing);
    names(problem_of([&](Settings& s) {
              s.certificate = identity.file;
              s.key = other.file;
          }),
          other.file);
    names(problem_of([](Settings& s) { s.ciphers = "NO-SUCH-CIPHER"; }), "NO-SUCH-CIPHER");
    names(problem_of([](Settings& s) { s.ciphersuites = "TLS_NO"; }), "TLS_NO");
    EXPECT_EQ(problem_of([&](Settings& s) { s.certificate = identity.file; }), "none");
}

TEST_F(TlsClientTest, avoids_tls_1_3_if_told_and_allowed) {
    const auto version = [&](TlsVersion min, TlsVersion max, bool avoids) {
        auto settings = support::tls_client_settings();
        settings.min_version = min;
        settings.max_version = max;
        const auto client = support::make_tls_client(settings);
        auto [ours, theirs] =
            support::MemoryStream::connect(loop, base::Address::parse("192.0.2.1:1").value(),
                                           base::Address::parse("192.0.2.2:2").value());
        const auto server = support::make_tls_server();
        TlsTickets tickets;
        TlsBond bond;
        const auto client_end = client->wrap_control(std::move(ours), tickets, avoids);
        const auto server_end = server->wrap_control(std::move(theirs), bond);
        const support::Handshake one(loop, *client_end);
        const support::Handshake other(loop, *server_end);
        loop.settle();
        EXPECT_EQ(one.problem(), "");
        return std::string(client_end->version());
    };
    EXPECT_EQ(version(TlsVersion::tls_1_2, TlsVersion::tls_1_3, false), "TLSv1.3");
    EXPECT_EQ(version(TlsVersion::tls_1_2, TlsVersion::tls_1_3, true), "TLSv1.2");
    EXPECT_EQ(version(TlsVersion::tls_1_3, TlsVersion::tls_1_3, true), "TLSv1.3");
    EXPECT_EQ(version(TlsVersion::tls_1_2, TlsVersion::tls_1_2, true), "TLSv1.2");
}

/// Control connections of one client, one after the other.
class TlsClientResumptionTest : public testing::Test {
protected:
    using Start = TlsClient::Start;

    struct Connection {
        TlsTickets tickets;
        TlsBond bond;
        std::unique_ptr<TlsStream> server_end;
        std::unique_ptr<TlsStream> client_end;
    };
    std::unique_ptr<Connection> begin(Start start, const char* address = "192.0.2.2:21",
                                      bool avoids_tls_1_3 = false) {
        auto made = std::make_unique<Connection>();
        auto [ours, theirs] =
            support::MemoryStream::connect(loop, base::Address::parse("192.0.2.1:1").value(),
                                           base::Address::parse(address).value());
        made->client_end =
            client->wrap_control(std::move(ours), made->tickets, avoids_tls_1_3, start);
        made->server_end = server->wrap_control(std::move(theirs), made->bond);
        return made;
    }
    /// Also receives the tickets, which come with the first reply.
    std::unique_ptr<Connection> open(Start start, const char* address = "192.0.2.2:21",
                                     bool avoids_tls_1_3 = false) {
        auto made = begin(start, address, avoids_tls_1_3);
        const support::Handshake one(loop, *made->client_end);
        const support::Handshake other(loop, *made->server_end);
        loop.settle();
        EXPECT_EQ(one.problem(), "");
        server->remember(*made->server_end, made->bond);
        (void)made->server_end->write(std::string_view("220 Ready.\r\n"));
        std::array<char, 100> reply{};
        EXPECT_EQ(made->client_end->read(reply).bytes, 12);
        return made;
    }

    support::TestLoop loop;
    std::shared_ptr<TlsServer> server = support::make_tls_server();
    std::shared_ptr<TlsClient> client = support::make_tls_client();
};

TEST_F(TlsClientResumptionTest, resumes_the_session_of_an_earlier_control_connection) {
    EXPECT_FALSE(open(Start::may_resume)->client_end->is_resumed());
    for (int i = 0; i < 3; ++i) {
        const auto next = open(Start::may_resume);
        EXPECT_TRUE(next->client_end->is_resumed());
        EXPECT_EQ(next->client_end->peer_common_name(), "Test server");
    }
}

TEST_F(TlsClientResumptionTest, its_data_connections_resume_its_own_session) {
    (void)open(Start::may_resume);
    const auto control = open(Start::may_resume);
    ASSERT_TRUE(control->client_end->is_resumed());
    auto [ours, theirs] =
        support::MemoryStream::connect(loop, base::Address::parse("192.0.2.1:1").value(),
                                       base::Address::parse("192.0.2.2:2").value());
    const auto client_end = client->wrap_data(std::move(ours), control->tickets, false);
    const auto server_end = server->wrap_data(std::move(theirs), control->bond);
    const support::Handshake one(loop, *client_end);
    const support::Handshake other(loop, *server_end);
    loop.settle();
    EXPECT_EQ(one.problem(), "");
    EXPECT_TRUE(client_end->is_resumed());
}

TEST_F(TlsClientResumptionTest, begins_in_full_if_told) {
    (void)open(Start::may_resume);
    EXPECT_FALSE(open(Start::full)->client_end->is_resumed());
    EXPECT_TRUE(open(Start::may_resume)->client_end->is_resumed());
}

TEST_F(TlsClientResumptionTest, gives_nothing_of_a_full_one_to_others) {
    (void)open(Start::full);
    EXPECT_FALSE(open(Start::may_resume)->client_end->is_resumed());
}

TEST_F(TlsClientResumptionTest, begins_in_full_with_another_address) {
    (void)open(Start::may_resume);
    EXPECT_FALSE(open(Start::may_resume, "192.0.2.3:21")->client_end->is_resumed());
}

TEST_F(TlsClientResumptionTest, resumes_only_under_tls_1_3) {
    (void)open(Start::may_resume, "192.0.2.2:21", true);
    EXPECT_FALSE(open(Start::may_resume)->client_end->is_resumed());
    EXPECT_FALSE(open(Start::may_resume, "192.0.2.2:21", true)->client_end->is_resumed());
}

TEST_F(TlsClientResumptionTest, begins_in_full_after_a_handshake_that_has_failed) {
    (void)open(Start::may_resume);
    {
        const auto broken = begin(Start::may_resume);
        const support::Handshake one(loop, *broken->client_end);
        broken->server_end->reset();
        loop.settle();
        EXPECT_NE(one.problem(), "");
    }
    EXPECT_FALSE(open(Start::may_resume)->client_end->is_resumed());
    EXPECT_TRUE(open(Start::may_resume)->client_end->is_resumed());
}

TEST(TlsTickets, offer_copies_of_the_newest) {
    TlsTickets tickets;
    EXPECT_TRUE(tickets.is_empty());
    EXPECT_EQ(tickets.offer(), nullptr);
    tickets.keep(TlsSession(SSL_SESSION_new()));
    TlsSession newest(SSL_SESSION_new());
    const unsigned char id[] = {1, 2, 3};
    SSL_SESSION_set1_id(newest.get(), id, sizeof id);
    const auto* const address = newest.get();
    tickets.keep(std::move(newest));
    EXPECT_FALSE(tickets.is_empty());
    for (int i = 0; i < 2; ++i) {
        const auto offered = tickets.offer();
        ASSERT_NE(offered, nullptr);
        EXPECT_NE(offered.get(), address);
        unsigned int size = 0;
        (void)SSL_SESSION_get_id(offered.get(), &size);
        EXPECT_EQ(size, 3);
    }
}

}  // namespace
}  // namespace ballast::net
