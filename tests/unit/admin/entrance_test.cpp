// SPDX-License-Identifier: Apache-2.0
#include "admin/entrance.h"

#include "client.h"
#include "net/acceptor.h"

#include <atomic>
#include <deque>
#include <future>
#include <gtest/gtest.h>
#include <thread>

namespace ballast::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view token = "0123456789abcdef";

/// A feed that a test fills.
class TestFeed final : public Feed {
public:
    void attach(loop::Signal* signal) override { signal_ = signal; }
    bool take(std::string& into) override {
        into += std::exchange(pending_, {});
        return !has_ended_;
    }
    [[nodiscard]] loop::Deadline due() const override { return loop::never; }

    void say(std::string_view text) {
        pending_ += text;
        if (signal_ != nullptr) signal_->raise();
    }
    void end() {
        has_ended_ = true;
        if (signal_ != nullptr) signal_->raise();
    }
    [[nodiscard]] bool has_reader() const { return signal_ != nullptr; }

private:
    loop::Signal* signal_ = nullptr;
    std::string pending_;
    bool has_ended_ = false;
};

/// An entrance over TCP on its own thread. "/feed" is answered with a feed, "/long" with many
/// bytes, everything else with its own method and target.
class EntranceTest : public testing::Test {
protected:
    void start(Entrance::Settings settings = {.way = Way::loopback}, bool needs_token = false) {
        access(needs_token);
        entrance_.emplace(
            loop_, [this](Request request) { return answer(this, std::move(request)); }, settings,
            access_);
        open({base::Ip::parse("127.0.0.1").value(), 0});
        thread_ = std::jthread([this] { loop_.run(); });
    }
    void open(const base::Address& address) {
        auto listening = net::listen_on(address, 128).value();
        where_ = net::local_address(listening.get()).value();
        auto opened = loop::Descriptor::open(loop_, listening.get()).value();
        (void)listening.release();
        entrance_->open(std::move(opened));
    }
    void access(bool needs_token) {
        Access access;
        if (needs_token)
            access.gate = Gate({.names = {}, .all = {}, .read = Tokens::parse(token).value()});
        access_ = std::make_shared<const Access>(std::move(access));
    }
    void TearDown() override {
        loop_.stop();
        if (thread_.joinable()) thread_.join();
        entrance_.reset();
    }
    static loop::Task<Answer> answer(EntranceTest* test, Request request) {
        Answer answer{.body = request.method + ' ' + request.target};
        if (request.target == "/feed") answer = {.body = "hello ", .feed = test->feed_};
        if (request.target == "/long") answer.body.assign(long_bytes, 'x');
        co_return answer;
    }
    template <typename Work>
    auto on_loop(Work work) {
        std::packaged_task<decltype(work())()> task(std::move(work));
        auto result = task.get_future();
        loop_.post([&] { task(); });
        return result.get();
    }
    std::string answer_to(std::string_view request) const {
        Client client(where_);
        EXPECT_TRUE(client.send(request));
        return client.read_all();
    }
    void expect_answers() const {
        EXPECT_TRUE(answer_to("GET /a HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nGET /a"));
    }
    void wait_for_reader(bool is_there) {
        while (on_loop([&] { return feed_->has_reader() != is_there; })) continue;
    }

    static constexpr std::size_t long_bytes = 64UL << 20;  // more than sockets hold
    const std::shared_ptr<TestFeed> feed_ = std::make_shared<TestFeed>();
    loop::WorkerLoop loop_;
    std::shared_ptr<const Access> access_;
    std::optional<Entrance> entrance_;
    base::Address where_;
    std::jthread thread_;
};

TEST_F(EntranceTest, answers_http_1_0_and_1_1) {
    start();
    const auto old = answer_to("GET /a HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(old.contains("Connection: close\r\n")) << old;
    EXPECT_TRUE(old.ends_with("\r\n\r\nGET /a")) << old;
    Client client(where_);
    EXPECT_TRUE(client.send("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n"));
    const auto both = client.read_all();
    EXPECT_TRUE(both.ends_with("\r\n\r\nGET /b")) << both;
}

TEST_F(EntranceTest, answers_head_without_the_body) {
    start();
    const auto text = answer_to("HEAD /a HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(text.contains("Content-Length: 6\r\n")) << text;
    EXPECT_TRUE(text.ends_with("\r\n\r\n")) << text;
    const auto feed = answer_to("HEAD /feed HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(feed.contains("Transfer-Encoding: chunked\r\n")) << feed;
    EXPECT_TRUE(feed.ends_with("\r\n\r\n")) << feed;
}

TEST_F(EntranceTest, refuses_a_request_without_a_token_and_lets_the_client_read_why) {
    start({.way = Way::network}, true);
    const auto refused = answer_to("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 ")) << refused;
    EXPECT_TRUE(refused.contains("WWW-Authenticate: Bearer ")) << refused;
    EXPECT_TRUE(answer_to("GET /a HTTP/1.0\r\nAuthorization: Bearer 0123456789abcdef\r\n\r\n")
                    .ends_with("GET /a"));
    // It sends more than is read of it: a reset would take the answer away.
    Client client(where_);
    (void)client.send("PUT /a HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" +
                      std::string(300'000, 'x'));
    client.end();
    EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 413 "));
}

TEST_F(EntranceTest, sends_a_long_answer_to_a_slow_client_while_others_are_served) {
    start();
    Client slow(where_);
    EXPECT_TRUE(slow.send("GET /long HTTP/1.1\r\nConnection: close\r\n\r\n"));
    for (int i = 0; i < 10; ++i) expect_answers();
    EXPECT_GT(slow.read_all().size(), long_bytes);
}

TEST_F(EntranceTest, drops_a_client_that_takes_nothing) {
    start({.way = Way::loopback, .patience = {.request = 50ms}});
    Client deaf(where_);
    EXPECT_TRUE(deaf.send("GET /long HTTP/1.1\r\nConnection: close\r\n\r\n"));
    // On a slow machine the buffers on the way may fill slowly. When the time of the third is over,
    // so is that of the one before all.
    for (int i = 0; i < 3; ++i) {
        Client silent(where_);
        EXPECT_EQ(silent.read_all(), "");
    }
    EXPECT_LT(deaf.read_all().size(), long_bytes);
}

TEST_F(EntranceTest, sends_a_feed_in_chunks_and_closes_at_its_end) {
    start();
    Client client(where_);
    EXPECT_TRUE(client.send("GET /feed HTTP/1.1\r\n\r\n"));
    EXPECT_TRUE(client.read_until("6\r\nhello \r\n").contains("Transfer-Encoding: chunked\r\n"));
    on_loop([&] { feed_->say("one"); });
    EXPECT_EQ(client.read_until("one\r\n"), "3\r\none\r\n");
    on_loop([&] { feed_->end(); });
    EXPECT_EQ(client.read_all(), "0\r\n\r\n");
    wait_for_reader(false);
}

TEST_F(EntranceTest, sends_a_feed_plainly_to_http_1_0) {
    start();
    Client client(where_);
    EXPECT_TRUE(client.send("GET /feed HTTP/1.0\r\n\r\n"));
    (void)client.read_until("\r\n\r\nhello ");
    on_loop([&] { feed_->say("one"); });
    on_loop([&] { feed_->end(); });
    EXPECT_EQ(client.read_all(), "one");
}

TEST_F(EntranceTest, lets_a_feed_go_when_its_reader_has_left) {
    start();
    {
        Client client(where_);
        EXPECT_TRUE(client.send("GET /feed HTTP/1.1\r\n\r\n"));
        (void)client.read_until("hello ");
        wait_for_reader(true);
    }
    wait_for_reader(false);
}

TEST_F(EntranceTest, lets_a_feed_go_whose_reader_takes_nothing) {
    start({.way = Way::loopback, .patience = {.request = 50ms}});
    Client deaf(where_);
    EXPECT_TRUE(deaf.send("GET /feed HTTP/1.1\r\n\r\n"));
    wait_for_reader(true);
    on_loop([&] { feed_->say(std::string(long_bytes, 'x')); });
    wait_for_reader(false);
}

TEST_F(EntranceTest, has_room_beside_feeds_and_bounds_them) {
    start({.way = Way::loopback, .connections_max = 2});
    std::deque<Client> readers;
    for (std::size_t i = 0; i < Hall::streams_max; ++i) {
        EXPECT_TRUE(readers.emplace_back(where_).send("GET /feed HTTP/1.1\r\n\r\n"));
        (void)readers.back().read_until("hello ");
    }
    EXPECT_TRUE(
        answer_to("GET /feed HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 503 "));
    expect_answers();
}

TEST_F(EntranceTest, has_room_beside_a_thousand_silent_connections) {
    start({.way = Way::loopback, .connections_max = 4, .patience = {.crowded = 1ms}});
    std::deque<Client> silent;
    for (int i = 0; i < 1000; ++i) {
        silent.emplace_back(where_);
        if (silent.size() > 100) silent.pop_front();
    }
    expect_answers();
}

TEST_F(EntranceTest, ends_feeds_when_the_tokens_change_and_only_then) {
    start();
    Client client(where_);
    EXPECT_TRUE(client.send("GET /feed HTTP/1.1\r\nConnection: close\r\n\r\n"));
    (void)client.read_until("hello ");
    access(false);
    on_loop([&] { entrance_->use(access_); });
    on_loop([&] { feed_->say("one"); });
    (void)client.read_until("one");
    access(true);
    on_loop([&] { entrance_->use(access_); });
    EXPECT_TRUE(client.read_all().ends_with("0\r\n\r\n"));
    EXPECT_TRUE(answer_to("GET /a HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 401 "));
}

TEST_F(EntranceTest, closes_without_cutting_an_answer) {
    start();
    Client idle(where_);
    EXPECT_TRUE(idle.send("GET /a HTTP/1.1\r\n\r\n"));
    (void)idle.read_until("GET /a");
    Client slow(where_);
    EXPECT_TRUE(slow.send("GET /long HTTP/1.1\r\n\r\n"));
    (void)slow.read_until("xxx");
    Client reader(where_);
    EXPECT_TRUE(reader.send("GET /feed HTTP/1.1\r\n\r\n"));
    (void)reader.read_until("hello ");
    on_loop([&] { entrance_->close(); });
    EXPECT_EQ(idle.read_all(), "");
    EXPECT_TRUE(reader.read_all().ends_with("0\r\n\r\n"));
    EXPECT_GT(slow.read_all().size(), long_bytes / 2);
    // The address is free, and the entrance may open again.
    on_loop([&] { open(where_); });
    expect_answers();
}

}  // namespace
}  // namespace ballast::admin
