// SPDX-License-Identifier: Apache-2.0
// CCC: a control connection leaves TLS.
#include "support/between.h"

#include <gtest/gtest.h>
#include <optional>
#include <string>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;
using base::TlsVersion;
using support::Between;
using support::read_all;
using Use = TlsStream::Use;
using State = Io::State;

class TlsLeaveTest : public testing::TestWithParam<TlsVersion> {
protected:
    struct Left {
        std::optional<base::Result<std::unique_ptr<Stream>>> plain;
        std::string first_bytes;
    };
    static loop::Task<> leave(TlsStream& stream, loop::Signal& signal, Left& left) {
        left.plain = co_await stream.leave(signal, left.first_bytes, signal.loop().after(10s));
    }
    void SetUp() override {
        ends.emplace(loop, tls, Use::control);
        ends->shake_hands();
    }
    /// What the client sends to leave TLS: close_notify without FIN.
    std::string client_close() {
        loop::Signal signal(loop);
        const Attached attached(*ends->client, signal);
        Left left;
        const auto job = loop::Job::start(leave(*ends->client, signal, left));
        loop.settle();
        return Between::taken_from(*ends->to_client);
    }
    std::string client_record(std::string_view text) {
        EXPECT_EQ(ends->client->write(text).state, State::moved);
        return Between::taken_from(*ends->to_client);
    }
    /// Gives the server `before` while it still reads, then `after` in two parts while it leaves.
    /// Returns the plain text that the server gets.
    std::string plain_after(std::string_view before, std::string_view after, std::size_t split) {
        loop::Signal signal(loop);
        ends->server->attach(&signal);
        if (!before.empty()) {
            (void)ends->to_server->write(before);
            loop.settle();
            (void)read_all(*ends->server);
        }
        Left left;
        const auto job = loop::Job::start(leave(*ends->server, signal, left));
        loop.settle();
        if (split > 0) (void)ends->to_server->write(after.substr(0, split));
        loop.settle();
        if (split < after.size()) (void)ends->to_server->write(after.substr(split));
        loop.settle();
        if (!left.plain) return "(still leaving)";
        if (!*left.plain) return "(" + base::to_string(left.plain->error()) + ")";
        auto text = left.first_bytes + read_all(***left.plain).first;
        EXPECT_EQ((**left.plain)->write(std::string_view("200 Plain.\r\n")).state, State::moved);
        const auto said = Between::taken_from(*ends->to_server);
        EXPECT_TRUE(said.ends_with("200 Plain.\r\n"));
        return text;
    }

    support::TestLoop loop;
    support::TlsRoles tls{GetParam(), true};
    std::optional<Between> ends;
};
INSTANTIATE_TEST_SUITE_P(Each, TlsLeaveTest,
                         testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& one) -> std::string {
                             return one.param == TlsVersion::tls_1_2 ? "tls_1_2" : "tls_1_3";
                         });

TEST_P(TlsLeaveTest, waits_for_the_peers_close_notify_and_keeps_what_follows_at_every_split) {
    const auto size = client_close().size() + 6;
    for (std::size_t split = 0; split <= size; ++split) {
        SetUp();
        const auto said = client_close() + "NOOP\r\n";
        ASSERT_EQ(said.size(), size);
        EXPECT_EQ(plain_after("", said, split), "NOOP\r\n") << split << " of " << size;
    }
}

TEST_P(TlsLeaveTest, accepts_a_peer_that_goes_straight_to_plain_text_at_every_split) {
    const std::string_view said = "NOOP\r\nPWD\r\n";
    for (std::size_t split = 1; split <= said.size(); ++split) {
        SetUp();
        EXPECT_EQ(plain_after("", said, split), said) << split;
    }
}

TEST_P(TlsLeaveTest, drops_what_is_sent_under_tls_after_ccc) {
    std::size_t size = 1;
    for (std::size_t split = 0; split <= size; ++split) {
        SetUp();
        const auto dropped = client_record("STAT\r\n");
        const auto said = dropped + client_close() + "NOOP\r\n";
        size = said.size();
        EXPECT_EQ(plain_after("", said, split), "NOOP\r\n") << split << " of " << size;
    }
}

TEST_P(TlsLeaveTest, gives_up_at_its_deadline) {
    EXPECT_EQ(plain_after("", "", 0), "(still leaving)");
    SetUp();
    loop::Signal signal(loop);
    ends->server->attach(&signal);
    Left left;
    const auto job = loop::Job::start(leave(*ends->server, signal, left));
    const auto before = loop.now();
    EXPECT_TRUE(loop.run_until([&] { return left.plain.has_value(); }));
    EXPECT_EQ(loop.now() - before, 10s);
    EXPECT_FALSE(*left.plain);
}

TEST_P(TlsLeaveTest, works_for_both_ends_at_once) {
    loop::Signal client_signal(loop);
    loop::Signal server_signal(loop);
    ends->client->attach(&client_signal);
    ends->server->attach(&server_signal);
    Left client;
    Left server;
    const auto one = loop::Job::start(leave(*ends->client, client_signal, client));
    const auto other = loop::Job::start(leave(*ends->server, server_signal, server));
    ends->pass_all();
    ASSERT_TRUE(client.plain && *client.plain);
    ASSERT_TRUE(server.plain && *server.plain);
    (void)(**client.plain)->write(std::string_view("PWD\r\n"));
    ends->pass_all();
    EXPECT_EQ(server.first_bytes + read_all(***server.plain).first, "PWD\r\n");
}

TEST_P(TlsLeaveTest, is_not_confused_by_a_close_notify_that_began_to_arrive_early) {
    std::size_t size = 1;
    for (std::size_t early = 0; early <= size; ++early) {
        SetUp();
        const auto ccc = client_record("CCC\r\n");
        const auto close = client_close();
        size = close.size();
        const auto before = ccc + close.substr(0, early);
        const auto after = close.substr(early) + "NOOP\r\n";
        EXPECT_EQ(plain_after(before, after, after.size()), "NOOP\r\n") << early << " of " << size;
    }
}

}  // namespace
}  // namespace ballast::net
