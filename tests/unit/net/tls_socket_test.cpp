// SPDX-License-Identifier: Apache-2.0
// TLS over sockets, where OpenSSL itself uses a data connection's descriptor during the handshake.
#include "base/owned_fd.h"
#include "loop/worker_loop.h"
#include "net/socket_stream.h"
#include "support/between.h"
#include "support/data_peer.h"

#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <tuple>
#include <vector>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;
using base::TlsVersion;
using support::DataPeer;
using support::many_bytes;
using Use = TlsStream::Use;
using State = Io::State;

const base::Address client_address = base::Address::parse("198.51.100.7:50000").value();
const base::Address server_address = base::Address::parse("192.0.2.1:21").value();

std::string name_of(TlsVersion version) {
    return version == TlsVersion::tls_1_2 ? "tls_1_2" : "tls_1_3";
}

/// A connection that ends after this many more bytes, wherever that is.
class Cutting final : public Stream {
public:
    explicit Cutting(std::unique_ptr<Stream> inner) : inner_(std::move(inner)) {}
    std::optional<std::size_t> bytes_left;

    Io read(std::span<char> into) override { return inner_->read(into); }
    Io write(std::span<const char> from) override {
        if (!bytes_left) return inner_->write(from);
        const auto portion = std::min(*bytes_left, from.size());
        if (portion > 0) (void)inner_->write(from.first(portion));
        *bytes_left -= portion;
        if (*bytes_left == 0) (void)inner_->finish();
        return {State::moved, from.size(), {}};
    }
    State finish() override { return inner_->finish(); }
    void reset() override { inner_->reset(); }
    void attach(loop::Signal* signal) override { inner_->attach(signal); }
    void watch_readable() override { inner_->watch_readable(); }
    void watch_writable() override { inner_->watch_writable(); }
    [[nodiscard]] bool is_watching_readable() const override {
        return inner_->is_watching_readable();
    }
    [[nodiscard]] int splice_source() const override { return -1; }
    [[nodiscard]] int splice_sink() const override { return -1; }
    [[nodiscard]] const base::Address& local() const override { return inner_->local(); }
    [[nodiscard]] const base::Address& peer() const override { return inner_->peer(); }

private:
    std::unique_ptr<Stream> inner_;
};

/// Two ends of a TCP connection, played by peers on one loop.
class Sockets {
public:
    Sockets() {
        const auto listening = listen_on({base::Ip::parse("127.0.0.1").value(), 0}, 1);
        SystemAddress at;
        EXPECT_EQ(::getsockname(listening->get(), at.get(), &at.length), 0);
        base::OwnedFd one(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(one.get(), at.get(), at.length), 0);
        EXPECT_EQ(::fcntl(one.get(), F_SETFL, O_NONBLOCK), 0);
        base::OwnedFd other(
            ::accept4(listening->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        client_end =
            std::make_unique<SocketStream>(loop, std::move(one), client_address, server_address);
        server_end =
            std::make_unique<SocketStream>(loop, std::move(other), server_address, client_address);
    }

    /// Waits for the first condition, then runs the second. Call once. False if it took too long.
    struct Step {
        std::function<bool()> when;
        std::function<void()> then;
    };
    bool run(std::vector<Step> steps) {
        struct Alarm {
            static loop::Task<> ring(loop::WorkerLoop& loop) {
                loop::Signal signal(loop);
                (void)co_await signal.wait(loop.after(30s));
                loop.stop();
            }
        };
        const auto alarm = loop::Job::start(Alarm::ring(loop));
        std::size_t next = 0;
        const auto look = [&] {
            while (next < steps.size() && steps[next].when()) {
                if (steps[next].then) steps[next].then();
                ++next;
            }
            if (next == steps.size()) loop.stop();
        };
        client.at_change = server.at_change = look;
        look();
        loop.run();
        client.at_change = server.at_change = {};
        return next == steps.size();
    }

    loop::WorkerLoop loop;
    std::unique_ptr<Stream> client_end;
    std::unique_ptr<Stream> server_end;
    DataPeer client{loop};
    DataPeer server{loop};
    const std::function<bool()> client_ended = [this] {
        return client.end() != DataPeer::End::open;
    };
    const std::function<bool()> server_ended = [this] {
        return server.end() != DataPeer::End::open;
    };
};

class TlsSocketTest : public testing::TestWithParam<std::tuple<TlsVersion, Use>> {
protected:
    [[nodiscard]] static Use use() { return std::get<1>(GetParam()); }
    void begin(Sockets& sockets) {
        begin_server(sockets);
        sockets.client.begin_tls(
            [&](auto plain) { return tls.wrap_client(std::move(plain), use()); });
        sockets.client.take(std::move(sockets.client_end));
    }
    void begin_server(Sockets& sockets) {
        sockets.server.begin_tls(
            [&](auto plain) { return tls.wrap_server(std::move(plain), use()); });
        sockets.server.take(std::move(sockets.server_end));
    }

    support::TlsRoles tls{std::get<0>(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(Each, TlsSocketTest,
                         testing::Combine(testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                                          testing::Values(Use::control, Use::data)),
                         [](const auto& one) {
                             return name_of(std::get<0>(one.param)) +
                                    (std::get<1>(one.param) == Use::control ? "_control" : "_data");
                         });

TEST_P(TlsSocketTest, carries_bulk_both_ways) {
    Sockets sockets;
    begin(sockets);
    const auto up = many_bytes(8'000'000);
    const auto down = many_bytes(3'000'000);
    sockets.client.send(up);
    sockets.client.finish();
    sockets.server.send(down);
    sockets.server.finish();
    EXPECT_TRUE(sockets.run({{sockets.client_ended, {}}, {sockets.server_ended, {}}}));
    EXPECT_TRUE(sockets.server.received() == up);
    EXPECT_TRUE(sockets.client.received() == down);
    EXPECT_TRUE(sockets.client.is_vouched_for());
    EXPECT_TRUE(sockets.server.is_vouched_for());
}

TEST_P(TlsSocketTest, carries_sizes_around_a_record_at_once_with_the_handshake) {
    for (const std::size_t size : {0UZ, 1UZ, 16'383UZ, 16'384UZ, 16'385UZ}) {
        Sockets sockets;
        begin(sockets);
        sockets.client.send(many_bytes(size));
        sockets.client.finish();
        sockets.server.finish();
        EXPECT_TRUE(sockets.run({{sockets.client_ended, {}}, {sockets.server_ended, {}}}));
        EXPECT_TRUE(sockets.server.received() == many_bytes(size)) << size;
        EXPECT_TRUE(sockets.server.is_vouched_for());
        EXPECT_TRUE(sockets.client.is_vouched_for());
    }
}

TEST_P(TlsSocketTest, still_sends_after_a_bare_end) {
    Sockets sockets;
    begin(sockets);
    sockets.client.send("bytes");
    sockets.client.finish_bare();
    EXPECT_TRUE(sockets.run({{sockets.server_ended,
                              [&] {
                                  EXPECT_FALSE(sockets.server.is_vouched_for());
                                  sockets.server.send(many_bytes(300'000));
                                  sockets.server.finish();
                              }},
                             {sockets.client_ended, {}}}));
    EXPECT_EQ(sockets.server.received(), "bytes");
    EXPECT_EQ(sockets.server.end(), DataPeer::End::proper);
    EXPECT_TRUE(sockets.client.received() == many_bytes(300'000));
    EXPECT_TRUE(sockets.client.is_vouched_for());
}

TEST_P(TlsSocketTest, passes_a_reset_on) {
    Sockets sockets;
    begin(sockets);
    sockets.client.send("bytes");
    EXPECT_TRUE(sockets.run(
        {{[&] { return sockets.server.received() == "bytes"; }, [&] { sockets.client.reset(); }},
         {sockets.server_ended, {}}}));
    EXPECT_EQ(sockets.server.end(), DataPeer::End::reset);
}

TEST_P(TlsSocketTest, treats_an_end_inside_a_record_as_a_failure) {
    for (const std::size_t count : {1UZ, 4UZ, 5UZ, 6UZ, 20UZ, 20'000UZ}) {
        Sockets sockets;
        auto cutting = std::make_unique<Cutting>(std::move(sockets.client_end));
        auto& cut = *cutting;
        sockets.client_end = std::move(cutting);
        begin(sockets);
        const bool worked = sockets.run(
            {{[&] { return sockets.client.tls() != nullptr && sockets.server.tls() != nullptr; },
              [&] {
                  cut.bytes_left = count;
                  sockets.client.send(many_bytes(50'000));
              }},
             {sockets.server_ended, {}}});
        EXPECT_TRUE(worked) << count;
        EXPECT_EQ(sockets.server.end(), DataPeer::End::reset) << count;
        EXPECT_LT(sockets.server.received().size(), count);
    }
}

TEST_P(TlsSocketTest, fails_if_plain_text_comes_instead_of_a_handshake) {
    Sockets sockets;
    sockets.client.take(std::move(sockets.client_end));
    sockets.client.send("USER anna\r\n");
    begin_server(sockets);
    EXPECT_TRUE(sockets.run({{sockets.server_ended, {}}}));
    EXPECT_NE(sockets.server.tls_problem().find("does the peer speak TLS here?"), std::string::npos)
        << sockets.server.tls_problem();
}

TEST_P(TlsSocketTest, fails_if_the_peer_leaves_during_the_handshake) {
    for (const bool resets : {false, true}) {
        Sockets sockets;
        sockets.client.take(std::move(sockets.client_end));
        sockets.client.send("\x16\x03");
        if (resets)
            sockets.client.reset();
        else
            sockets.client.finish();
        begin_server(sockets);
        EXPECT_TRUE(sockets.run({{sockets.server_ended, {}}}));
        EXPECT_NE(sockets.server.tls_problem(), "");
    }
}

}  // namespace
}  // namespace ballast::net
