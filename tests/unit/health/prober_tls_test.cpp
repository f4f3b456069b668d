// SPDX-License-Identifier: Apache-2.0
#include "health/prober.h"
#include "support/borrowed.h"
#include "support/fake_backend.h"
#include "support/log_lines.h"
#include "support/tls_ends.h"

#include <gtest/gtest.h>
#include <optional>

namespace ballast::health {
namespace {

using namespace std::chrono_literals;
using pool::Health;

class ProberTlsTest : public testing::Test {
protected:
    ProberTlsTest() {
        settings.name = "files";
        config::Backend configured;
        configured.name = "alf1";
        configured.host = "10.0.0.11";
        configured.tls.mode = config::BackendTlsMode::explicit_tls;
        settings.backends.push_back(configured);
        settings.probe.type = config::ProbeType::login;
        settings.probe.user = "probe";
        settings.probe.interval = 5s;
        settings.probe.timeout = 4s;
        settings.probe.jitter_percent = 0;
        backend.script.tls = support::make_tls_server();
    }
    config::BackendTls& tls() { return settings.backends[0].tls; }
    void start() {
        pool = std::make_shared<pool::Pool>(settings);
        contacts = std::make_shared<backend::Contacts>(support::borrowed(settings), knowledge);
        contacts->set_tls_client(pool->backends().front(), client);
        prober.emplace(network, std::vector<Prober::Subject>{{pool, contacts, "secret"}},
                       Prober::RunScript(), 1);
        prober->start();
        loop.settle();
    }
    /// The backend shows this certificate.
    void show(const support::CertificateWish& wish) {
        const net::Certificates::Files files{
            support::test_pki().authority.issue("shown.pem", wish).file, {}, {}};
        backend.script.tls =
            net::TlsServer::create({}, net::Certificates::load({&files, 1}).value(),
                                   std::make_shared<net::TicketKeys>(12h))
                .value();
    }
    [[nodiscard]] Health health() const { return pool->status().at(0).health; }
    [[nodiscard]] std::shared_ptr<const backend::Survey> survey() {
        return knowledge.of(pool->status().at(0).backend.id)->survey();
    }

    support::TestLoop loop;
    support::MemoryNetwork network{loop};
    support::FakeBackend backend{network, {base::Ip::parse("10.0.0.11").value(), 21}};
    config::Pool settings;
    backend::Knowledge knowledge;
    std::shared_ptr<const net::TlsClient> client = support::make_tls_client();
    std::shared_ptr<pool::Pool> pool;
    std::shared_ptr<backend::Contacts> contacts;
    std::optional<Prober> prober;
};

TEST_F(ProberTlsTest, probes_under_tls_and_learns_its_facts) {
    start();
    EXPECT_EQ(health(), Health::up);
    EXPECT_EQ(backend.heard.front(), "AUTH TLS");
    EXPECT_TRUE(backend.has_heard("PASS secret"));
    ASSERT_NE(survey(), nullptr);
    EXPECT_EQ(survey()->takes_prot_p, true);
    EXPECT_EQ(survey()->certificate_days_left, 365);
    EXPECT_TRUE(survey()->features.has("SIZE"));
    EXPECT_EQ(backend.sessions(), 0);
}

TEST_F(ProberTlsTest, probes_under_implicit_tls) {
    tls().mode = config::BackendTlsMode::implicit_tls;
    backend.script.begins_with_tls = true;
    start();
    EXPECT_EQ(health(), Health::up);
    EXPECT_FALSE(backend.has_heard("AUTH TLS"));
    ASSERT_NE(survey(), nullptr);
    EXPECT_EQ(survey()->takes_prot_p, true);
}

TEST_F(ProberTlsTest, sends_no_password_in_plain_text_if_tls_follows_the_client) {
    tls().mode = config::BackendTlsMode::as_client;
    start();
    EXPECT_EQ(health(), Health::up);
    EXPECT_EQ(backend.heard.front(), "AUTH TLS");
}

TEST_F(ProberTlsTest, reports_nothing_about_tls_without_tls) {
    tls().mode = config::BackendTlsMode::off;
    client = nullptr;
    start();
    ASSERT_NE(survey(), nullptr);
    EXPECT_EQ(survey()->takes_prot_p, std::nullopt);
    EXPECT_EQ(survey()->certificate_days_left, std::nullopt);
}

TEST_F(ProberTlsTest, warns_of_a_backend_that_refuses_prot_p_and_names_the_remedy) {
    backend.script.takes_prot_p = false;
    support::LogLines log(log::Level::warning);
    start();
    ASSERT_NE(survey(), nullptr);
    EXPECT_EQ(survey()->takes_prot_p, false);
    EXPECT_EQ(health(), Health::up);
    const auto text = log.text();
    EXPECT_NE(text.find("backend refuses PROT P: set data = \"never\""), std::string::npos) << text;
}

TEST_F(ProberTlsTest, does_not_warn_if_data_never_have_tls_or_nothing_is_known) {
    support::LogLines log(log::Level::warning);
    tls().data = config::BackendDataTls::never;
    backend.script.takes_prot_p = false;
    start();
    prober.reset();
    tls().data = config::BackendDataTls::always;
    backend.script.replies["PROT"] = "530 Log in first.";
    start();
    ASSERT_NE(survey(), nullptr);
    EXPECT_EQ(survey()->takes_prot_p, std::nullopt);
    EXPECT_EQ(log.text().find("PROT P"), std::string::npos);
}

TEST_F(ProberTlsTest, warns_of_a_certificate_that_expires_soon) {
    show({.common_name = "x", .names = "DNS:ftp.example.com", .days_left = 5});
    support::LogLines log(log::Level::warning);
    start();
    ASSERT_NE(survey(), nullptr);
    EXPECT_EQ(survey()->certificate_days_left, 5);
    const auto text = log.text();
    EXPECT_NE(text.find("backend's certificate expires soon"), std::string::npos) << text;
    EXPECT_NE(text.find("days_left=5"), std::string::npos) << text;
}

TEST_F(ProberTlsTest, brings_a_backend_with_a_bad_certificate_down) {
    start();
    EXPECT_EQ(health(), Health::up);
    show({.common_name = "x", .names = "DNS:x.example.com"});
    support::LogLines log(log::Level::info);
    loop.run_for(60s);
    EXPECT_EQ(health(), Health::down);
    const auto text = log.text();
    EXPECT_NE(text.find("hostname mismatch"), std::string::npos) << text;
    backend.script.tls = support::make_tls_server();
    loop.run_for(60s);
    EXPECT_EQ(health(), Health::up);
}

TEST_F(ProberTlsTest, brings_a_backend_that_lost_its_tls_down) {
    start();
    const auto heard = backend.heard.size();
    backend.script.tls = nullptr;
    loop.run_for(60s);
    EXPECT_EQ(health(), Health::down);
    for (std::size_t i = heard; i < backend.heard.size(); ++i)
        EXPECT_EQ(backend.heard[i], "AUTH TLS");
}

}  // namespace
}  // namespace ballast::health
