// SPDX-License-Identifier: Apache-2.0
// `data_path = "kernel"`: the kernel is played by the test.
#include "session/kernel_data.h"

#include "support/test_client.h"

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

class FakePassage final : public nat::Passage {
public:
    FakePassage(std::vector<FakePassage*>& all, const nat::Way& way, loop::Signal& signal)
        : all_(all), way_(way), signal_(signal) {
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
    void cut() override { is_cut = true; }

    void set(State state, std::uint64_t sent = 0, std::uint64_t received = 0) {
        carried_.state = state;
        carried_.problem = state == State::refused ? "the map is full" : "";
        carried_.sent = sent;
        carried_.received = received;
        carried_.moved_at = signal_.loop().now();
        signal_.raise();
    }
    bool is_kept = false;
    bool is_cut = false;

private:
    std::vector<FakePassage*>& all_;
    const nat::Way way_;
    loop::Signal& signal_;
    Carried carried_;
};

class FakeForwarder final : public nat::Forwarder {
public:
    [[nodiscard]] bool forwards(base::Family) const override { return is_forwarding; }
    [[nodiscard]] std::unique_ptr<nat::Passage> open(const nat::Way& way,
                                                     loop::Signal& signal) override {
        auto passage = std::make_unique<FakePassage>(passages, way, signal);
        ways.push_back(way);
        if (answer != State::opening) passage->set(answer);
        return passage;
    }
    bool is_forwarding = true;
    State answer = State::open;
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

}  // namespace
}  // namespace ballast::session
