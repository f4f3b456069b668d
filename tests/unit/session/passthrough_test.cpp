// SPDX-License-Identifier: Apache-2.0
// Sessions whose TLS ends at a backend.
#include "metrics/counters.h"
#include "support/test_client.h"
#include "support/tls_ends.h"

#include <gtest/gtest.h>
#include <optional>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using metrics::Counter;
using support::DataPeer;
using support::TestClient;
using support::World;

std::string alert(net::Alert alert) { return net::fatal_alert(alert); }

class Passthrough : public testing::Test {
protected:
    Passthrough() {
        world.listener.mode = config::ListenerMode::passthrough;
        for (std::size_t i = 0; i < 2; ++i) {
            auto& script = world.backend(i).script;
            script.tls = support::make_tls_server();
            script.requires_reuse = true;
            world.backend(i).files["a"] = std::string(300'000, 'a');
            const auto first = static_cast<std::uint16_t>(40'000 + 100 * i);
            world.backend(i).next_data_port = first;
            world.pool_settings.backends[i].passive_ports =
                base::PortRange{first, static_cast<std::uint16_t>(first + 99)};
        }
    }
    /// A client that sends only what the test says.
    std::unique_ptr<DataPeer> raw() {
        return std::make_unique<DataPeer>(
            world.loop, world.network.connect(base::Address::parse("198.51.100.7:50000").value(),
                                              world.address()));
    }
    /// The answer to these bytes after the 234, including its end.
    std::string answer_behind_auth(const std::string& bytes, const std::string& before = {}) {
        const auto client = raw();
        world.loop.settle();
        client->send(before + "AUTH TLS\r\n");
        world.loop.settle();
        const auto said = client->received().size();
        client->send(bytes);
        (void)world.loop.run_until([&] { return client->end() != DataPeer::End::open; }, 1h);
        EXPECT_EQ(client->end(), DataPeer::End::proper);
        return client->received().substr(said);
    }
    void expect_a_transfer_each_way(TestClient& client) {
        const auto down = client.open_data("EPSV");
        ASSERT_NE(down, nullptr);
        EXPECT_EQ(client.ask("RETR a"), 150);
        EXPECT_EQ(client.code(), 226);
        world.loop.settle();
        EXPECT_EQ(down->received().size(), 300'000);
        EXPECT_EQ(down->end(), DataPeer::End::proper);
        EXPECT_TRUE(down->is_vouched_for());
        const auto up = client.open_data("EPSV");
        ASSERT_NE(up, nullptr);
        EXPECT_EQ(client.ask("STOR b"), 150);
        up->send("content");
        up->finish();
        EXPECT_EQ(client.code(), 226);
    }

    World world{2};
};

TEST_F(Passthrough, carries_bytes_that_it_does_not_understand) {
    const auto before = metrics::total(Counter::data_connections_passed_through);
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    EXPECT_EQ(world.backend(0).heard[0], "AUTH TLS");
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
    expect_a_transfer_each_way(client);
    ASSERT_EQ(world.backend(0).stored.size(), 1);
    EXPECT_TRUE(world.backend(0).stored[0].is_vouched_for);
    for (const auto& each : world.backend(0).data_handshakes) EXPECT_TRUE(each.is_resumed);
    EXPECT_EQ(metrics::total(Counter::data_connections_passed_through), before + 2);
    world.loop.settle();
    EXPECT_EQ(world.seats_taken(), 1);
    EXPECT_EQ(world.transfers_running(), 0);
    EXPECT_EQ(client.ask("QUIT"), 221);
    (void)world.loop.run_until([&] { return world.sessions() == 0; });
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(Passthrough, carries_implicit_TLS_from_the_first_byte) {
    world.begins_with_tls = true;
    for (std::size_t i = 0; i < 2; ++i) world.backend(i).script.begins_with_tls = true;
    TestClient client(world);
    ASSERT_TRUE(client.begin_tls());
    ASSERT_TRUE(client.code() == 220 && client.protect_data());
    ASSERT_TRUE(client.ask("USER anna") == 331 && client.ask("PASS secret") == 230);
    expect_a_transfer_each_way(client);
    EXPECT_FALSE(world.backend(0).has_heard("AUTH TLS"));
}

TEST_F(Passthrough, chooses_by_the_requested_name) {
    auto other = world.pool_settings;
    other.name = "others";
    other.backends.erase(other.backends.begin());
    world.pool_settings.backends.pop_back();
    config::Route route;
    route.match.sni = {"*.example.com"};
    route.pool = "others";
    config::Route rejecting;
    rejecting.match.sni = {"*.example.org"};
    rejecting.reject = "530 Not here.";
    world.listener.routes = {route, rejecting};
    (void)world.pool();
    (void)world.add_pool(other);
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    EXPECT_EQ(world.backend(0).sessions(), 0);
    EXPECT_EQ(world.backend(1).sessions(), 1);

    auto settings = support::tls_client_settings();
    settings.server_name = "192.0.2.1";  // not a name
    settings.verify = net::TlsClient::Settings::Verify::none;
    TestClient nameless(world);
    nameless.tls_client = support::make_tls_client(settings);
    ASSERT_TRUE(nameless.log_in_with_tls());
    EXPECT_EQ(world.backend(0).sessions(), 1);

    settings.server_name = "ftp.example.org";
    TestClient rejected(world);
    rejected.tls_client = support::make_tls_client(settings);
    EXPECT_EQ(rejected.code(), 220);
    EXPECT_FALSE(rejected.secure());
}

TEST_F(Passthrough, tries_the_next_backend_until_one_says_234) {
    const auto expect_the_second = [&](const char* what) {
        world.renew_pool();
        TestClient client(world);
        EXPECT_TRUE(client.log_in_with_tls()) << what;
        EXPECT_EQ(world.backend(0).sessions(), 0) << what;
        EXPECT_EQ(world.backend(1).sessions(), 1) << what;
        EXPECT_FALSE(world.backend(0).has_heard("USER anna"));
        expect_a_transfer_each_way(client);
        EXPECT_EQ(client.ask("QUIT"), 221);
        (void)world.loop.run_until([&] { return world.sessions() == 0; });
    };
    auto& script = world.backend(0).script;
    for (const auto* const reply : {"502 No TLS.", "431 Out of keys.", "421 Full."}) {
        script.replies["AUTH"] = reply;
        expect_the_second(reply);
    }
    script.replies["AUTH"] = "234 Go.\r\n220 And more.";
    expect_the_second("234 and more");
    script.replies.clear();
    script.greeting = "530 Go away.";
    expect_the_second("greeting");
    world.backend(0).close();
    expect_the_second("refused connection");
}

TEST_F(Passthrough, does_not_blame_a_backend_that_knows_only_AUTH_TLS) {
    world.pool_settings.balance = balance::find_policy("first");
    world.pool_settings.observe.failures = 1;
    world.backend(0).script.replies["AUTH"] = "504 Only AUTH TLS.";
    const auto is_ejected_by = [&](std::string_view auth) {
        TestClient client(world);
        EXPECT_EQ(client.code(), 220);
        EXPECT_TRUE(client.secure(auth));
        return world.pool().status()[0].is_ejected;
    };
    EXPECT_FALSE(is_ejected_by("AUTH SSL"));
    EXPECT_TRUE(is_ejected_by("AUTH TLS"));
}

TEST_F(Passthrough, ends_with_an_alert_if_no_backend_is_available) {
    world.backend(0).close();
    world.backend(1).script.replies["AUTH"] = "502 No TLS.";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_FALSE(client.secure());
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(Passthrough, refuses_bytes_that_are_not_a_ClientHello) {
    EXPECT_EQ(answer_behind_auth("USER anna\r\n"), alert(net::Alert::unexpected_message));
    using namespace std::string_literals;
    EXPECT_EQ(answer_behind_auth("\x16\x03\x01\0\0"s), alert(net::Alert::decode_error));
    EXPECT_EQ(answer_behind_auth("\x16\x03\x01\0\x04\x01\xff\xff\xff"s),
              alert(net::Alert::decode_error));
    std::string trickle;
    while (trickle.size() < 20'000) trickle += "\x16\x03\x01\0\x01\x01"s;
    EXPECT_EQ(answer_behind_auth(trickle), alert(net::Alert::decode_error));
    EXPECT_TRUE(world.backend(0).heard.empty());
}

TEST_F(Passthrough, has_a_timeout_for_the_ClientHello) {
    world.listener.client_hello_timeout = 5s;
    const auto began = world.loop.now();
    EXPECT_EQ(answer_behind_auth("\x16"), alert(net::Alert::internal_error));
    EXPECT_EQ(world.loop.now() - began, 5s);
    world.listener.login_timeout = 2s;
    EXPECT_EQ(answer_behind_auth("\x16"), alert(net::Alert::internal_error));
    EXPECT_EQ(world.loop.now() - began, 7s);
}

TEST_F(Passthrough, ends_if_the_client_leaves_before_its_ClientHello) {
    const auto client = raw();
    world.loop.settle();
    client->send("AUTH TLS\r\n\x16\x03");
    world.loop.settle();
    client->vanish();
    (void)world.loop.run_until([&] { return world.sessions() == 0; });
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_TRUE(world.backend(0).heard.empty());
}

/// The first bytes that OpenSSL sends.
std::string a_client_hello() {
    support::TestLoop loop;
    auto [ours, theirs] = support::MemoryStream::connect(loop, {}, {}, {});
    const auto client = support::make_tls_client();
    net::TlsTickets tickets;
    const auto stream = client->wrap_control(std::move(ours), tickets, false);
    const support::Handshake handshake(loop, *stream);
    loop.settle();
    std::array<char, 4096> buffer{};
    return {buffer.data(), theirs->read(buffer).bytes};
}

TEST_F(Passthrough, accepts_a_ClientHello_in_any_pieces) {
    const auto hello = a_client_hello();
    for (const std::size_t piece : {hello.size(), std::size_t{100}, std::size_t{1}}) {
        const auto client = raw();
        world.loop.settle();
        // In one piece with the command: only the ClientHello may follow AUTH.
        client->send("AUTH TLS\r\n" + hello.substr(0, piece));
        for (std::size_t at = piece; at < hello.size(); at += piece) {
            world.loop.settle();
            client->send(hello.substr(at, piece));
        }
        world.loop.settle();
        const auto& got = client->received();
        const auto proceed = got.find("234 ");
        ASSERT_NE(proceed, std::string::npos);
        const auto server_hello = got.find("\r\n", proceed) + 2;
        ASSERT_LT(server_hello, got.size());
        EXPECT_EQ(got[server_hello], '\x16');
    }
}

TEST_F(Passthrough, says_534_to_clients_without_TLS) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 534);
    EXPECT_EQ(client.ask("PASS secret"), 503);
    EXPECT_EQ(client.ask("AUTH GSSAPI"), 504);
    EXPECT_EQ(client.ask("PBSZ 0"), 503);
    EXPECT_EQ(client.ask("PROT P"), 503);
    EXPECT_EQ(client.ask("CCC"), 533);
    EXPECT_TRUE(client.say("FEAT").contains("AUTH TLS"));
    EXPECT_FALSE(client.say("FEAT").contains("EPRT"));
    EXPECT_TRUE(client.secure());
    EXPECT_EQ(world.backend(0).sessions(), 1);
}

TEST_F(Passthrough, serves_clients_without_TLS_if_allowed) {
    world.listener.plain = true;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    for (const auto* const verb : {"EPSV", "PASV", "PORT"}) {
        const auto data = client.open_data(verb);
        EXPECT_EQ(client.ask("RETR a"), 150) << verb;
        EXPECT_EQ(client.code(), 226) << verb;
        EXPECT_EQ(data->received().size(), 300'000) << verb;
    }
    EXPECT_TRUE(client.say("FEAT").contains("EPRT"));
    // RFC 4217: the session returns to its state after the greeting.
    EXPECT_TRUE(client.secure());
    EXPECT_EQ(client.ask("PWD"), 530);
}

TEST_F(Passthrough, sends_HOST_to_backends_that_list_it) {
    auto& script = world.backend(0).script;
    script.features += " HOST\r\n";
    world.survey(0);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("HOST FTP.example.com"), 220);
    ASSERT_TRUE(client.secure());
    EXPECT_EQ(world.backend(0).heard,
              (std::vector<std::string>{"HOST FTP.example.com", "AUTH TLS"}));
    TestClient liar(world);
    EXPECT_EQ(liar.code(), 220);
    EXPECT_EQ(liar.ask("HOST else.example.com"), 220);
    EXPECT_FALSE(liar.secure());
}

TEST_F(Passthrough, begins_with_a_PROXY_header_if_so_configured) {
    world.pool_settings.send_proxy = config::ProxyHeader::v1;
    world.backend(0).script.replies["PROXY"] = "";
    world.network.shape.slice_bytes = 1000;  // otherwise the fake takes both lines for one
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    EXPECT_EQ(world.backend(0).heard[0], "PROXY TCP4 198.51.100.7 192.0.2.1 50000 21");
    expect_a_transfer_each_way(client);
}

TEST_F(Passthrough, accepts_data_only_from_addresses_with_a_session_there) {
    const auto port = [](int number) { return static_cast<std::uint16_t>(number); };
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    const auto told = client.passive_port("EPSV");
    EXPECT_EQ(told, 40'000);
    const auto strays = metrics::total(Counter::data_connections_passed_through);
    TestClient stranger(world, "198.51.100.99:50000");
    EXPECT_EQ(stranger.code(), 220);
    const auto stolen = stranger.connect_to(told);
    ASSERT_NE(stolen, nullptr);
    world.loop.settle();
    EXPECT_EQ(stolen->end(), DataPeer::End::reset);
    // Another backend's ports are closed to it too.
    EXPECT_EQ(stranger.connect_to(port(40'100)), nullptr);
    EXPECT_EQ(metrics::total(Counter::data_connections_passed_through), strays);
    client.wraps_data = true;
    const auto data = client.connect_to(told);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    // Nothing listens on this port of the backend.
    client.wraps_data = false;
    const auto early = client.connect_to(port(40'050));
    world.loop.settle();
    EXPECT_EQ(early->end(), DataPeer::End::reset);
    EXPECT_EQ(client.ask("QUIT"), 221);
    (void)world.loop.run_until([&] { return world.sessions() == 1; });
    const auto late = client.connect_to(told);
    world.loop.settle();
    EXPECT_EQ(late->end(), DataPeer::End::reset);
}

TEST_F(Passthrough, assigns_data_to_the_sessions_of_an_address_in_turn) {
    world.pool_settings.backends.pop_back();
    TestClient first(world);
    TestClient second(world, "198.51.100.7:51000");
    ASSERT_TRUE(first.log_in_with_tls());
    ASSERT_TRUE(second.log_in_with_tls());
    for (int i = 0; i < 3; ++i) {
        expect_a_transfer_each_way(first);
        expect_a_transfer_each_way(second);
    }
    first.vanish();
    (void)world.loop.run_until([&] { return world.sessions() == 1; });
    for (int i = 0; i < 3; ++i) expect_a_transfer_each_way(second);
}

TEST_F(Passthrough, passes_resets_on_as_resets) {
    auto& backend = world.backend(0);
    backend.script.fault = support::BackendScript::Fault::reset_data;
    backend.script.fault_after = 1000;
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    const auto down = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 426);
    world.loop.settle();
    EXPECT_EQ(down->end(), DataPeer::End::reset);

    backend.script.fault = support::BackendScript::Fault::none;
    const auto up = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    up->send("some");
    world.loop.settle();
    up->reset();
    (void)client.code();
    ASSERT_EQ(backend.stored.size(), 1);
    EXPECT_FALSE(backend.stored[0].is_whole);
}

TEST_F(Passthrough, resets_the_client_if_the_backend_is_killed) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    world.backend(0).kill();
    (void)world.loop.run_until([&] { return world.sessions() == 0; });
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(Passthrough, ends_idle_sessions_unless_data_moves) {
    world.listener.idle_timeout = 60s;
    world.listener.data_stall_timeout = 40s;
    world.listener.data_stall_bytes = 1;
    TestClient client(world);
    TestClient other(world, "198.51.100.99:50000");
    ASSERT_TRUE(client.log_in_with_tls());
    ASSERT_TRUE(other.log_in_with_tls());
    auto& backend = world.backend(0);
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    for (int i = 0; i < 10; ++i) {
        data->send("x");
        world.loop.run_for(30s);
    }
    EXPECT_EQ(world.sessions(), 1);
    EXPECT_TRUE(other.is_ended());
    data->finish();
    EXPECT_EQ(client.code(), 226);
    ASSERT_EQ(backend.stored.size(), 1);
    EXPECT_EQ(backend.stored[0].bytes, "xxxxxxxxxx");
    world.loop.run_for(59s);
    EXPECT_EQ(world.sessions(), 1);
    world.loop.run_for(2s);
    EXPECT_EQ(world.sessions(), 0);
}

TEST_F(Passthrough, resets_data_that_stalls) {
    world.listener.data_stall_timeout = 40s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    data->send("x");
    world.loop.run_for(39s);
    EXPECT_EQ(data->end(), DataPeer::End::open);
    EXPECT_EQ(world.transfers_running(), 1);
    world.loop.run_for(2s);
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_EQ(world.transfers_running(), 0);
    (void)client.code();
    ASSERT_EQ(world.backend(0).stored.size(), 1);
    EXPECT_FALSE(world.backend(0).stored[0].is_whole);
}

TEST_F(Passthrough, stops_once_the_data_has_ended) {
    TestClient client(world);
    TestClient idle(world, "198.51.100.99:50000");
    ASSERT_TRUE(client.log_in_with_tls());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    data->send("x");
    world.loop.settle();
    world.session().stop();
    world.loop.run_for(10s);
    EXPECT_EQ(world.sessions(), 2);
    data->finish();
    EXPECT_EQ(client.code(), 226);
    (void)world.loop.run_until([&] { return world.sessions() == 1; });
    EXPECT_TRUE(client.is_ended());
}

TEST_F(Passthrough, limits_the_data_connections_of_a_session) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    client.wraps_data = false;
    const auto told = client.passive_port("EPSV");
    const auto before = metrics::total(Counter::data_connections_stray);
    std::vector<std::unique_ptr<DataPeer>> many;
    for (int i = 0; i < 20; ++i) {
        many.push_back(client.connect_to(told));
        world.loop.settle();
    }
    // The oldest made room. The backend keeps the last one for its next command.
    EXPECT_EQ(metrics::total(Counter::data_connections_stray), before + 12);
    const auto last = client.ask("RETR a");
    EXPECT_EQ(last, 150);
    many.clear();
    (void)client.code();
    world.loop.settle();
    EXPECT_EQ(world.transfers_running(), 0);
}

TEST_F(Passthrough, does_not_let_idle_data_connections_block_a_neighbour) {
    world.pool_settings.backends.pop_back();
    TestClient hoarder(world);
    TestClient neighbour(world, "198.51.100.7:51000");
    ASSERT_TRUE(hoarder.log_in_with_tls());
    ASSERT_TRUE(neighbour.log_in_with_tls());
    hoarder.wraps_data = false;
    const auto told = hoarder.passive_port("EPSV");
    const auto before = metrics::total(Counter::data_connections_stray);
    std::vector<std::unique_ptr<DataPeer>> many;
    for (int i = 0; i < 24; ++i) {
        many.push_back(hoarder.connect_to(told));
        world.loop.settle();
    }
    EXPECT_EQ(world.transfers_running(), 2);
    EXPECT_EQ(metrics::total(Counter::data_connections_stray), before + 24 - 2 * 8);
    expect_a_transfer_each_way(neighbour);
    TestClient newcomer(world, "198.51.100.7:52000");
    ASSERT_TRUE(newcomer.log_in_with_tls());
    expect_a_transfer_each_way(newcomer);
    expect_a_transfer_each_way(neighbour);
}

TEST_F(Passthrough, stops_after_the_reply_that_follows_the_data) {
    world.pool_settings.final_reply_timeout = 60s;
    world.backend(0).script.final_delay = 3s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    data->send("x");
    world.loop.run_for(1s);
    world.session().stop();
    data->finish();
    world.loop.run_for(2s);
    EXPECT_EQ(world.transfers_running(), 0);
    EXPECT_EQ(world.sessions(), 1);
    EXPECT_EQ(client.code(), 226);
    world.loop.run_for(1s);
    EXPECT_EQ(world.sessions(), 0);
}

TEST_F(Passthrough, stops_in_time_if_that_reply_never_comes) {
    world.pool_settings.final_reply_timeout = 60s;
    world.backend(0).script.final_delay = 1h;
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    data->send("x");
    world.loop.run_for(1s);
    data->finish();
    world.loop.settle();
    world.session().stop();
    world.loop.run_for(59s);
    EXPECT_EQ(world.sessions(), 1);
    world.loop.run_for(61s);
    EXPECT_EQ(world.sessions(), 0);
}

TEST_F(Passthrough, waits_in_the_queue_and_leaves_it) {
    for (auto& each : world.pool_settings.backends) each.max_sessions = 1;
    world.pool_settings.queue.length = 5;
    world.pool_settings.queue.timeout = 20s;
    TestClient first(world);
    TestClient second(world);
    ASSERT_TRUE(first.log_in_with_tls());
    ASSERT_TRUE(second.log_in_with_tls());
    const auto hello = a_client_hello();
    const auto leaving = raw();
    const auto staying = raw();
    for (const auto& each : {leaving.get(), staying.get()}) {
        world.loop.settle();
        each->send("AUTH TLS\r\n" + hello);
    }
    world.loop.settle();
    EXPECT_EQ(world.pool().waiting(), 2);
    leaving->vanish();
    world.loop.settle();
    EXPECT_EQ(world.pool().waiting(), 1);
    first.vanish();
    world.loop.settle();
    EXPECT_EQ(world.pool().waiting(), 0);
    EXPECT_TRUE(staying->received().contains('\x16'));
    const auto late = raw();
    world.loop.settle();
    late->send("AUTH TLS\r\n" + hello);
    world.loop.run_for(21s);
    EXPECT_TRUE(late->received().ends_with(alert(net::Alert::internal_error)));
    EXPECT_EQ(late->end(), DataPeer::End::proper);
}

TEST_F(Passthrough, frees_everything_when_it_is_destroyed) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    data->send("x");
    world.loop.settle();
    world.destroy_sessions();
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_EQ(world.seats_taken(), 0);
    EXPECT_EQ(world.load().transfers, 0);
}

}  // namespace
}  // namespace ballast::session
