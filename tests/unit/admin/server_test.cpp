// SPDX-License-Identifier: Apache-2.0
#include "admin/server.h"

#include "client.h"
#include "fake_daemon.h"
#include "support/temporary_directory.h"

#include <deque>
#include <future>
#include <gtest/gtest.h>
#include <thread>

namespace ballast::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view get_version = "GET /v1/version HTTP/1.1\r\n\r\n";

/// A server on its own thread.
class ServerTest : public testing::Test {
protected:
    void start(Patience patience = {}) {
        auto file = SocketFile::open(path_, "");
        ASSERT_TRUE(file);
        server_.emplace(loop_, OperatorSocket{std::move(*file), {}}, daemon_.actions(), "",
                        patience);
        thread_ = std::jthread([this] { loop_.run(); });
    }
    void TearDown() override {
        loop_.stop();
        if (thread_.joinable()) thread_.join();
        server_.reset();
    }
    /// Runs this on the server's thread.
    template <typename Work>
    auto on_loop(Work work) {
        std::packaged_task<decltype(work())()> task(std::move(work));
        auto result = task.get_future();
        loop_.post([&] { task(); });
        return result.get();
    }
    void expect_answers() const {
        Client client(path_);
        EXPECT_TRUE(client.send("GET /v1/version HTTP/1.1\r\nConnection: close\r\n\r\n"));
        EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 200 OK\r\n"));
    }

    const support::TemporaryDirectory directory_;
    const std::string path_ = directory_.file("sock");
    FakeDaemon daemon_;
    loop::WorkerLoop loop_;
    std::optional<Server> server_;
    std::jthread thread_;
};

TEST_F(ServerTest, answers_one_request_after_the_other) {
    start();
    Client client(path_);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(client.send(get_version));
        EXPECT_TRUE(client.read_until("\"}").starts_with("HTTP/1.1 200 OK\r\n"));
    }
    EXPECT_TRUE(
        client.send("PUT /v1/state HTTP/1.1\r\nConnection: close\r\nContent-Length: 20\r\n\r\n"
                    "{\"state\":\"disabled\"}"));
    EXPECT_TRUE(client.read_all().ends_with(R"({"state":"disabled","sessions":7})"));
    EXPECT_EQ(on_loop([this] { return daemon_.balancer.admin; }), pool::AdminState::disabled);
}

TEST_F(ServerTest, answers_requests_that_come_together) {
    start();
    Client client(path_);
    std::string many;
    for (int i = 0; i < 100; ++i) many += get_version;
    EXPECT_TRUE(client.send(many));
    client.end();
    EXPECT_TRUE(client.read_until("\"version\"", 100).starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, answers_a_client_that_has_ended_its_direction) {
    start();
    Client client(path_);
    EXPECT_TRUE(client.send(get_version));
    client.end();
    EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, refuses_garbage_and_closes) {
    start();
    for (const std::string_view text : {"QUIT\r\n\r\n", "\x16\x03\x01\x02\x00", "\r\n\r\n\r\n"}) {
        Client client(path_);
        EXPECT_TRUE(client.send(text));
        EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 400 Bad Request\r\n"));
    }
    expect_answers();
}

TEST_F(ServerTest, refuses_what_is_too_long_and_closes) {
    start();
    Client header(path_);
    (void)header.send("GET /" + std::string(1UL << 20, 'x'));  // may be cut off
    EXPECT_TRUE(header.read_all().starts_with("HTTP/1.1 431 "));
    Client body(path_);
    (void)body.send("PUT /v1/state HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
    EXPECT_TRUE(body.read_all().starts_with("HTTP/1.1 413 "));
    expect_answers();
}

TEST_F(ServerTest, does_not_wait_for_ever_for_the_rest_of_a_request) {
    start({.request = 50ms});
    Client half(path_);
    EXPECT_TRUE(half.send("GET /v1/version HTTP/1.1\r\n"));
    Client silent(path_);
    EXPECT_TRUE(half.read_all().starts_with("HTTP/1.1 408 "));
    EXPECT_EQ(silent.read_all(), "");
    Client quitter(path_);
    EXPECT_TRUE(quitter.send("PUT /v1/state HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"));
    quitter.end();
    EXPECT_TRUE(quitter.read_all().starts_with("HTTP/1.1 408 "));
}

TEST_F(ServerTest, does_not_wait_for_ever_for_a_client_that_does_not_read) {
    daemon_.backends.assign(
        1'000, FakeDaemon::backend("files", std::string(1000, 'f')));  // more than a socket holds
    start({.request = 50ms});
    Client deaf(path_);
    EXPECT_TRUE(deaf.send("GET /v1/backends HTTP/1.1\r\n\r\n"));
    expect_answers();
    Client other(path_);
    EXPECT_EQ(other.read_all(), "");  // its time is over, and so is the one before
    EXPECT_FALSE(deaf.read_all().ends_with("]}"));
}

TEST_F(ServerTest, sends_long_answers_as_fast_as_they_are_taken) {
    daemon_.backends.assign(1'000, FakeDaemon::backend("files", std::string(1000, 'f')));
    start();
    Client client(path_);
    EXPECT_TRUE(client.send("GET /v1/backends HTTP/1.1\r\nConnection: close\r\n\r\n"));
    EXPECT_TRUE(client.read_all().ends_with("]}"));
}

TEST_F(ServerTest, has_room_for_an_operator_beside_a_thousand_silent_connections) {
    start({.request = 60s, .crowded = 1ms});
    std::deque<Client> silent;  // a process may open a thousand descriptors only
    for (int i = 0; i < 1000; ++i) {
        silent.emplace_back(path_);
        if (i % 2 == 0) EXPECT_TRUE(silent.back().send("G"));
        if (silent.size() > 300) silent.pop_front();
    }
    expect_answers();
}

TEST_F(ServerTest, waits_for_a_reload_and_serves_others_meanwhile) {
    start();
    Client client(path_);
    EXPECT_TRUE(client.send("POST /v1/reload HTTP/1.1\r\nConnection: close\r\n\r\n"));
    while (on_loop([this] { return daemon_.reloads.empty(); })) continue;
    expect_answers();
    on_loop([this] {
        daemon_.reloads[0]({.applied = true, .problems = {}, .warnings = {}, .needs_restart = {}});
    });
    EXPECT_TRUE(client.read_all().contains(R"({"applied":true,)"));
}

TEST_F(ServerTest, does_not_end_whoever_waits_for_a_reload_for_want_of_room) {
    start({.request = 60s, .crowded = 1ms});
    Client client(path_);
    EXPECT_TRUE(client.send("POST /v1/reload HTTP/1.1\r\nConnection: close\r\n\r\n"));
    while (on_loop([this] { return daemon_.reloads.empty(); })) continue;
    std::deque<Client> silent;
    for (int i = 0; i < 100; ++i) silent.emplace_back(path_);
    expect_answers();
    on_loop([this] {
        daemon_.reloads[0]({.applied = true, .problems = {}, .warnings = {}, .needs_restart = {}});
    });
    EXPECT_TRUE(client.read_all().contains(R"({"applied":true,)"));
}

TEST(OperatorSocket, is_needed_only_if_the_settings_name_it) {
    const support::TemporaryDirectory directory;
    config::Config config;
    config.admin.socket = directory.file("none/sock");
    EXPECT_FALSE(open_socket(config));
    config.admin.socket = "none";
    const auto none = open_socket(config);
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->file);
    EXPECT_EQ(none->why_not, "admin.socket is \"none\"");
    config.admin.socket = directory.file("sock");
    const auto named = open_socket(config);
    ASSERT_TRUE(named);
    EXPECT_TRUE(named->file);
}

}  // namespace
}  // namespace ballast::admin
