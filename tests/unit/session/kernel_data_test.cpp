// SPDX-License-Identifier: Apache-2.0
// `data_path = "kernel"`: the kernel is played by the test.
#include "session/kernel_data.h"

#include "ftp/host_port.h"
#include "support/test_client.h"
#include "support/tls_ends.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using nat::Carried;
using State = nat::Carried::State;
using support::DataPeer;
using support::FakeBackend;
using support::TestClient;
using support::World;

/// What has become of a way by the time the kernel should take it back.
enum class Withdrawal : std::uint8_t { done, used, unanswered };

class FakePassage final : public nat::Passage {
public:
    FakePassage(std::vector<FakePassage*>& all, const nat::Way& way, loop::Signal& signal,
                const Withdrawal& withdrawal, int& cuts)
        : all_(all), way_(way), signal_(signal), withdrawal_(withdrawal), cuts_(cuts) {
        all_.push_back(this);
    }
    ~FakePassage() override { std::erase(all_, this); }
    FakePassage(const FakePassage&) = delete;
    FakePassage& operator=(const FakePassage&) = delete;

    [[nodiscard]] const Carried& carried() const override { return carried_; }
    [[nodiscard]] const nat::Way& way() const override { return way_; }
    void keep() override { is_kept = true; }
    void look() override {
        ++carried_.looks;
        signal_.raise();
    }
    void withdraw() override {
        if (!nat::may_lead(carried_.state) || withdrawal_ == Withdrawal::unanswered) return;
        set(withdrawal_ == Withdrawal::used ? State::connected : State::withdrawn);
    }
    void cut() override { ++cuts_; }

    void set(State state, std::uint64_t sent = 0, std::uint64_t received = 0) {
        carried_.state = state;
        carried_.problem = state == State::refused ? "the map is full" : "";
        carried_.sent = sent;
        carried_.received = received;
        carried_.moved_at = signal_.loop().now();
        signal_.raise();
    }
    bool is_kept = false;

private:
    std::vector<FakePassage*>& all_;
    const nat::Way way_;
    loop::Signal& signal_;
    const Withdrawal& withdrawal_;
    int& cuts_;
    Carried carried_;
};

class FakeForwarder final : public nat::Forwarder {
public:
    [[nodiscard]] bool forwards(base::Family) const override { return is_forwarding; }
    [[nodiscard]] std::unique_ptr<nat::Passage> open(const nat::Way& way,
                                                     loop::Signal& signal) override {
        auto passage = std::make_unique<FakePassage>(passages, way, signal, withdrawal, cuts);
        ways.push_back(way);
        if (answer != State::opening) passage->set(answer);
        return passage;
    }
    bool is_forwarding = true;
    State answer = State::open;
    Withdrawal withdrawal = Withdrawal::done;
    int cuts = 0;
    std::vector<FakePassage*> passages;
    std::vector<nat::Way> ways;
};

class KernelData : public testing::Test {
protected:
    KernelData() {
        world.listener.data_path = config::Carrier::kernel;
        world.forwarder = &kernel;
        // In memory, a connection without a source would come from the backend itself.
        world.pool_settings.source = {config::Source::Kind::addresses,
                                      {*base::Ip::parse("10.0.0.1")}};
        backend.files["a"] = "0123456789";
    }
    /// As the kernel leads a connection to the port of the newest way.
    [[nodiscard]] std::unique_ptr<DataPeer> lead(TestClient& client) {
        auto data = client.connect_to(kernel.passages.back()->way().to);
        kernel.passages.back()->set(State::connected);
        return data;
    }

    FakeForwarder kernel;  // outlives the sessions
    World world{1};
    FakeBackend& backend = world.backend(0);
};

TEST_F(KernelData, a_way_is_open_before_the_client_is_told_its_port) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("EPSV");
    ASSERT_EQ(kernel.ways.size(), 1);
    const auto& way = kernel.ways[0];
    EXPECT_EQ(base::to_string(way.from), "198.51.100.7");
    EXPECT_EQ(way.at, (base::Address{world.address().ip, port}));
    EXPECT_EQ(way.to.ip, backend.address().ip);
    EXPECT_EQ(way.source.port, 0);
    EXPECT_EQ(world.network.leases(), 1);
}

TEST_F(KernelData, a_view_says_who_carries_the_data) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    ASSERT_NE(client.passive_port("PASV"), 0);
    const auto carried = lead(client);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(world.session().view().transfer->path, "kernel");
    kernel.passages.at(0)->set(State::closed, 0, 10);
    EXPECT_EQ(client.code(), 226);
    backend.files["b"] = std::string(400'000, 'x');
    kernel.answer = State::refused;
    const auto relayed = client.open_data("EPSV");
    relayed->stop_reading();
    EXPECT_EQ(client.ask("RETR b"), 150);
    EXPECT_EQ(world.session().view().transfer->path, "relay");
}

TEST_F(KernelData, the_final_reply_waits_until_both_ends_are_closed) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    ASSERT_NE(client.passive_port("PASV"), 0);
    const auto data = lead(client);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_TRUE(kernel.passages.at(0)->is_kept);
    EXPECT_EQ(client.reply(2s), "");
    EXPECT_EQ(data->received(), "0123456789");
    kernel.passages.at(0)->set(State::closed, 0, 10);
    EXPECT_EQ(client.code(), 226);
    EXPECT_TRUE(kernel.passages.empty());
    EXPECT_EQ(world.network.leases(), 0);
    EXPECT_EQ(world.transfers_running(), 0);
}

TEST_F(KernelData, a_client_that_waits_for_the_reply_gets_it) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    ASSERT_NE(client.passive_port("PASV"), 0);
    const auto data = lead(client);
    EXPECT_EQ(client.ask("RETR a"), 150);
    kernel.passages.at(0)->set(State::half_closed, 0, 10);
    EXPECT_EQ(client.code(1s), 226);
}

TEST_F(KernelData, an_end_that_is_never_heard_of_does_not_hold_the_reply_for_ever) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    ASSERT_NE(client.passive_port("PASV"), 0);
    const auto data = lead(client);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(15s), 226);
}

TEST_F(KernelData, what_the_kernel_refuses_is_relayed) {
    kernel.answer = State::refused;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    for (const auto* const verb : {"PASV", "EPSV"}) {
        const auto data = client.open_data(verb);
        ASSERT_NE(data, nullptr);
        EXPECT_EQ(client.ask("RETR a"), 150);
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(data->received(), "0123456789");
    }
    EXPECT_TRUE(kernel.passages.empty());
}

TEST_F(KernelData, a_kernel_that_does_not_answer_is_not_waited_for) {
    kernel.answer = State::opening;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    client.send("PASV");
    EXPECT_EQ(client.code(2s), 227);
    EXPECT_TRUE(kernel.passages.empty());
}

TEST_F(KernelData, a_machine_that_does_not_forward_relays) {
    kernel.is_forwarding = false;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("PASV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_TRUE(kernel.ways.empty());
}

TEST_F(KernelData, a_backend_that_names_no_port_is_relayed_to_and_refuses_there) {
    backend.script.replies["EPSV"] = "425 No port.";
    backend.script.replies["PASV"] = "425 No port.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PASV"), 227);
    EXPECT_TRUE(kernel.ways.empty());
    EXPECT_EQ(client.ask("RETR a"), 425);
}

TEST_F(KernelData, a_connection_that_comes_here_is_relayed) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("PASV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "0123456789");
    EXPECT_TRUE(kernel.passages.empty());
}

TEST_F(KernelData, a_stalled_transfer_ends) {
    world.listener.data_stall_timeout = 10s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    ASSERT_NE(client.passive_port("PASV"), 0);
    const auto data = lead(client);
    EXPECT_EQ(client.ask("STOR b"), 150);
    kernel.passages.at(0)->set(State::connected, 100'000, 0);
    const auto since = world.loop.now();
    EXPECT_EQ(client.code(), 426);
    EXPECT_GE(world.loop.now() - since, 10s);
    EXPECT_LT(world.loop.now() - since, 11s);
}

TEST_F(KernelData, a_server_has_its_time_for_the_final_reply) {
    world.pool_settings.final_reply_timeout = 20s;
    backend.script.final_reply = "";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    ASSERT_NE(client.passive_port("PASV"), 0);
    const auto data = lead(client);
    EXPECT_EQ(client.ask("RETR a"), 150);
    kernel.passages.at(0)->set(State::closed, 0, 10);
    const auto since = world.loop.now();
    EXPECT_EQ(client.code(), 426);
    EXPECT_GE(world.loop.now() - since, 20s);
    EXPECT_LT(world.loop.now() - since, 21s);
}

TEST_F(KernelData, active_data_need_ports_of_the_pool) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("PORT");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_TRUE(kernel.ways.empty());
}

TEST_F(KernelData, active_data_go_from_the_backend_to_the_client) {
    world.pool_settings.data_ports = base::PortRange{30000, 30009};
    world.listener.active_source_port = {config::ActiveSource::Kind::fixed, 20};
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PORT 198,51,100,7,200,1"), 200);
    EXPECT_TRUE(kernel.ways.empty());
    client.send("RETR a");
    (void)client.reply(1s);
    ASSERT_EQ(kernel.ways.size(), 1);
    const auto& way = kernel.ways[0];
    EXPECT_EQ(way.from, backend.address().ip);
    EXPECT_GE(way.at.port, 30000);
    EXPECT_EQ(base::to_string(way.to), "198.51.100.7:51201");
    EXPECT_EQ(way.source, (base::Address{world.address().ip, 20}));
}

// What changes between PASV and the transfer

/// A client with TLS on its control connection, which has just got a port for plain data.
class KernelDataTls : public KernelData {
protected:
    KernelDataTls() {
        world.tls_server = support::make_tls_server();
        world.listener.tls.emplace();
        client.emplace(world);
        EXPECT_TRUE(client->log_in_with_tls());
        EXPECT_EQ(client->ask("PROT C"), 200);
        port = client->passive_port("EPSV");
        EXPECT_EQ(kernel.ways.size(), 1);
    }
    std::optional<TestClient> client;
    std::uint16_t port = 0;
};

TEST_F(KernelDataTls, PROT_takes_the_way_back_and_the_data_are_relayed) {
    EXPECT_EQ(client->ask("PROT P"), 200);
    client->send("RETR a");
    EXPECT_EQ(client->code(), 150);
    EXPECT_TRUE(kernel.passages.empty());
    client->wraps_data = true;
    const auto data = client->connect_to(port);
    ASSERT_NE(data, nullptr);
    EXPECT_EQ(client->code(), 226);
    EXPECT_EQ(data->received(), "0123456789");
    EXPECT_EQ(kernel.cuts, 0);
}

TEST_F(KernelDataTls, PROT_behind_the_connection_gets_425) {
    const auto data = lead(*client);
    EXPECT_EQ(client->ask("PROT P"), 200);
    EXPECT_EQ(client->say("RETR a"),
              "425 Can't open data connection: PROT, a limit or the server has changed, say PASV "
              "or EPSV again.");
    EXPECT_EQ(kernel.cuts, 1);
    EXPECT_TRUE(kernel.passages.empty());
    EXPECT_FALSE(backend.has_heard("RETR a"));
}

TEST_F(KernelDataTls, a_connection_that_was_quicker_than_PROT_gets_425) {
    kernel.withdrawal = Withdrawal::used;
    EXPECT_EQ(client->ask("PROT P"), 200);
    EXPECT_EQ(client->ask("RETR a"), 425);
    EXPECT_EQ(kernel.cuts, 1);
    EXPECT_FALSE(backend.has_heard("RETR a"));
}

TEST_F(KernelDataTls, a_way_that_the_kernel_does_not_take_back_gets_425) {
    kernel.withdrawal = Withdrawal::unanswered;
    EXPECT_EQ(client->ask("PROT P"), 200);
    client->send("RETR a");
    EXPECT_EQ(client->reply(2s),
              "425 Can't open data connection: the kernel does not answer, try again later.");
    EXPECT_FALSE(backend.has_heard("RETR a"));
}

TEST_F(KernelData, a_new_port_waits_until_the_way_of_the_last_one_is_gone) {
    for (const auto* const verb : {"PASV", "EPSV", "ABOR", "REIN", "PORT 198,51,100,7,200,1"}) {
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        ASSERT_NE(client.passive_port("PASV"), 0);
        ASSERT_EQ(kernel.passages.size(), 1);
        kernel.withdrawal = Withdrawal::unanswered;
        client.send(verb);
        const auto first = client.reply(2s);
        const bool asks_for_port = std::string_view(verb).ends_with("SV");
        EXPECT_EQ(first.starts_with("425"), asks_for_port) << verb << ": " << first;
        if (std::string_view(verb) == "REIN") {
            EXPECT_EQ(client.ask("USER u"), 331);
            EXPECT_EQ(client.ask("PASS secret"), 230);
        }
        if (!asks_for_port) EXPECT_EQ(client.ask("PASV"), 425) << verb;
        ASSERT_EQ(kernel.passages.size(), 1) << verb;
        kernel.withdrawal = Withdrawal::done;
        kernel.passages[0]->withdraw();
        EXPECT_EQ(client.ask("PASV"), 227) << verb;
        EXPECT_EQ(kernel.passages.size(), 1) << verb;
        EXPECT_EQ(client.ask("QUIT"), 221);
        world.loop.run_for(1s);
        EXPECT_TRUE(kernel.passages.empty()) << verb;
    }
}

TEST_F(KernelData, a_limit_that_came_after_PASV_is_obeyed) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("PASV");
    ASSERT_EQ(kernel.ways.size(), 1);
    backend.files["a"] = std::string(5'000'000, 'a');
    world.limits.user_bandwidth = 1'000'000;
    world.ledger.configure(support::borrowed(world.limits), 1000, world.loop.now());
    const auto data = client.connect_to(port);
    const auto since = world.loop.now();
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received().size(), 5'000'000);
    EXPECT_GE(world.loop.now() - since, 3s);
    EXPECT_TRUE(kernel.passages.empty());
}

TEST_F(KernelData, a_machine_that_stops_forwarding_after_PASV_relays) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("PASV");
    kernel.is_forwarding = false;
    client.send("RETR a");
    EXPECT_EQ(client.code(), 150);
    const auto data = client.connect_to(port);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "0123456789");
}

TEST_F(KernelData, a_kernel_that_answers_late_leads_nobody_past_the_relay) {
    kernel.answer = State::opening;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    client.send("PASV");
    const auto told = client.reply(2s);
    ASSERT_TRUE(told.starts_with("227")) << told;
    const auto named = ftp::parse_passive_reply(told.substr(4));
    ASSERT_TRUE(named);
    client.send("RETR a");
    EXPECT_EQ(client.code(), 150);
    EXPECT_TRUE(kernel.passages.empty());
    const auto data = client.connect_to(named->port);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "0123456789");
}

TEST_F(KernelData, no_port_is_told_while_the_kernel_may_still_lead_past) {
    kernel.answer = State::opening;
    kernel.withdrawal = Withdrawal::unanswered;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    client.send("PASV");
    EXPECT_EQ(client.code(3s), 425);
    EXPECT_EQ(client.ask("RETR a"), 425);
    kernel.withdrawal = Withdrawal::done;
    kernel.passages.at(0)->withdraw();
    kernel.answer = State::open;
    EXPECT_EQ(client.ask("PASV"), 227);
}

// A connection that the kernel does not lead past

TEST_F(KernelData, a_connection_that_comes_here_in_the_transfer_is_relayed) {
    backend.script.begin_reply = "";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("PASV");
    client.send("RETR a");
    EXPECT_EQ(client.reply(5s), "");
    const auto data = client.connect_to(port);
    EXPECT_EQ(client.code(1s), 226);
    EXPECT_EQ(data->received(), "0123456789");
    EXPECT_TRUE(kernel.passages.empty());
    EXPECT_EQ(std::ranges::count(backend.heard, "RETR a"), 1);
    EXPECT_EQ(client.ask("PASV"), 227);
    EXPECT_EQ(world.transfers_running(), 0);
}

TEST_F(KernelData, the_same_for_an_upload_with_REST) {
    backend.script.begin_reply = "";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("PASV");
    EXPECT_EQ(client.ask("REST 3"), 350);
    client.send("STOR b");
    EXPECT_EQ(client.reply(5s), "");
    const auto data = client.connect_to(port);
    world.loop.settle();
    // Like vsftpd, which begins when it has its data connection.
    backend.say_to_all("150 Ok to send data.");
    EXPECT_EQ(client.code(), 150);
    data->send("new");
    data->finish();
    EXPECT_EQ(client.code(), 226);
    ASSERT_EQ(backend.stored.size(), 1);
    EXPECT_EQ(backend.stored[0].bytes, "new");
    EXPECT_TRUE(backend.stored[0].is_whole);
    EXPECT_EQ(std::ranges::count(backend.heard, "STOR b"), 1);
}

TEST_F(KernelData, a_server_that_has_begun_already_makes_it_a_425_at_once) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("PASV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    const auto data = client.connect_to(port);
    EXPECT_EQ(client.reply(1s),
              "425 Can't open data connection: the data connection came to Ballast, and not "
              "through the kernel.");
    EXPECT_EQ(data->received(), "");
}

TEST_F(KernelData, a_second_connection_does_not_end_the_transfer_of_the_first) {
    kernel.withdrawal = Withdrawal::used;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("PASV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    // The kernel leads one past, and its news is late.
    const auto data = client.connect_to(kernel.passages.at(0)->way().to);
    const auto second = client.connect_to(port);
    world.loop.settle();
    ASSERT_EQ(kernel.passages.size(), 1);
    kernel.passages[0]->set(State::closed, 0, 10);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "0123456789");
    EXPECT_EQ(second->received(), "");
}

TEST_F(KernelData, a_server_that_connects_to_ballast_is_told_with_425) {
    world.pool_settings.data_ports = base::PortRange{30000, 30009};
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PORT 198,51,100,7,200,1"), 200);
    client.send("RETR a");
    EXPECT_EQ(client.code(), 150);
    EXPECT_EQ(client.code(1s), 425);
}

TEST_F(KernelData, a_stranger_is_reset_and_the_transfer_goes_on) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("PASV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    TestClient stranger(world, "203.0.113.9:50000");
    const auto nothing = stranger.connect_to(port);
    const auto data = lead(client);
    kernel.passages.at(0)->set(State::closed, 0, 10);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(nothing->received(), "");
}

}  // namespace
}  // namespace ballast::session
