// SPDX-License-Identifier: Apache-2.0
// TLS on clients' control connections.
#include "metrics/counters.h"
#include "support/test_client.h"
#include "support/tls_ends.h"

#include <array>
#include <gtest/gtest.h>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using config::TlsRequire;
using metrics::Counter;
using support::DataPeer;
using support::TestClient;
using support::World;

/// A world whose listener has TLS, and plain backends.
class TlsControl : public testing::Test {
protected:
    TlsControl() {
        world.tls_server = support::make_tls_server();
        world.listener.tls.emplace();
        world.backend(0).files["a"] = "content";
    }
    config::ListenerTls& tls() { return *world.listener.tls; }
    void allow_ccc() {
        tls().ccc = true;
        net::TlsServer::Settings settings;
        settings.may_leave = true;
        world.tls_server = support::make_tls_server(settings);
    }

    World world{1};
};

TEST_F(TlsControl, begins_at_auth) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    const auto before = metrics::total(Counter::tls_control_handshakes);
    ASSERT_TRUE(client.secure());
    EXPECT_EQ(client.tls()->version(), "TLSv1.3");
    EXPECT_EQ(client.say("PBSZ 0"), "200 PBSZ=0");
    EXPECT_EQ(metrics::total(Counter::tls_control_handshakes), before + 1);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_EQ(client.ask("PWD"), 257);
    EXPECT_EQ(client.say("QUIT"), "221 Goodbye.");
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.sessions(), 0);
}

TEST_F(TlsControl, begins_before_the_greeting_if_it_is_implicit) {
    world.begins_with_tls = true;
    TestClient client(world);
    EXPECT_FALSE(client.has_reply());
    ASSERT_TRUE(client.begin_tls());
    EXPECT_EQ(client.reply(), "220 FTP server ready.");
    EXPECT_EQ(client.ask("AUTH TLS"), 503);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    // Data is protected at once.
    client.wraps_data = true;
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "content");
    EXPECT_TRUE(data->is_vouched_for());
}

TEST_F(TlsControl, that_never_begins_ends_silently_at_its_deadline) {
    world.begins_with_tls = true;
    TestClient client(world);
    const auto before = world.loop.now();
    EXPECT_EQ(client.reply(), "");
    EXPECT_EQ(world.loop.now() - before, tls().handshake_timeout);
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.sessions(), 0);

    world.begins_with_tls = false;
    TestClient other(world);
    EXPECT_EQ(other.code(), 220);
    EXPECT_EQ(other.ask("AUTH TLS"), 234);
    EXPECT_EQ(other.reply(), "");
    EXPECT_TRUE(other.is_ended());
    EXPECT_EQ(world.loop.now() - before, 2 * tls().handshake_timeout);
}

TEST_F(TlsControl, that_never_begins_makes_room_for_others_and_for_a_stop) {
    world.begins_with_tls = true;
    world.listener.max_sessions = 1;
    const auto before = world.loop.now();
    TestClient silent(world);
    world.loop.settle();
    TestClient client(world, "198.51.100.8:50000");
    ASSERT_TRUE(client.begin_tls());
    EXPECT_EQ(client.code(), 220);
    EXPECT_TRUE(silent.is_ended());
    EXPECT_EQ(client.ask("QUIT"), 221);

    TestClient last(world);
    world.loop.settle();
    ASSERT_EQ(world.sessions(), 1);
    world.session().stop();
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_LT(world.loop.now() - before, 1s);
}

TEST_F(TlsControl, ends_if_the_client_continues_in_plain_text) {
    const auto before = metrics::total(Counter::tls_handshakes_failed);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("AUTH TLS"), 234);
    client.send("USER anna");
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(metrics::total(Counter::tls_handshakes_failed), before + 1);
    EXPECT_TRUE(world.network.dials().empty());

    world.begins_with_tls = true;
    TestClient implicit(world);
    implicit.send("USER anna");
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 0);
}

TEST_F(TlsControl, drops_plain_text_that_was_sent_behind_auth) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    client.send_bytes("AUTH TLS\r\nUSER mallory\r\nPASS secret\r\nDELE a\r\n");
    EXPECT_EQ(client.code(), 234);
    ASSERT_TRUE(client.begin_tls());
    EXPECT_FALSE(client.has_reply());
    EXPECT_TRUE(world.network.dials().empty());
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    for (const auto& line : world.backend(0).heard)
        EXPECT_EQ(line.find("mallory"), std::string::npos);
}

TEST_F(TlsControl, drops_half_a_line_too) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    client.send_bytes("AUTH TLS\r\nUSER mall");
    EXPECT_EQ(client.code(), 234);
    ASSERT_TRUE(client.begin_tls());
    client.send_bytes("PWD\r\n");
    EXPECT_EQ(client.code(), 530);
}

TEST_F(TlsControl, resets_the_login_at_auth) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_NE(client.passive_port("EPSV"), 0);
    ASSERT_TRUE(client.secure());
    world.loop.settle();
    EXPECT_EQ(world.seats_taken(), 0);
    EXPECT_EQ(world.backend(0).sessions(), 0);
    EXPECT_EQ(client.ask("PWD"), 530);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_EQ(client.ask("LIST"), 425);  // the data address is lost, too
    EXPECT_EQ(client.ask("PWD"), 257);
}

TEST_F(TlsControl, can_be_required) {
    tls().require = TlsRequire::login;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 530);
    EXPECT_TRUE(world.network.dials().empty());
    ASSERT_TRUE(client.secure());
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "content");
}

TEST_F(TlsControl, can_be_required_for_data_too) {
    tls().require = TlsRequire::login_and_data;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 530);
    ASSERT_TRUE(client.secure());
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    const auto port = client.passive_port("EPSV");
    EXPECT_NE(port, 0);
    EXPECT_EQ(client.ask("RETR a"), 521);
    EXPECT_EQ(client.ask("LIST"), 521);
    EXPECT_EQ(client.ask("PBSZ 0"), 200);
    EXPECT_EQ(client.ask("PROT C"), 534);
    EXPECT_FALSE(world.backend(0).has_heard("RETR a"));
    ASSERT_TRUE(client.protect_data());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "content");
}

TEST_F(TlsControl, is_listed_by_feat) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    auto features = client.say("FEAT");
    EXPECT_NE(features.find("\r\n AUTH TLS"), std::string::npos) << features;
    EXPECT_NE(features.find("\r\n PBSZ\r\n"), std::string::npos) << features;
    EXPECT_NE(features.find("\r\n PROT\r\n"), std::string::npos) << features;
    EXPECT_EQ(features.find(" CCC"), std::string::npos) << features;
    ASSERT_TRUE(client.secure());
    features = client.say("FEAT");
    EXPECT_NE(features.find("\r\n AUTH TLS\r\n"), std::string::npos) << features;
    EXPECT_NE(features.find("\r\n PROT\r\n"), std::string::npos) << features;
    tls().ccc = true;
    EXPECT_NE(client.say("FEAT").find("\r\n CCC\r\n"), std::string::npos);

    World plain(1);
    TestClient other(plain);
    EXPECT_EQ(other.code(), 220);
    features = other.say("FEAT");
    for (const char* verb : {" AUTH", " PBSZ", " PROT", " CCC"})
        EXPECT_EQ(features.find(verb), std::string::npos) << features;
}

TEST_F(TlsControl, refuses_rein_and_a_second_auth) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    EXPECT_EQ(client.ask("REIN"), 502);
    EXPECT_EQ(client.ask("AUTH TLS"), 503);
    EXPECT_EQ(client.ask("PROT S"), 536);
    EXPECT_EQ(client.ask("CCC"), 534);
    EXPECT_EQ(client.ask("PWD"), 257);
    ASSERT_NE(client.tls(), nullptr);
}

TEST_F(TlsControl, requires_host_to_equal_the_name_in_the_handshake) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    ASSERT_TRUE(client.secure());
    EXPECT_EQ(client.ask("HOST other.example.com"), 504);
    EXPECT_EQ(client.ask("HOST ftp.example.com"), 220);
}

TEST_F(TlsControl, keeps_the_host_from_before_auth) {
    config::Route here;
    here.match.host = {"ftp.example.com"};
    here.pool = world.listener.pool;
    config::Route elsewhere;
    elsewhere.reject = "530 Not here.";
    world.listener.routes = {here, elsewhere};
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("HOST ftp.example.com"), 220);
    ASSERT_TRUE(client.secure());
    EXPECT_EQ(client.ask("USER anna"), 331);
}

TEST_F(TlsControl, refuses_a_login_whose_host_differs_from_the_handshake) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("HOST other.example.com"), 220);
    ASSERT_TRUE(client.secure());
    EXPECT_EQ(client.say("USER anna"), "530 The host differs from that of the TLS handshake.");
    EXPECT_EQ(client.ask("HOST ftp.example.com"), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
}

TEST_F(TlsControl, ends_with_ccc_while_data_stays_protected) {
    allow_ccc();
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    EXPECT_EQ(client.leave_tls(), 200);
    EXPECT_EQ(client.tls(), nullptr);
    EXPECT_EQ(client.ask("PWD"), 257);
    for (const char* verb : {"EPSV", "PORT"}) {
        const auto data = client.open_data(verb);
        EXPECT_EQ(client.ask("RETR a"), 150);
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(data->received(), "content");
        ASSERT_NE(data->tls(), nullptr);
        EXPECT_TRUE(data->tls()->is_resumed());
    }
    EXPECT_EQ(client.ask("AUTH TLS"), 503);
    EXPECT_EQ(client.ask("QUIT"), 221);
    EXPECT_TRUE(client.is_ended());
}

TEST_F(TlsControl, ends_at_its_deadline_if_the_client_does_not_leave_tls_after_ccc) {
    allow_ccc();
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    const auto before = world.loop.now();
    EXPECT_EQ(client.ask("CCC"), 200);
    (void)world.loop.run_until([&] { return world.sessions() == 0; });
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_LE(world.loop.now() - before, tls().handshake_timeout);
    EXPECT_EQ(world.backend(0).sessions(), 0);
}

TEST_F(TlsControl, reads_commands_in_one_record_and_in_many) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    client.send_bytes("PWD\r\nTYPE I\r\nNOOP\r\n");
    EXPECT_EQ(client.code(), 257);
    EXPECT_EQ(client.code(), 200);
    EXPECT_EQ(client.code(), 200);
    for (const char byte : std::string("PWD\r\n")) {
        client.send_bytes({&byte, 1});
        world.loop.settle();
    }
    EXPECT_EQ(client.code(), 257);
    // More bytes than one read can take.
    std::string many;
    for (int i = 0; i < 5000; ++i) many += "NOOP\r\n";
    client.send_bytes(many);
    for (int i = 0; i < 5000; ++i) ASSERT_EQ(client.code(), 200) << i;
}

TEST_F(TlsControl, works_byte_by_byte) {
    world.network.shape.slice_bytes = 1;
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    const auto data = client.open_data("PASV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.ask("QUIT"), 221);
    world.loop.settle();
    EXPECT_EQ(data->received(), "content");
    EXPECT_TRUE(data->is_vouched_for());
}

TEST_F(TlsControl, ends_the_session_of_a_client_that_vanishes) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    client.vanish();
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.backend(0).sessions(), 0);
}

TEST_F(TlsControl, says_goodbye_with_close_notify) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    EXPECT_EQ(client.ask("QUIT"), 221);
    EXPECT_TRUE(client.is_ended());
    std::array<char, 4> buffer{};
    const auto end = client.tls()->read(buffer);
    EXPECT_EQ(end.state, net::Io::State::ended);
    EXPECT_TRUE(end.is_vouched_for);
}

TEST_F(TlsControl, can_require_a_client_certificate) {
    const auto& pki = support::test_pki();
    net::TlsServer::Settings settings;
    settings.client_certificate = net::TlsServer::Settings::Ask::require;
    settings.ca = pki.authority.file();
    world.tls_server = support::make_tls_server(settings);
    TestClient without(world);
    EXPECT_EQ(without.code(), 220);
    (void)without.secure();
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 0);

    auto client_settings = support::tls_client_settings();
    client_settings.certificate =
        pki.authority.issue("berta.pem", {.common_name = "berta", .names = {}}).file;
    TestClient with(world);
    with.tls_client = support::make_tls_client(client_settings);
    ASSERT_TRUE(with.log_in_with_tls());
    const auto data = with.open_data("EPSV");
    EXPECT_EQ(with.ask("RETR a"), 150);
    EXPECT_EQ(with.code(), 226);
    EXPECT_TRUE(data->tls()->is_resumed());
}

}  // namespace
}  // namespace ballast::session
