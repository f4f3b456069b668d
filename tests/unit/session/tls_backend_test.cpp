// SPDX-License-Identifier: Apache-2.0
// TLS towards backends, in whole sessions.
#include "support/log_lines.h"
#include "support/test_client.h"
#include "support/tls_ends.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using config::BackendDataTls;
using config::BackendTlsMode;
using support::DataPeer;
using support::TestClient;
using support::World;

std::shared_ptr<net::TlsServer> backend_server() {
    net::TlsServer::Settings settings;
    settings.name = "backend";
    return support::make_tls_server(settings);
}

class TlsBackend : public testing::Test {
protected:
    TlsBackend() { prepare(world); }
    static void prepare(World& one) {
        one.tls_server = support::make_tls_server();
        one.listener.tls.emplace();
        one.tls_client = support::make_tls_client();
        for (std::size_t i = 0; i < 2; ++i) {
            one.pool_settings.backends[i].tls.mode = BackendTlsMode::explicit_tls;
            one.backend(i).script.tls = backend_server();
            one.backend(i).files["a"] = "content";
        }
    }
    config::BackendTls& tls(std::size_t index) { return world.pool_settings.backends[index].tls; }
    /// Logs in with a first backend that cannot serve.
    static void expect_second_backend_is_taken(World& one) {
        one.pool_settings.backends[1].backup = true;
        TestClient client(one);
        EXPECT_TRUE(client.log_in());
        EXPECT_EQ(one.backend(0).sessions_ever(), 1);
        EXPECT_EQ(one.backend(0).sessions(), 0);
        EXPECT_EQ(one.backend(1).sessions(), 1);
        EXPECT_FALSE(one.backend(0).has_heard("USER anna"));
        EXPECT_FALSE(one.backend(0).has_heard("PASS secret"));
    }
    int download(TestClient& client) {
        data = client.open_data("EPSV");
        const auto begun = client.ask("RETR a");
        if (begun != 150) return begun;
        const auto ended = client.code();
        world.loop.settle();
        return ended;
    }
    std::size_t data_handshakes() {
        return world.backend(0).data_handshakes.size() + world.backend(1).data_handshakes.size();
    }

    World world{2};
    std::unique_ptr<DataPeer> data;
};

TEST_F(TlsBackend, is_reached_under_tls_before_the_login) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(world.backend(0).heard,
              (std::vector<std::string>{"AUTH TLS", "USER anna", "PASS secret"}));
    EXPECT_EQ(client.ask("PWD"), 257);
}

TEST_F(TlsBackend, is_reached_under_implicit_tls) {
    for (std::size_t i = 0; i < 2; ++i) {
        tls(i).mode = BackendTlsMode::implicit_tls;
        tls(i).data = BackendDataTls::always;
        world.backend(i).script.begins_with_tls = true;
    }
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(download(client), 226);
    EXPECT_EQ(data->received(), "content");
    EXPECT_FALSE(world.backend(0).has_heard("AUTH TLS"));
    EXPECT_EQ(data_handshakes(), 1);
    // With implicit TLS each server has its own default for data, so Ballast sends PROT.
    tls(0).data = BackendDataTls::never;
    world.renew_pool();
    TestClient other(world);
    ASSERT_TRUE(other.log_in());
    EXPECT_EQ(download(other), 226);
    EXPECT_TRUE(world.backend(0).has_heard("PROT C"));
    EXPECT_EQ(data_handshakes(), 1);
}

TEST_F(TlsBackend, follows_the_clients_choice_of_tls_if_so_configured) {
    tls(0).mode = tls(1).mode = BackendTlsMode::as_client;
    TestClient plain(world);
    ASSERT_TRUE(plain.log_in());
    EXPECT_FALSE(world.backend(0).has_heard("AUTH TLS"));
    EXPECT_EQ(download(plain), 226);
    TestClient secure(world);
    ASSERT_TRUE(secure.log_in_with_tls());
    EXPECT_TRUE(world.backend(1).has_heard("AUTH TLS"));
    EXPECT_EQ(download(secure), 226);
    EXPECT_EQ(world.backend(1).data_handshakes.size(), 1);
}

TEST_F(TlsBackend, protects_data_like_the_client_or_always_or_never) {
    struct Row {
        BackendDataTls data;
        bool client_does;
        bool backend_does;
    };
    constexpr Row rows[] = {
        {BackendDataTls::as_client, true, true}, {BackendDataTls::as_client, false, false},
        {BackendDataTls::always, true, true},    {BackendDataTls::always, false, true},
        {BackendDataTls::never, true, false},    {BackendDataTls::never, false, false},
    };
    for (const auto& row : rows) {
        tls(0).data = tls(1).data = row.data;
        world.renew_pool();
        const auto before = data_handshakes();
        TestClient client(world);
        ASSERT_TRUE(row.client_does ? client.log_in_with_tls() : client.log_in());
        EXPECT_EQ(download(client), 226);
        EXPECT_EQ(data->received(), "content");
        EXPECT_EQ(data->is_vouched_for(), row.client_does);
        EXPECT_EQ(data_handshakes() - before, row.backend_does ? 1 : 0);
    }
}

TEST_F(TlsBackend, follows_the_client_from_one_transfer_to_the_next) {
    world.pool_settings.backends[1].backup = true;
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    EXPECT_EQ(download(client), 226);
    EXPECT_EQ(download(client), 226);
    EXPECT_EQ(client.ask("PROT C"), 200);
    client.wraps_data = false;
    EXPECT_EQ(download(client), 226);
    ASSERT_TRUE(client.protect_data());
    EXPECT_EQ(download(client), 226);
    EXPECT_EQ(world.backend(0).data_handshakes.size(), 3);
    std::vector<std::string> protection;
    for (const auto& line : world.backend(0).heard)
        if (line.starts_with("P") && !line.starts_with("PASS")) protection.push_back(line);
    EXPECT_EQ(protection, (std::vector<std::string>{"PBSZ 0", "PROT P", "PROT C", "PROT P"}));
}

TEST_F(TlsBackend, that_refuses_prot_p_gets_no_transfer_and_the_log_names_the_remedy) {
    world.backend(0).script.takes_prot_p = world.backend(1).script.takes_prot_p = false;
    support::LogLines log(log::Level::info);
    {
        TestClient client(world);
        ASSERT_TRUE(client.log_in_with_tls());
        EXPECT_EQ(download(client), 522);
        EXPECT_FALSE(world.backend(0).has_heard("RETR a"));
        EXPECT_EQ(client.ask("PWD"), 257);
        // In plain text it can.
        EXPECT_EQ(client.ask("PROT C"), 200);
        client.wraps_data = false;
        EXPECT_EQ(download(client), 226);
    }
    const auto text = log.text();
    EXPECT_NE(text.find("answered PROT P with 534"), std::string::npos) << text;
    EXPECT_NE(text.find("data = \\\"never\\\""), std::string::npos) << text;
}

TEST_F(TlsBackend, that_does_not_know_auth_is_skipped) {
    for (const char* reply :
         {"502 No.", "504 No.", "530 No.", "534 No.", "431 Not now.", "421 Too many."}) {
        SCOPED_TRACE(reply);
        World each;
        prepare(each);
        each.backend(0).script.replies["AUTH"] = reply;
        expect_second_backend_is_taken(each);
    }
}

TEST_F(TlsBackend, that_continues_in_plain_text_after_234_is_skipped) {
    world.backend(0).script.speaks_plain_after_auth = true;
    expect_second_backend_is_taken(world);
}

TEST_F(TlsBackend, that_is_silent_after_234_is_skipped) {
    world.backend(0).script.replies["AUTH"] = "234 Go ahead.";
    const auto before = world.loop.now();
    expect_second_backend_is_taken(world);
    EXPECT_GE(world.loop.now() - before, tls(0).handshake_timeout);
}

TEST_F(TlsBackend, that_does_not_begin_implicit_tls_is_skipped) {
    tls(0).mode = tls(1).mode = BackendTlsMode::implicit_tls;
    world.backend(1).script.begins_with_tls = true;
    expect_second_backend_is_taken(world);
}

TEST_F(TlsBackend, with_a_bad_certificate_is_skipped) {
    const auto& pki = support::test_pki();
    const support::Authority stranger(pki.directory, "Stranger");
    const net::Certificates::Files bad[] = {
        {pki.authority.issue("name.pem", {.common_name = "x", .names = "DNS:x.example.com"}).file,
         {},
         {}},
        {pki.authority
             .issue("expired-x.pem",
                    {.common_name = "x", .names = "DNS:ftp.example.com", .days_left = -1})
             .file,
         {},
         {}},
        {stranger.issue("unknown-x.pem", {.common_name = "x", .names = "DNS:ftp.example.com"}).file,
         {},
         {}},
    };
    for (const auto& files : bad) {
        SCOPED_TRACE(files.certificate);
        net::TlsServer::Settings settings;
        settings.name = "backend";
        World each;
        prepare(each);
        each.backend(0).script.tls =
            net::TlsServer::create(settings, net::Certificates::load({&files, 1}).value(),
                                   std::make_shared<net::TicketKeys>(12h))
                .value();
        expect_second_backend_is_taken(each);
    }
}

TEST_F(TlsBackend, ends_the_session_with_421_if_none_has_a_good_certificate) {
    for (std::size_t i = 0; i < 2; ++i) world.backend(i).script.replies["AUTH"] = "502 No.";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 421);
    EXPECT_TRUE(client.is_ended());
}

TEST_F(TlsBackend, cannot_inject_replies_before_its_handshake) {
    for (std::size_t i = 0; i < 2; ++i)
        world.backend(i).script.auth_reply = "234 Go ahead.\r\n230 You are root.\r\n331 Injected.";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.say("USER anna"), "331 Password please.");
    EXPECT_EQ(client.say("PASS secret"), "230 Welcome.");
    EXPECT_EQ(client.ask("PWD"), 257);
}

TEST_F(TlsBackend, that_does_not_resume_under_tls_1_3_gets_1_2_next_time) {
    world.pool_settings.backends[1].backup = true;
    auto& backend = world.backend(0);
    backend.script.resumes_tls_1_3 = false;
    backend.script.requires_reuse = true;
    TestClient first(world);
    ASSERT_TRUE(first.log_in_with_tls());
    EXPECT_EQ(download(first), 522);
    ASSERT_EQ(backend.data_handshakes.size(), 1);
    EXPECT_TRUE(backend.data_handshakes[0].is_tls_1_3);
    EXPECT_FALSE(backend.data_handshakes[0].is_resumed);

    TestClient second(world, "198.51.100.8:50000");
    ASSERT_TRUE(second.log_in_with_tls());
    for (std::size_t i = 1; i <= 10; ++i) {
        EXPECT_EQ(download(second), 226);
        ASSERT_EQ(backend.data_handshakes.size(), i + 1);
        EXPECT_FALSE(backend.data_handshakes[i].is_tls_1_3);
        EXPECT_TRUE(backend.data_handshakes[i].is_resumed);
    }
}

TEST_F(TlsBackend, that_does_not_answer_the_data_handshake_loses_only_the_transfer) {
    world.pool_settings.backends[1].backup = true;
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    EXPECT_EQ(download(client), 226);
    // The backend says 150 and expects plain text.
    world.backend(0).script.replies["PROT"] = "200 Yes, yes.";
    EXPECT_EQ(client.ask("PROT C"), 200);
    client.wraps_data = false;
    const auto before = world.loop.now();
    const auto code = download(client);
    EXPECT_GE(code, 400);
    EXPECT_LE(world.loop.now() - before, 2min);
    // The backend ended empty data properly and refused. Ballast passes on the same.
    EXPECT_EQ(data->end(), DataPeer::End::proper);
    EXPECT_EQ(data->received(), "");
}

TEST_F(TlsBackend, gets_rest_and_ranges_as_in_plain_text) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    EXPECT_EQ(client.ask("REST 3"), 350);
    EXPECT_EQ(download(client), 226);
    EXPECT_EQ(data->received(), "tent");
}

}  // namespace
}  // namespace ballast::session
