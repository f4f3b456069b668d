// SPDX-License-Identifier: Apache-2.0
#include "net/certificates.h"

#include "support/tls_ends.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string>
#include <vector>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;
using support::CertificateWish;
using support::Identity;
using support::test_pki;
using Files = Certificates::Files;
using File = Certificates::Problem::File;

class CertificatesTest : public testing::Test {
protected:
    [[nodiscard]] Identity issue(const CertificateWish& wish) {
        return authority.issue("certificate" + std::to_string(++issued) + ".pem", wish);
    }
    [[nodiscard]] static std::shared_ptr<const Certificates> load(const std::vector<Files>& files) {
        auto loaded = Certificates::load(files);
        EXPECT_TRUE(loaded) << loaded.error().what;
        return loaded.value_or(nullptr);
    }
    [[nodiscard]] static std::shared_ptr<TlsServer> serve(
        std::shared_ptr<const Certificates> certificates) {
        return TlsServer::create({}, std::move(certificates), std::make_shared<TicketKeys>(12h))
            .value();
    }
    /// The certificate for a client that asks for this name.
    std::string shown(const std::shared_ptr<TlsServer>& server, const std::string& name,
                      const support::TlsSessionEnds::Tune& tune = {}) {
        TlsClient::Settings settings;
        settings.verify = TlsClient::Settings::Verify::none;
        settings.server_name = name;
        support::TlsSessionEnds ends(loop, server, support::make_tls_client(settings));
        if (!ends.begin(tune)) return ends.control->client_problem + ends.control->server_problem;
        return ends.control->client->peer_subject();
    }
    /// Which file cannot be used, and why.
    void expect_problem(const Files& bad, File which, const std::string& named,
                        const std::string& why) {
        const std::vector<Files> files = {{test_pki().server.file, {}, {}}, bad};
        const auto loaded = Certificates::load(files);
        ASSERT_FALSE(loaded) << why;
        EXPECT_EQ(loaded.error().index, 1);
        EXPECT_EQ(static_cast<int>(loaded.error().file), static_cast<int>(which)) << why;
        EXPECT_NE(loaded.error().what.find(named), std::string::npos) << loaded.error().what;
        EXPECT_NE(loaded.error().what.find(why), std::string::npos) << loaded.error().what;
    }

    support::TestLoop loop;
    support::TemporaryDirectory directory;
    support::Authority authority{directory, "CA"};
    int issued = 0;
};

TEST_F(CertificatesTest, are_chosen_by_the_name_that_the_client_asks_for) {
    const auto server = serve(load({
        {issue({.common_name = "one", .names = "DNS:one.example.com"}).file, {}, {}},
        {issue({.common_name = "two", .names = "DNS:two.example.com,DNS:ZWEI.example.com"}).file,
         {},
         {}},
        {issue({.common_name = "wild", .names = "DNS:*.wild.example.com"}).file, {}, {}},
        {issue({.common_name = "old.example.com", .names = {}}).file, {}, {}},
    }));
    EXPECT_EQ(shown(server, "one.example.com"), "CN=one");
    EXPECT_EQ(shown(server, "two.example.com"), "CN=two");
    EXPECT_EQ(shown(server, "TWO.Example.COM"), "CN=two");
    EXPECT_EQ(shown(server, "zwei.example.com"), "CN=two");
    EXPECT_EQ(shown(server, "any.wild.example.com"), "CN=wild");
    EXPECT_EQ(shown(server, "old.example.com"), "CN=old.example.com");
    // RFC 6125 6.4.3: exactly one whole label.
    EXPECT_EQ(shown(server, "too.deep.wild.example.com"), "CN=one");
    EXPECT_EQ(shown(server, "wild.example.com"), "CN=one");
    EXPECT_EQ(shown(server, ".wild.example.com"), "CN=one");
    // An unknown name, or none: the first certificate.
    EXPECT_EQ(shown(server, "else.example.com"), "CN=one");
    EXPECT_EQ(shown(server, ""), "CN=one");
    // RFC 6125 6.4.4: the common name counts only if there is no other.
    EXPECT_EQ(shown(server, "two"), "CN=one");
}

TEST_F(CertificatesTest, may_have_ecdsa_and_rsa_keys_side_by_side) {
    const auto ecdsa = issue({.common_name = "ecdsa", .names = "DNS:a.example.com"}).file;
    const auto rsa =
        issue(
            {.common_name = "rsa", .names = "DNS:a.example.com", .key = CertificateWish::Key::rsa})
            .file;
    const auto only_rsa_1_2 = [](SSL* ssl) {
        SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
        SSL_set_cipher_list(ssl, "ECDHE-RSA-AES128-GCM-SHA256");
    };
    const auto only_rsa_1_3 = [](SSL* ssl) { SSL_set1_sigalgs_list(ssl, "RSA-PSS+SHA256"); };
    const auto only_ecdsa = [](SSL* ssl) { SSL_set1_sigalgs_list(ssl, "ECDSA+SHA256"); };
    for (const auto& server : {serve(load({{ecdsa, {}, {}}, {rsa, {}, {}}})),
                               serve(load({{rsa, {}, {}}, {ecdsa, {}, {}}}))})
        for (const char* name : {"a.example.com", "unknown.example.com"}) {
            EXPECT_EQ(shown(server, name, only_rsa_1_2), "CN=rsa") << name;
            EXPECT_EQ(shown(server, name, only_rsa_1_3), "CN=rsa") << name;
            EXPECT_EQ(shown(server, name, only_ecdsa), "CN=ecdsa") << name;
        }
}

TEST_F(CertificatesTest, of_the_same_kind_and_name_yield_to_the_first) {
    const auto server = serve(
        load({{issue({.common_name = "first", .names = "DNS:a.example.com"}).file, {}, {}},
              {issue({.common_name = "second", .names = "DNS:a.example.com"}).file, {}, {}}}));
    EXPECT_EQ(shown(server, "a.example.com"), "CN=first");
}

TEST_F(CertificatesTest, are_replaced_for_later_connections_only) {
    const auto server =
        serve(load({{issue({.common_name = "old", .names = "DNS:a.example.com"}).file, {}, {}}}));
    TlsClient::Settings settings;
    settings.verify = TlsClient::Settings::Verify::none;
    support::TlsSessionEnds before(loop, server, support::make_tls_client(settings));
    ASSERT_TRUE(before.begin());
    ASSERT_TRUE(server->replace_certificates(
        load({{issue({.common_name = "new", .names = "DNS:a.example.com"}).file, {}, {}}})));
    EXPECT_EQ(shown(server, "a.example.com"), "CN=new");
    EXPECT_EQ(before.control->client->peer_subject(), "CN=old");
    before.send_ticket();
    const auto data = before.open_data();
    EXPECT_EQ(data->client_problem, "");
    EXPECT_TRUE(data->server->is_resumed());
}

TEST_F(CertificatesTest, are_shown_with_their_chain) {
    const auto leaf = issue({.common_name = "leaf", .names = "DNS:a.example.com"});
    const auto chain = directory.write(
        "chain.pem", leaf.certificate_pem() + authority.own().certificate_pem() + leaf.key_pem());
    const auto server = serve(load({{chain, {}, {}}}));
    std::size_t sent = 0;
    TlsClient::Settings settings;
    settings.verify = TlsClient::Settings::Verify::none;
    support::TlsSessionEnds ends(loop, server, support::make_tls_client(settings));
    ASSERT_TRUE(ends.begin());
    sent =
        static_cast<std::size_t>(sk_X509_num(SSL_get_peer_cert_chain(ends.control->client->ssl())));
    EXPECT_EQ(sent, 2);
}

TEST_F(CertificatesTest, may_have_their_keys_in_separate_files) {
    const auto identity = issue({.common_name = "apart", .names = "DNS:a.example.com"});
    const auto certificate = directory.write("only.pem", identity.certificate_pem());
    const auto key = directory.write("only.key", identity.key_pem());
    EXPECT_EQ(shown(serve(load({{certificate, key, {}}})), "a.example.com"), "CN=apart");
}

TEST_F(CertificatesTest, report_which_file_is_wrong_and_why) {
    const auto good = issue({.common_name = "good", .names = "DNS:a.example.com"});
    const auto other = issue({.common_name = "other", .names = "DNS:b.example.com"});
    const auto missing = directory.file("missing.pem");
    const auto garbage = directory.write("garbage.pem", "garbage\n");
    const auto empty = directory.write("empty.pem", "");
    const auto certificate = directory.write("only.pem", good.certificate_pem());
    const auto other_key = directory.write("other.key", other.key_pem());
    expect_problem({missing, {}, {}}, File::certificate, missing, "No such file");
    expect_problem({garbage, {}, {}}, File::certificate, garbage, "holds no certificate");
    expect_problem({empty, {}, {}}, File::certificate, empty, "is empty");
    expect_problem({directory.file(""), {}, {}}, File::certificate, directory.file(""), "");
    expect_problem({certificate, {}, {}}, File::certificate, certificate, "holds no private key");
    expect_problem({certificate, missing, {}}, File::key, missing, "No such file");
    expect_problem({certificate, garbage, {}}, File::key, garbage, "holds no private key");
    expect_problem({certificate, certificate, {}}, File::key, certificate, "holds no private key");
    expect_problem({certificate, other_key, {}}, File::key, other_key, "does not belong");
    expect_problem({good.file, {}, missing}, File::ocsp, missing, "cannot read");
    expect_problem({good.file, {}, garbage}, File::ocsp, garbage, "not an OCSP response");
    expect_problem({good.file, {}, empty}, File::ocsp, empty, "is empty");
}

TEST_F(CertificatesTest, with_keys_that_need_a_password_are_refused) {
    const auto identity = issue({.common_name = "locked", .names = {}});
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), identity.key.get(), EVP_aes_128_cbc(),
                             reinterpret_cast<const unsigned char*>("secret"), 6, nullptr, nullptr);
    char* bytes = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(bio.get(), &bytes));
    const auto key = directory.write("locked.key", {bytes, size});
    expect_problem({identity.file, key, {}}, File::key, key, "has a password");
}

TEST_F(CertificatesTest, say_how_long_they_last) {
    const auto fresh = issue({.common_name = "fresh", .names = {}, .days_left = 90});
    const auto expired = issue({.common_name = "expired", .names = {}, .days_left = -10});
    const auto loaded = load({{fresh.file, {}, {}}, {expired.file, {}, {}}});
    const auto expiries = loaded->expiries();
    ASSERT_EQ(expiries.size(), 2);
    EXPECT_EQ(expiries[0].file, fresh.file);
    EXPECT_EQ(expiries[0].days_left, 90);
    const auto in_90_days = std::time(nullptr) + std::int64_t{90} * 24 * 60 * 60;
    EXPECT_NEAR(static_cast<double>(expiries[0].at), static_cast<double>(in_90_days), 2 * 60 * 60);
    EXPECT_EQ(expiries[1].file, expired.file);
    EXPECT_LT(expiries[1].days_left, 0);
}

TEST_F(CertificatesTest, say_how_long_their_ocsp_responses_last) {
    const auto identity = issue({.common_name = "a", .names = {}, .days_left = 90});
    const auto good = directory.write("good.der", authority.ocsp_response(identity, 73h));
    const auto old = directory.write("old.der", authority.ocsp_response(identity, -1min));
    const auto expiries = load({{identity.file, {}, good}, {identity.file, {}, old}})->expiries();
    ASSERT_EQ(expiries.size(), 4);
    EXPECT_FALSE(expiries[0].is_ocsp);
    EXPECT_TRUE(expiries[1].is_ocsp);
    EXPECT_EQ(expiries[1].file, good);
    EXPECT_EQ(expiries[1].days_left, 3);
    EXPECT_NEAR(static_cast<double>(expiries[1].at),
                static_cast<double>(std::time(nullptr) + std::int64_t{73} * 60 * 60), 60);
    EXPECT_EQ(expiries[3].file, old);
    EXPECT_LT(expiries[3].days_left, 0);
}

/// The OCSP response that a client got with the certificate.
std::string stapled(const TlsStream& client) {
    const unsigned char* bytes = nullptr;
    const auto size = SSL_get_tlsext_status_ocsp_resp(client.ssl(), &bytes);
    if (size <= 0) return {};
    return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

TEST_F(CertificatesTest, are_stapled_with_a_response_that_is_still_valid) {
    const auto identity = issue({.common_name = "a", .names = "DNS:a.example.com"});
    const auto plain = issue({.common_name = "b", .names = "DNS:b.example.com"});
    const auto response = authority.ocsp_response(identity, 1h);
    const auto good = directory.write("good.der", response);
    const auto old = directory.write("old.der", authority.ocsp_response(identity, -1min));
    const auto asks = [](SSL* ssl) { SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp); };
    const auto given = [&](const std::string& ocsp, const std::string& name,
                           const support::TlsSessionEnds::Tune& tune) {
        const auto server = serve(load({{identity.file, {}, ocsp}, {plain.file, {}, {}}}));
        TlsClient::Settings settings;
        settings.verify = TlsClient::Settings::Verify::none;
        settings.server_name = name;
        support::TlsSessionEnds ends(loop, server, support::make_tls_client(settings));
        EXPECT_TRUE(ends.begin(tune));
        return stapled(*ends.control->client);
    };
    EXPECT_EQ(given(good, "a.example.com", asks), response);
    EXPECT_EQ(given(good, "a.example.com", {}), "");
    EXPECT_EQ(given(good, "b.example.com", asks), "");
    EXPECT_EQ(given(old, "a.example.com", asks), "");
    EXPECT_EQ(given("", "a.example.com", asks), "");
}

TEST_F(CertificatesTest, that_are_trusted_are_tested) {
    EXPECT_TRUE(try_trusted(authority.file()));
    for (const auto& file : {directory.file("missing.pem"), directory.write("bad.pem", "bad\n")}) {
        const auto tried = try_trusted(file);
        ASSERT_FALSE(tried);
        EXPECT_NE(base::to_string(tried.error()).find(file), std::string::npos);
    }
}

}  // namespace
}  // namespace ballast::net
