// SPDX-License-Identifier: Apache-2.0
#include "net/tls_stream.h"

#include "support/between.h"
#include "support/data_peer.h"

#include <array>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <tuple>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;
using base::TlsVersion;
using support::Between;
using support::DataPeer;
using support::Handshake;
using support::many_bytes;
using support::MemoryStream;
using support::read_all;
using support::read_once;
using support::TestLoop;
using support::TlsRoles;
using Use = TlsStream::Use;
using State = Io::State;

const base::Address client_address = base::Address::parse("198.51.100.7:50000").value();
const base::Address server_address = base::Address::parse("192.0.2.1:21").value();

std::string name_of(TlsVersion version) {
    return version == TlsVersion::tls_1_2 ? "tls_1_2" : "tls_1_3";
}

class TlsStreamTest : public testing::TestWithParam<std::tuple<TlsVersion, Use>> {
protected:
    [[nodiscard]] static TlsVersion version() { return std::get<0>(GetParam()); }
    [[nodiscard]] static Use use() { return std::get<1>(GetParam()); }
    /// Whether the watch of a stream raises its signal soon.
    bool is_signalled_readable(Stream& stream) {
        struct Waits {
            static loop::Task<> once(loop::Signal& signal, std::optional<bool>& raised) {
                raised = co_await signal.wait(signal.loop().after(1s));
            }
        };
        loop::Signal signal(loop);
        const Attached attached(stream, signal);
        std::optional<bool> raised;
        stream.watch_readable();
        const auto job = loop::Job::start(Waits::once(signal, raised));
        EXPECT_TRUE(loop.run_until([&] { return raised.has_value(); }, 2s));
        return raised.value_or(false);
    }

    TestLoop loop;
    TlsRoles tls{version()};
};
INSTANTIATE_TEST_SUITE_P(Each, TlsStreamTest,
                         testing::Combine(testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                                          testing::Values(Use::control, Use::data)),
                         [](const auto& one) {
                             return name_of(std::get<0>(one.param)) +
                                    (std::get<1>(one.param) == Use::control ? "_control" : "_data");
                         });

TEST_P(TlsStreamTest, agrees_on_the_version_and_tells_what_was_agreed) {
    Between ends(loop, tls, use());
    ends.shake_hands();
    for (const auto* end : {ends.client.get(), ends.server.get()}) {
        EXPECT_EQ(end->is_tls_1_3(), version() == TlsVersion::tls_1_3);
        EXPECT_EQ(end->version(), version() == TlsVersion::tls_1_3 ? "TLSv1.3" : "TLSv1.2");
        EXPECT_FALSE(end->cipher().empty());
        EXPECT_FALSE(end->is_resumed());
    }
    EXPECT_EQ(ends.server->server_name(), "ftp.example.com");
    EXPECT_EQ(ends.server->peer_subject(), "");
    EXPECT_EQ(ends.server->peer_days_left(), std::nullopt);
    EXPECT_EQ(ends.client->peer_subject(), "CN=Test server");
    EXPECT_EQ(ends.client->peer_days_left(), 365);
}

/// Sends both ways at once through connections of this kind and compares every byte.
void expect_bulk(TestLoop& loop, TlsRoles& tls, Use use, support::Shape shape, std::size_t size) {
    auto [client_end, server_end] =
        MemoryStream::connect(loop, client_address, server_address, shape);
    DataPeer client(loop);
    DataPeer server(loop);
    client.begin_tls([&](auto plain) { return tls.wrap_client(std::move(plain), use); });
    server.begin_tls([&](auto plain) { return tls.wrap_server(std::move(plain), use); });
    client.take(std::move(client_end));
    server.take(std::move(server_end));
    const auto up = many_bytes(size);
    const auto down = many_bytes(size / 2);
    client.send(up);
    client.finish();
    server.send(down);
    server.finish();
    ASSERT_TRUE(loop.run_until([&] {
        return client.end() != DataPeer::End::open && server.end() != DataPeer::End::open;
    })) << client.tls_problem()
        << server.tls_problem();
    EXPECT_TRUE(server.received() == up) << size << ' ' << server.received().size();
    EXPECT_TRUE(client.received() == down) << size << ' ' << client.received().size();
    for (const auto* peer : {&client, &server}) {
        EXPECT_EQ(peer->end(), DataPeer::End::proper) << peer->tls_problem();
        EXPECT_TRUE(peer->is_vouched_for());
    }
}

TEST_P(TlsStreamTest, carries_a_megabyte_each_way) {
    expect_bulk(loop, tls, use(), {}, 1'000'000);
    expect_bulk(loop, tls, use(), {.pipe_bytes = 1 << 20}, 1'000'000);
}

TEST_P(TlsStreamTest, carries_bulk_through_small_slices) {
    expect_bulk(loop, tls, use(), {.slice_bytes = 1}, 20'000);
    expect_bulk(loop, tls, use(), {.slice_bytes = 7}, 140'000);
    expect_bulk(loop, tls, use(), {.slice_bytes = 1000}, 1'000'000);
}

TEST_P(TlsStreamTest, carries_bulk_through_tiny_pipes) {
    expect_bulk(loop, tls, use(), {.pipe_bytes = 1}, 20'000);
    expect_bulk(loop, tls, use(), {.pipe_bytes = 100}, 500'000);
    expect_bulk(loop, tls, use(), {.pipe_bytes = 5000, .slice_bytes = 333}, 500'000);
}

TEST_P(TlsStreamTest, carries_sizes_around_a_record) {
    for (const std::size_t size :
         {0UZ, 1UZ, 2UZ, 16'383UZ, 16'384UZ, 16'385UZ, 32'768UZ, 131'072UZ, 131'073UZ})
        expect_bulk(loop, tls, use(), {}, size);
}

TEST_P(TlsStreamTest, carries_bulk_if_control_may_leave_tls) {
    TlsRoles leaving(version(), true);
    expect_bulk(loop, leaving, use(), {}, 500'000);
    expect_bulk(loop, leaving, use(), {.slice_bytes = 7}, 50'000);
    expect_bulk(loop, leaving, use(), {.pipe_bytes = 100}, 50'000);
}

TEST_P(TlsStreamTest, takes_the_same_bytes_again_after_would_block_and_counts_them_once) {
    auto [client_end, server_end] =
        MemoryStream::connect(loop, client_address, server_address, {.pipe_bytes = 4096});
    const auto client = tls.wrap_client(std::move(client_end), use());
    const auto server = tls.wrap_server(std::move(server_end), use());
    {
        const Handshake one(loop, *client);
        const Handshake other(loop, *server);
        loop.settle();
        ASSERT_TRUE(one.is_good() && other.is_good());
    }
    const auto content = many_bytes(300'000);
    std::string_view left = content;
    std::string arrived;
    std::size_t refusals = 0;
    while (!left.empty()) {
        const Io io = client->write(left);
        ASSERT_NE(io.state, State::failed);
        if (io.state == State::moved) {
            ASSERT_GT(io.bytes, 0);
            left.remove_prefix(io.bytes);
        } else {
            ++refusals;
            const auto [bytes, after] = read_all(*server);
            ASSERT_EQ(after.state, State::would_block);
            arrived += bytes;
        }
    }
    EXPECT_GT(refusals, 10);
    while (client->finish() == State::would_block) arrived += read_all(*server).first;
    const auto [bytes, end] = read_all(*server);
    EXPECT_TRUE(arrived + bytes == content);
    EXPECT_EQ(end.state, State::ended);
    EXPECT_TRUE(end.is_vouched_for);
}

TEST_P(TlsStreamTest, finishes_after_pending_bytes) {
    auto [client_end, server_end] =
        MemoryStream::connect(loop, client_address, server_address, {.pipe_bytes = 4096});
    const auto client = tls.wrap_client(std::move(client_end), use());
    const auto server = tls.wrap_server(std::move(server_end), use());
    const Handshake one(loop, *client);
    const Handshake other(loop, *server);
    loop.settle();
    ASSERT_TRUE(one.is_good() && other.is_good());
    const auto content = many_bytes(50'000);
    ASSERT_EQ(client->write(content).state, State::would_block);
    std::string arrived;
    int refusals = 0;
    while (client->finish() == State::would_block) {
        arrived += read_all(*server).first;
        ASSERT_LT(++refusals, 1000);
    }
    EXPECT_GT(refusals, 0);
    const auto [bytes, end] = read_all(*server);
    EXPECT_TRUE(arrived + bytes == content);
    EXPECT_TRUE(end.is_vouched_for);
    EXPECT_EQ(client->finish(), State::moved);  // again: nothing changes
    EXPECT_EQ(client->write(content).state, State::failed);
}

TEST_P(TlsStreamTest, distinguishes_an_end_with_close_notify_from_a_bare_one) {
    for (const bool says_close : {true, false}) {
        Between ends(loop, tls, use());
        ends.shake_hands();
        ASSERT_EQ(ends.client->write(std::string_view("bytes")).state, State::moved);
        if (says_close) EXPECT_EQ(ends.client->finish(), State::moved);
        ends.pass_all();
        EXPECT_EQ(ends.to_server->finish(), State::moved);
        loop.settle();
        const auto [bytes, end] = read_all(*ends.server);
        EXPECT_EQ(bytes, "bytes");
        EXPECT_EQ(end.state, State::ended);
        EXPECT_EQ(end.is_vouched_for, says_close);
        const Io again = read_once(*ends.server);
        EXPECT_EQ(again.state, State::ended);
        EXPECT_EQ(again.is_vouched_for, says_close);
    }
}

TEST_P(TlsStreamTest, still_sends_after_the_peer_has_ended) {
    for (const bool says_close : {true, false}) {
        Between ends(loop, tls, use());
        ends.shake_hands();
        if (says_close) EXPECT_EQ(ends.client->finish(), State::moved);
        ends.pass_all();
        EXPECT_EQ(ends.to_server->finish(), State::moved);
        loop.settle();
        EXPECT_EQ(read_all(*ends.server).second.state, State::ended);
        const auto answer = many_bytes(40'000);
        EXPECT_EQ(ends.server->write(answer).state, State::moved);
        EXPECT_EQ(ends.server->finish(), State::moved);
        ends.pass_all();
        const auto [bytes, end] = read_all(*ends.client);
        EXPECT_TRUE(bytes == answer);
        EXPECT_EQ(end.state, State::ended);
        EXPECT_TRUE(end.is_vouched_for);
    }
}

/// Passes on this many bytes from the sender, then FIN.
struct Cut {
    std::string bytes;
    Io end;
};
Cut cut_after(TestLoop& loop, TlsRoles& tls, Use use, bool from_client, bool is_alert,
              std::size_t count, std::size_t* record_bytes = nullptr) {
    Between ends(loop, tls, use);
    ends.shake_hands();
    auto& sender = from_client ? *ends.client : *ends.server;
    auto& receiver = from_client ? *ends.server : *ends.client;
    auto& taken = from_client ? *ends.to_client : *ends.to_server;
    auto& given = from_client ? *ends.to_server : *ends.to_client;
    if (is_alert)
        EXPECT_EQ(sender.finish(), State::moved);
    else
        EXPECT_EQ(sender.write(std::string_view("ten bytes.")).state, State::moved);
    const auto record = Between::taken_from(taken);
    if (record_bytes != nullptr) *record_bytes = record.size();
    if (count > 0) (void)given.write(std::string_view(record).substr(0, count));
    given.finish();
    loop.settle();
    auto [bytes, end] = read_all(receiver);
    return {bytes, end};
}

TEST_P(TlsStreamTest, treats_an_end_inside_a_record_as_a_failure_at_every_byte) {
    for (const bool from_client : {true, false}) {
        std::size_t size = 0;
        const auto none = cut_after(loop, tls, use(), from_client, false, 0, &size);
        EXPECT_EQ(none.end.state, State::ended);
        EXPECT_FALSE(none.end.is_vouched_for);
        ASSERT_GT(size, 10);
        for (std::size_t count = 1; count < size; ++count) {
            const auto cut = cut_after(loop, tls, use(), from_client, false, count);
            EXPECT_EQ(cut.end.state, State::failed) << count << " of " << size;
            EXPECT_EQ(cut.bytes, "");
        }
        const auto whole = cut_after(loop, tls, use(), from_client, false, size);
        EXPECT_EQ(whole.bytes, "ten bytes.");
        EXPECT_EQ(whole.end.state, State::ended);
        EXPECT_FALSE(whole.end.is_vouched_for);
    }
}

TEST_P(TlsStreamTest, treats_an_end_inside_close_notify_as_a_failure_at_every_byte) {
    std::size_t size = 0;
    (void)cut_after(loop, tls, use(), true, true, 0, &size);
    ASSERT_GT(size, 5);
    for (std::size_t count = 1; count < size; ++count)
        EXPECT_EQ(cut_after(loop, tls, use(), true, true, count).end.state, State::failed)
            << count << " of " << size;
    const auto whole = cut_after(loop, tls, use(), true, true, size);
    EXPECT_EQ(whole.end.state, State::ended);
    EXPECT_TRUE(whole.end.is_vouched_for);
}

TEST_P(TlsStreamTest, fails_if_a_record_was_changed) {
    Between ends(loop, tls, use());
    ends.shake_hands();
    ASSERT_EQ(ends.client->write(std::string_view("bytes")).state, State::moved);
    auto record = Between::taken_from(*ends.to_client);
    record.back() = static_cast<char>(record.back() ^ 1);
    (void)ends.to_server->write(record);
    loop.settle();
    const auto [bytes, end] = read_all(*ends.server);
    EXPECT_EQ(bytes, "");
    EXPECT_EQ(end.state, State::failed);
    EXPECT_TRUE(end.error);
    EXPECT_EQ(read_once(*ends.server).state, State::failed);
    EXPECT_EQ(ends.server->write(std::string_view("x")).state, State::failed);
    EXPECT_EQ(ends.server->finish(), State::failed);
}

TEST_P(TlsStreamTest, passes_a_reset_on) {
    Between ends(loop, tls, use());
    ends.shake_hands();
    ASSERT_EQ(ends.client->write(std::string_view("bytes")).state, State::moved);
    ends.pass_all();
    ends.to_server->reset();
    loop.settle();
    const auto [bytes, end] = read_all(*ends.server);
    EXPECT_EQ(end.state, State::failed);
    EXPECT_EQ(end.error, std::errc::connection_reset);
    EXPECT_EQ(read_once(*ends.server).state, State::failed);

    Between other(loop, tls, use());
    other.shake_hands();
    other.client->reset();
    loop.settle();
    EXPECT_TRUE(read_once(*other.to_client).error);
}

TEST_P(TlsStreamTest, sends_close_notify_when_destroyed_only_for_a_control_connection) {
    Between ends(loop, tls, use());
    ends.shake_hands();
    ASSERT_EQ(ends.server->write(std::string_view("bytes")).state, State::moved);
    ends.pass_all();
    ends.server.reset();
    const auto last_words = Between::taken_from(*ends.to_server);
    EXPECT_EQ(last_words.empty(), use() == Use::data);
    if (!last_words.empty()) (void)ends.to_client->write(last_words);
    (void)ends.to_client->finish();
    loop.settle();
    const auto [bytes, end] = read_all(*ends.client);
    EXPECT_EQ(bytes, "bytes");
    EXPECT_EQ(end.state, State::ended);
    EXPECT_EQ(end.is_vouched_for, use() == Use::control);
}

TEST_P(TlsStreamTest, signals_bytes_that_were_read_ahead) {
    Between ends(loop, tls, use());
    ends.shake_hands();
    std::string all;
    for (const std::string line : {"first.", "second.", "third."}) {
        ASSERT_EQ(ends.client->write(line).state, State::moved);
        all += line;
    }
    ends.pass_all();
    std::string got;
    std::array<char, 3> buffer{};
    while (got.size() < all.size()) {
        ASSERT_TRUE(is_signalled_readable(*ends.server)) << got;
        const Io io = ends.server->read(buffer);
        ASSERT_EQ(io.state, State::moved) << got;
        got.append(buffer.data(), io.bytes);
    }
    EXPECT_EQ(got, all);
    // Nothing is left: no more signals, and no spinning.
    EXPECT_EQ(ends.server->read(buffer).state, State::would_block);
    EXPECT_FALSE(is_signalled_readable(*ends.server));
    EXPECT_TRUE(ends.server->is_watching_readable());
    // Half a record raises no signal either.
    ASSERT_EQ(ends.client->write(std::string_view("fourth")).state, State::moved);
    const auto record = Between::taken_from(*ends.to_client);
    (void)ends.to_server->write(std::string_view(record).substr(0, 9));
    loop.settle();
    EXPECT_EQ(ends.server->read(buffer).state, State::would_block);
    EXPECT_FALSE(is_signalled_readable(*ends.server));
    (void)ends.to_server->write(std::string_view(record).substr(9));
    EXPECT_TRUE(is_signalled_readable(*ends.server));
    EXPECT_EQ(read_all(*ends.server).first, "fourth");
    // An end, and again after it.
    (void)ends.client->finish();
    ends.pass_all();
    EXPECT_TRUE(is_signalled_readable(*ends.server));
    EXPECT_EQ(ends.server->read(buffer).state, State::ended);
    EXPECT_TRUE(is_signalled_readable(*ends.server));
}

TEST_P(TlsStreamTest, signals_room_for_pending_bytes) {
    auto [client_end, server_end] =
        MemoryStream::connect(loop, client_address, server_address, {.pipe_bytes = 4096});
    const auto client = tls.wrap_client(std::move(client_end), use());
    const auto server = tls.wrap_server(std::move(server_end), use());
    {
        const Handshake one(loop, *client);
        const Handshake other(loop, *server);
        loop.settle();
        ASSERT_TRUE(one.is_good() && other.is_good());
    }
    struct Writes {
        static loop::Task<> all(TlsStream& stream, loop::Signal& signal, std::string_view bytes,
                                std::optional<base::Result<>>& done) {
            const Attached attached(stream, signal);
            done = co_await write_all(stream, signal, bytes, base::Fault::client,
                                      signal.loop().after(60s));
        }
    };
    const auto content = many_bytes(100'000);
    loop::Signal signal(loop);
    std::optional<base::Result<>> done;
    const auto job = loop::Job::start(Writes::all(*client, signal, content, done));
    std::string arrived;
    EXPECT_TRUE(loop.run_until(
        [&] {
            arrived += read_all(*server).first;
            return done && arrived.size() == content.size();
        },
        10s));
    EXPECT_TRUE(arrived == content);
    EXPECT_TRUE(done && *done);
}

TEST_P(TlsStreamTest, moves_nothing_before_its_handshake) {
    Between ends(loop, tls, use());
    EXPECT_EQ(read_once(*ends.server).state, State::failed);
    EXPECT_EQ(ends.client->write(std::string_view("x")).state, State::failed);
}

TEST_P(TlsStreamTest, fails_if_plain_text_comes_instead_of_a_handshake) {
    using namespace std::string_view_literals;
    for (const auto text : {"USER anna\r\n"sv, "220 Ready.\r\n"sv, "GET / HTTP/1.0\r\n\r\n"sv,
                            "\x16\x03\x01\xff\xff"sv, "\x16\x03\x01\x00\x04\x01\xff\xff\xff"sv,
                            "\x80\x2e\x01\x03\x01"sv, "\r\n\r\n\r\n"sv, "500 What?\r\n"sv}) {
        const bool is_short = text[0] == '\x16' || text[0] == '\x80';
        for (const bool to_server : {true, false}) {
            Between ends(loop, tls, use());
            auto& stream = to_server ? *ends.server : *ends.client;
            const Handshake handshake(loop, stream);
            loop.settle();
            auto& far = to_server ? *ends.to_server : *ends.to_client;
            (void)far.write(text);
            if (is_short) far.finish();
            loop.settle();
            EXPECT_TRUE(handshake.is_done()) << text;
            EXPECT_FALSE(handshake.is_good()) << text;
            EXPECT_NE(handshake.problem().find("TLS handshake with"), std::string::npos)
                << handshake.problem();
        }
    }
}

TEST_P(TlsStreamTest, hints_at_a_peer_that_speaks_no_tls) {
    Between ends(loop, tls, use());
    const Handshake handshake(loop, *ends.client);
    loop.settle();
    (void)ends.to_client->write(std::string_view("500 Unknown command.\r\n"));
    loop.settle();
    EXPECT_NE(handshake.problem().find("does the peer speak TLS here?"), std::string::npos)
        << handshake.problem();
}

TEST_P(TlsStreamTest, fails_if_the_handshake_is_cut_off_at_any_byte) {
    std::string hello;
    {
        Between ends(loop, tls, use());
        const Handshake handshake(loop, *ends.client);
        loop.settle();
        hello = Between::taken_from(*ends.to_client);
    }
    ASSERT_GT(hello.size(), 100);
    for (std::size_t count = 0; count <= hello.size(); ++count) {
        Between ends(loop, tls, use());
        const Handshake handshake(loop, *ends.server);
        if (count > 0) (void)ends.to_server->write(std::string_view(hello).substr(0, count));
        ends.to_server->finish();
        loop.settle();
        ASSERT_TRUE(handshake.is_done()) << count;
        ASSERT_FALSE(handshake.is_good()) << count;
    }
}

TEST_P(TlsStreamTest, ends_a_handshake_at_its_deadline) {
    for (const bool is_server : {true, false}) {
        Between ends(loop, tls, use());
        const auto before = loop.now();
        const Handshake handshake(loop, is_server ? *ends.server : *ends.client, 7s);
        EXPECT_TRUE(loop.run_until([&] { return handshake.is_done(); }));
        EXPECT_EQ(loop.now() - before, 7s);
        EXPECT_FALSE(handshake.is_good());
        EXPECT_NE(handshake.problem().find("timed out"), std::string::npos) << handshake.problem();
    }
}

TEST_P(TlsStreamTest, does_not_extend_the_deadline_of_a_trickled_handshake) {
    Between ends(loop, tls, use());
    std::string hello;
    const Handshake client(loop, *ends.client, 1000s);
    loop.settle();
    hello = Between::taken_from(*ends.to_client);
    const Handshake handshake(loop, *ends.server, 10s);
    for (std::size_t i = 0; i < 20; ++i) {
        (void)ends.to_server->write(std::string_view(hello).substr(i, 1));
        loop.run_for(1s);
        EXPECT_EQ(handshake.is_done(), i >= 9) << i;
    }
    EXPECT_FALSE(handshake.is_good());
}

}  // namespace
}  // namespace ballast::net
