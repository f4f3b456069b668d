// SPDX-License-Identifier: Apache-2.0
// How the backend's data connection is made, independent of the client's mode.
#include "support/test_client.h"
#include "support/tls_ends.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <tuple>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using config::BackendData;
using support::DataPeer;
using support::TestClient;
using support::World;

constexpr base::PortRange data_ports{21000, 21003};
constexpr auto* client_verbs = "PASV EPSV PORT EPRT";

void use(World& world, BackendData mode) {
    world.pool_settings.backend_data = mode;
    world.pool_settings.data_ports = data_ports;
    world.backend(0).files["a"] = std::string(100'000, 'a');
}

/// The backend's commands for data connections, one verb for each.
std::vector<std::string> data_verbs(const support::FakeBackend& backend) {
    std::vector<std::string> verbs;
    for (const auto& line : backend.heard) {
        const auto verb = line.substr(0, 4);
        if (std::string_view(client_verbs).contains(verb)) verbs.push_back(verb);
    }
    return verbs;
}

struct Mode {
    const char* name;
    BackendData data;
    const char* verb;  // the backend gets it; empty: the client's own verb
};
constexpr Mode modes[] = {
    {"auto", BackendData::automatic, "EPSV"}, {"epsv", BackendData::epsv, "EPSV"},
    {"pasv", BackendData::pasv, "PASV"},      {"port", BackendData::port, "PORT"},
    {"eprt", BackendData::eprt, "EPRT"},      {"as_client", BackendData::as_client, ""},
};

using Way = std::tuple<Mode, const char*, bool>;

std::string name_of(const testing::TestParamInfo<Way>& way) {
    const auto& [mode, verb, tls] = way.param;
    return std::string(mode.name) + '_' + verb + (tls ? "_tls" : "");
}

class EveryWay : public testing::TestWithParam<Way> {};
INSTANTIATE_TEST_SUITE_P(DataModes, EveryWay,
                         testing::Combine(testing::ValuesIn(modes),
                                          testing::Values("PASV", "EPSV", "PORT", "EPRT"),
                                          testing::Bool()),
                         name_of);

TEST_P(EveryWay, moves_files_both_ways_and_leaves_nothing_behind) {
    const auto& [mode, verb, tls] = GetParam();
    World world(1);
    use(world, mode.data);
    auto& backend = world.backend(0);
    if (tls) {
        world.tls_server = support::make_tls_server();
        world.listener.tls.emplace();
        world.tls_client = support::make_tls_client();
        world.pool_settings.backends[0].tls.mode = config::BackendTlsMode::explicit_tls;
        backend.script.tls = support::make_tls_server();
        backend.script.requires_reuse = true;
    }
    TestClient client(world);
    ASSERT_TRUE(tls ? client.log_in_with_tls() : client.log_in());
    for (int round = 0; round < 3; ++round) {
        const auto down = client.open_data(verb);
        ASSERT_NE(down, nullptr);
        EXPECT_EQ(client.ask("RETR a"), 150);
        EXPECT_EQ(client.code(), 226);
        world.loop.settle();
        EXPECT_EQ(down->received(), backend.files["a"]);
        EXPECT_EQ(down->end(), DataPeer::End::proper);

        const auto up = client.open_data(verb);
        ASSERT_NE(up, nullptr);
        EXPECT_EQ(client.ask("STOR b"), 150);
        up->send("content");
        up->finish();
        EXPECT_EQ(client.code(), 226);
        ASSERT_EQ(backend.stored.size(), static_cast<std::size_t>(round) + 1);
        EXPECT_EQ(backend.stored.back().bytes, "content");
        EXPECT_TRUE(backend.stored.back().is_whole);
    }
    const std::string expected = *mode.verb == '\0' ? verb : mode.verb;
    EXPECT_EQ(data_verbs(backend), std::vector<std::string>(6, expected));
    EXPECT_EQ(backend.data_handshakes.size(), tls ? 6 : 0);
    EXPECT_TRUE(std::ranges::all_of(backend.data_handshakes,
                                    [](const auto& each) { return each.is_resumed; }));
    EXPECT_EQ(world.network.leases(), 0);
}

class EveryActiveMode : public testing::TestWithParam<Mode> {
protected:
    EveryActiveMode() {
        use(world, GetParam().data);
        world.pool_settings.connect_timeout = 3s;
    }
    /// With `as-client` the client is active too.
    std::unique_ptr<DataPeer> open(TestClient& client) {
        return client.open_data(GetParam().data == BackendData::as_client ? "EPRT" : "EPSV");
    }
    World world{1};
    support::FakeBackend& backend = world.backend(0);
};
INSTANTIATE_TEST_SUITE_P(DataModes, EveryActiveMode, testing::Values(modes[3], modes[4], modes[5]),
                         [](const auto& mode) { return std::string(mode.param.name); });

TEST_P(EveryActiveMode, ends_the_transfer_if_the_backend_does_not_connect) {
    backend.script.connects_data = false;
    // The client's timeout counts if the client is dialled only after the backend has connected.
    const bool follows_client = GetParam().data == BackendData::as_client;
    const auto patience = follows_client ? 30s : 3s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    for (const auto* const command : {"RETR a", "STOR b"}) {
        const auto data = open(client);
        const auto began = world.loop.now();
        EXPECT_EQ(client.ask(command), 150);
        EXPECT_EQ(client.code(), 425) << command;
        EXPECT_GE(world.loop.now() - began, patience);
        EXPECT_LE(world.loop.now() - began, patience + 3s);
        world.loop.settle();
        EXPECT_EQ(data->is_connected(), !follows_client);
        if (!follows_client) EXPECT_EQ(data->end(), DataPeer::End::reset);
        EXPECT_EQ(world.network.leases(), 0);
    }
    backend.script.connects_data = true;
    const auto again = open(client);
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
}

TEST_P(EveryActiveMode, accepts_data_only_from_the_backend) {
    backend.script.connects_from = base::Ip::parse("10.0.0.99");
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open(client);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_NE(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(data->received(), "");
}

TEST_P(EveryActiveMode, accepts_data_from_its_network_if_so_configured) {
    world.pool_settings.data_peer = {config::DataPeer::Kind::network,
                                     base::Subnet::parse("10.0.0.0/24").value()};
    backend.script.connects_from = base::Ip::parse("10.0.0.99");
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open(client);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), backend.files["a"]);
}

TEST_P(EveryActiveMode, can_be_aborted_while_waiting_for_the_backend) {
    backend.script.connects_data = false;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open(client);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
    EXPECT_EQ(world.network.leases(), 0);
}

TEST_P(EveryActiveMode, ends_if_the_backend_dies_before_it_connects) {
    backend.script.connects_data = false;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open(client);
    EXPECT_EQ(client.ask("RETR a"), 150);
    backend.kill();
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(world.network.leases(), 0);
}

TEST_P(EveryActiveMode, gives_its_ports_back_when_the_session_ends) {
    backend.script.connects_data = false;
    {
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        const auto data = open(client);
        EXPECT_EQ(client.ask("STOR a"), 150);
        EXPECT_GT(world.network.leases(), 0);
        world.destroy_sessions();
        EXPECT_EQ(world.network.leases(), 0);
    }
    world.loop.settle();
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_P(EveryActiveMode, has_a_port_for_each_pending_transfer_and_no_more) {
    backend.script.connects_data = false;
    std::vector<std::unique_ptr<TestClient>> clients;
    std::vector<std::unique_ptr<DataPeer>> data;
    for (std::uint32_t i = 0; i < data_ports.size(); ++i) {
        auto& client = *clients.emplace_back(std::make_unique<TestClient>(world));
        ASSERT_TRUE(client.log_in());
        data.push_back(open(client));
        ASSERT_NE(data.back(), nullptr);
        EXPECT_EQ(client.ask("RETR a"), 150);
    }
    TestClient late(world);
    ASSERT_TRUE(late.log_in());
    if (GetParam().data == BackendData::as_client) {
        // The refusal comes at once.
        EXPECT_EQ(late.ask("EPRT |1|198.51.100.7|50000|"), 425);
    } else {
        const auto none = open(late);
        EXPECT_EQ(late.ask("RETR a"), 425);
    }
    EXPECT_EQ(late.say("PWD"), "257 \"/\" is where you are.");
}

TEST(DataModes, a_refused_PORT_is_the_answer_to_the_transfer) {
    World world(1);
    use(world, BackendData::port);
    world.backend(0).script.replies["PORT"] = "500 I won't open a connection.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("PASV");
    EXPECT_EQ(client.say("RETR a"), "425 Can't open data connection: I won't open a connection.");
    EXPECT_FALSE(world.backend(0).has_heard("RETR a"));
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST(DataModes, of_the_client_pass_refusals_on_word_for_word) {
    World world(1);
    use(world, BackendData::as_client);
    auto& replies = world.backend(0).script.replies;
    replies["EPSV"] = "502 EPSV is not for you.";
    replies["EPRT"] = "501-Not\r\n501 like this.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("EPSV"), "502 EPSV is not for you.");
    EXPECT_EQ(client.say("EPRT |1|198.51.100.7|50001|"), "501-Not\r\n501 like this.");
    EXPECT_EQ(client.ask("RETR a"), 425);
    EXPECT_EQ(world.network.leases(), 0);
    const auto data = client.open_data("PASV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
}

TEST(DataModes, of_the_client_pass_the_text_on_with_other_numbers) {
    World world(1);
    use(world, BackendData::as_client);
    auto& script = world.backend(0).script;
    script.replies["PASV"] = "227 Passiver Modus (10,9,9,9,4,5), bitte.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto told = client.say("PASV");
    EXPECT_TRUE(told.starts_with("227 Passiver Modus (192,0,2,1,")) << told;
    EXPECT_TRUE(told.ends_with("), bitte.")) << told;
    script.replies["EPSV"] = "229 Erweitert (|||40000|).";
    EXPECT_TRUE(client.say("EPSV").starts_with("229 Erweitert (|||20"));
}

TEST(DataModes, of_the_client_survive_a_reply_without_a_port) {
    World world(1);
    use(world, BackendData::as_client);
    world.backend(0).script.replies["PASV"] = "227 Somewhere.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PASV"), 425);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(DataModes, of_the_client_can_lose_the_backend_like_any_command) {
    World world(1);
    use(world, BackendData::as_client);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    world.backend(0).script.replies["EPSV"] = "";
    client.send("EPSV");
    world.loop.settle();
    world.backend(0).kill();
    EXPECT_EQ(client.code(), 421);
    EXPECT_EQ(world.network.leases(), 0);
}

TEST(DataModes, of_the_client_replace_the_previous_one) {
    World world(1);
    use(world, BackendData::as_client);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto first = client.open_data("EPRT");
    const auto second = client.open_data("PASV");
    const auto third = client.open_data("PORT");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(third->received(), world.backend(0).files["a"]);
    EXPECT_EQ(second->end(), DataPeer::End::reset);
    EXPECT_FALSE(first->is_connected());
    EXPECT_EQ(world.network.leases(), 0);
}

TEST(DataModes, with_PORT_refuse_an_IPv6_backend) {
    World world(1);
    use(world, BackendData::port);
    world.pool_settings.backends[0].host = "2001:db8::11";
    support::FakeBackend backend(world.network, {base::Ip::parse("2001:db8::11").value(), 21});
    backend.files["a"] = "content";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 425);
    world.pool_settings.backend_data = BackendData::eprt;
    world.renew_pool();
    TestClient other(world);
    ASSERT_TRUE(other.log_in());
    const auto again = other.open_data("EPSV");
    EXPECT_EQ(other.ask("RETR a"), 150);
    EXPECT_EQ(other.code(), 226);
    EXPECT_EQ(again->received(), "content");
}

TEST(DataModes, follow_the_backends_address_if_it_is_trusted) {
    World world(1);
    use(world, BackendData::pasv);
    world.pool_settings.trust_pasv_address = true;
    std::unique_ptr<DataPeer> elsewhere;
    world.network.listen({base::Ip::parse("10.9.9.9").value(), 1029}, [&](auto stream) {
        elsewhere = std::make_unique<DataPeer>(world.loop, std::move(stream));
        elsewhere->send("from elsewhere");
        elsewhere->finish();
    });
    world.backend(0).script.replies["PASV"] = "227 There (10,9,9,9,4,5)";
    world.backend(0).script.replies["RETR"] = "150 Now.\r\n226 Done.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("PASV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "from elsewhere");
}

TEST(DataModes, refuse_well_known_ports_of_a_backend) {
    for (const auto mode : {BackendData::automatic, BackendData::pasv, BackendData::as_client}) {
        for (const auto* const port : {"1", "21", "1023"}) {
            World world(1);
            use(world, mode);
            int connections = 0;
            for (const auto low : std::initializer_list<std::uint16_t>{1, 21, 1023})
                if (low != world.backend(0).address().port)
                    world.network.listen({world.backend(0).address().ip, low},
                                         [&](auto) { ++connections; });
            const auto dials_before = world.network.dials().size();
            const auto number = std::stoi(port);
            world.backend(0).script.replies["EPSV"] = fmt::format("229 Here (|||{}|)", port);
            world.backend(0).script.replies["PASV"] =
                fmt::format("227 Here (10,0,0,11,{},{})", number / 256, number % 256);
            TestClient client(world);
            ASSERT_TRUE(client.log_in());
            std::string answer = client.say("PASV");
            if (mode != BackendData::as_client) answer = client.say("RETR a");
            EXPECT_TRUE(answer.starts_with("425 ")) << answer;
            EXPECT_FALSE(answer.contains("Here")) << answer;
            EXPECT_EQ(client.ask("PWD"), 257);
            EXPECT_EQ(connections, 0);
            EXPECT_EQ(world.network.dials().size(), dials_before + 1);  // the control connection
            EXPECT_FALSE(world.backend(0).has_heard("RETR a"));
        }
    }
}

TEST(DataModes, use_low_ports_if_the_pool_allows_them) {
    World world(1);
    use(world, BackendData::pasv);
    world.pool_settings.trust_low_ports = true;
    std::unique_ptr<DataPeer> low;
    world.network.listen({world.backend(0).address().ip, 989}, [&](auto stream) {
        low = std::make_unique<DataPeer>(world.loop, std::move(stream));
        low->send("from below");
        low->finish();
    });
    world.backend(0).script.replies["PASV"] = "227 Here (10,0,0,11,3,221)";
    world.backend(0).script.replies["RETR"] = "150 Now.\r\n226 Done.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("PASV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "from below");
}

}  // namespace
}  // namespace ballast::session
