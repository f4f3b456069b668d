// SPDX-License-Identifier: Apache-2.0
// Transfers under TLS: every combination of the two legs, and how they end.
#include "metrics/counters.h"
#include "support/test_client.h"
#include "support/tls_ends.h"

#include <gtest/gtest.h>
#include <string>
#include <tuple>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using base::TlsVersion;
using config::SessionReuse;
using metrics::Counter;
using support::BackendScript;
using support::DataPeer;
using support::TestClient;
using support::World;
using Fault = BackendScript::Fault;

const std::string large(400'000, 'x');

void give_clients_tls(World& world) {
    world.tls_server = support::make_tls_server();
    world.listener.tls.emplace();
}

void give_backends_tls(World& world, TlsVersion newest = TlsVersion::tls_1_3) {
    world.tls_client = support::make_tls_client();
    for (std::size_t i = 0; i < world.pool_settings.backends.size(); ++i) {
        world.pool_settings.backends[i].tls.mode = config::BackendTlsMode::explicit_tls;
        net::TlsServer::Settings settings;
        settings.name = "backend";
        settings.max_version = newest;
        world.backend(i).script.tls = support::make_tls_server(settings);
    }
}

std::shared_ptr<net::TlsClient> client_of(TlsVersion newest) {
    auto settings = support::tls_client_settings();
    settings.max_version = newest;
    return support::make_tls_client(settings);
}

enum class Legs : std::uint8_t { tls_plain, plain_tls, tls_tls };

/// The client's verb, which legs have TLS, its version, and how much fits into a connection.
using Leg = std::tuple<const char*, Legs, TlsVersion, std::size_t>;

std::string leg_name(const Leg& leg) {
    constexpr const char* names[] = {"_tls_plain", "_plain_tls", "_tls_tls"};
    return std::get<0>(leg) + std::string(names[static_cast<std::size_t>(std::get<1>(leg))]) +
           (std::get<2>(leg) == TlsVersion::tls_1_2 ? "_1_2_" : "_1_3_") +
           std::to_string(std::get<3>(leg));
}

class EveryLeg : public testing::TestWithParam<Leg> {
protected:
    EveryLeg() { client.tls_client = client_of(version()); }
    /// Before the client comes.
    static bool prepare(World& world) {
        if (client_has_tls()) {
            give_clients_tls(world);
            world.listener.tls->session_reuse = SessionReuse::required;
        }
        if (backend_has_tls()) {
            give_backends_tls(world, version());
            world.pool_settings.backends[0].tls.data = config::BackendDataTls::always;
            world.backend(0).script.requires_reuse = true;
        }
        world.network.shape.pipe_bytes = std::get<3>(GetParam());
        return true;
    }
    [[nodiscard]] static const char* verb() { return std::get<0>(GetParam()); }
    [[nodiscard]] static bool client_has_tls() {
        return std::get<1>(GetParam()) != Legs::plain_tls;
    }
    [[nodiscard]] static bool backend_has_tls() {
        return std::get<1>(GetParam()) != Legs::tls_plain;
    }
    [[nodiscard]] static TlsVersion version() { return std::get<2>(GetParam()); }
    bool log_in() { return client_has_tls() ? client.log_in_with_tls() : client.log_in(); }
    void expect_secured(const DataPeer& data) {
        world.loop.settle();
        EXPECT_EQ(data.is_vouched_for(), client_has_tls()) << data.tls_problem();
        if (!client_has_tls()) return;
        ASSERT_NE(data.tls(), nullptr);
        EXPECT_TRUE(data.tls()->is_resumed());
        EXPECT_EQ(data.tls()->is_tls_1_3(), version() == TlsVersion::tls_1_3);
    }
    void expect_handshakes(std::size_t count) {
        const auto& handshakes = world.backend(0).data_handshakes;
        EXPECT_EQ(handshakes.size(), backend_has_tls() ? count : 0);
        for (const auto& one : handshakes) EXPECT_TRUE(one.is_resumed);
    }

    World world{1};
    const bool is_prepared = prepare(world);
    TestClient client{world};
};
INSTANTIATE_TEST_SUITE_P(Tls, EveryLeg,
                         testing::Combine(testing::Values("PASV", "EPSV", "PORT", "EPRT"),
                                          testing::Values(Legs::tls_plain, Legs::plain_tls,
                                                          Legs::tls_tls),
                                          testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                                          testing::Values(std::size_t{64} << 10, std::size_t{300})),
                         [](const auto& one) { return leg_name(one.param); });

TEST_P(EveryLeg, downloads_lists_and_uploads) {
    auto& backend = world.backend(0);
    backend.files["a"] = large.substr(0, 100'000);
    backend.files["empty"] = "";
    ASSERT_TRUE(log_in());

    const auto down = client.open_data(verb());
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    expect_secured(*down);
    EXPECT_TRUE(down->received() == backend.files["a"]);
    EXPECT_EQ(down->end(), DataPeer::End::proper);

    const auto empty = client.open_data(verb());
    EXPECT_EQ(client.ask("RETR empty"), 150);
    EXPECT_EQ(client.code(), 226);
    expect_secured(*empty);
    EXPECT_EQ(empty->end(), DataPeer::End::proper);

    for (const std::size_t size : {0UZ, 1UZ, 16'385UZ, 90'000UZ}) {
        const auto content = large.substr(0, size);
        const auto up = client.open_data(verb());
        EXPECT_EQ(client.ask("STOR b"), 150);
        up->send(content);
        up->finish();
        EXPECT_EQ(client.code(), 226);
        EXPECT_TRUE(backend.stored.back().bytes == content);
        EXPECT_TRUE(backend.stored.back().is_whole);
        EXPECT_EQ(backend.stored.back().is_vouched_for, backend_has_tls());
    }
    EXPECT_EQ(backend.stored.size(), 4);
    expect_handshakes(6);

    EXPECT_EQ(client.ask("NOOP"), 200);
    EXPECT_EQ(world.transfers_running(), 0);
    EXPECT_EQ(world.network.leases(), 0);
}

TEST_P(EveryLeg, serves_a_client_that_begins_tls_after_the_150) {
    world.backend(0).files["a"] = "content";
    ASSERT_TRUE(log_in());
    client.wraps_data = false;
    const auto down = client.open_data(verb());
    EXPECT_EQ(client.ask("RETR a"), 150);
    if (client_has_tls()) down->begin_tls(client.data_tls());
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(down->received(), "content");
    expect_secured(*down);
    const auto up = client.open_data(verb());
    EXPECT_EQ(client.ask("STOR b"), 150);
    if (client_has_tls()) up->begin_tls(client.data_tls());
    up->send("content");
    up->finish();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(world.backend(0).stored.at(0).bytes, "content");
}

class TlsTransfer : public testing::Test {
protected:
    explicit TlsTransfer(Legs legs = Legs::tls_plain) : is_prepared(prepare(world, legs)) {}
    /// Before the client comes.
    static bool prepare(World& world, Legs legs) {
        give_clients_tls(world);
        if (legs == Legs::tls_tls) give_backends_tls(world);
        world.backend(0).files["a"] = large;
        world.backend(0).files["b"] = "content";
        return true;
    }
    support::FakeBackend& backend() { return world.backend(0); }
    config::ListenerTls& tls() { return *world.listener.tls; }
    /// A client that does not resume: it has no session to offer.
    void forget_session() { client.tickets.keep(nullptr); }
    void expect_transfer_works() {
        const auto data = client.open_data("EPSV");
        EXPECT_EQ(client.ask("RETR b"), 150);
        EXPECT_EQ(client.code(), 226);
        world.loop.settle();
        EXPECT_EQ(data->received(), "content");
        EXPECT_TRUE(data->is_vouched_for());
    }
    void expect_never_vouched(const DataPeer& data) {
        world.loop.run_for(1s);
        EXPECT_FALSE(data.is_vouched_for());
        EXPECT_EQ(data.end(), DataPeer::End::reset);
    }

    World world{1};
    const bool is_prepared;
    TestClient client{world};
};

class TlsOnBothLegs : public TlsTransfer {
protected:
    TlsOnBothLegs() : TlsTransfer(Legs::tls_tls) {}
};

TEST_F(TlsOnBothLegs, works_a_hundred_times_in_one_session) {
    tls().session_reuse = SessionReuse::required;
    backend().script.requires_reuse = true;
    ASSERT_TRUE(client.log_in_with_tls());
    for (int i = 0; i < 100; ++i) {
        SCOPED_TRACE(i);
        expect_transfer_works();
    }
    EXPECT_EQ(backend().data_handshakes.size(), 100);
}

TEST_F(TlsTransfer, counts_resumed_and_full_handshakes) {
    ASSERT_TRUE(client.log_in_with_tls());
    const auto resumed = metrics::total(Counter::tls_data_handshakes_resumed);
    const auto full = metrics::total(Counter::tls_data_handshakes_full);
    expect_transfer_works();
    EXPECT_EQ(metrics::total(Counter::tls_data_handshakes_resumed), resumed + 1);
    forget_session();
    client.wraps_data = false;
    const auto data = client.open_data("PORT");  // the reply brings a ticket
    forget_session();
    EXPECT_EQ(client.ask("RETR b"), 150);
    data->begin_tls(client.data_tls());
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(metrics::total(Counter::tls_data_handshakes_full), full + 1);
    EXPECT_EQ(metrics::total(Counter::tls_data_handshakes_resumed), resumed + 1);
}

/// Under `required`, with a client that does not resume.
class TlsReuse : public TlsTransfer {
protected:
    TlsReuse() { tls().session_reuse = SessionReuse::required; }
    /// A data connection whose handshake will not resume; the port is asked for first, because its
    /// answer brings a ticket.
    std::unique_ptr<DataPeer> open_without_session() {
        const auto port = client.passive_port("EPSV");
        forget_session();
        return client.connect_to(port);
    }
};

TEST_F(TlsReuse, is_refused_before_the_backend_hears_of_an_upload) {
    ASSERT_TRUE(client.log_in_with_tls());
    for (const char* verb : {"EPSV", "PASV", "PORT", "EPRT"}) {
        SCOPED_TRACE(verb);
        client.wraps_data = false;
        const auto data = client.open_data(verb);
        forget_session();
        EXPECT_EQ(client.ask("STOR b"), 150);
        data->begin_tls(client.data_tls());
        data->send("new content");
        data->finish();
        EXPECT_EQ(client.code(), 522);
        EXPECT_FALSE(backend().has_heard("STOR b"));
        EXPECT_TRUE(backend().stored.empty());
        expect_never_vouched(*data);
        client.wraps_data = true;
        expect_transfer_works();
    }
}

/// RFC 1123 4.1.2.9: the name of the new file is in the 150.
TEST_F(TlsReuse, leaves_the_150_of_stou_to_the_backend) {
    backend().script.begin_reply = "150 FILE: unique.1";
    ASSERT_TRUE(client.log_in_with_tls());
    client.wraps_data = true;
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.say("STOU"), "150 FILE: unique.1");
    data->send("content");
    data->finish();
    EXPECT_EQ(client.code(), 226);
}

TEST_F(TlsReuse, passes_the_text_of_the_backends_150_on_with_the_last_reply) {
    backend().script.begin_reply = "150-Stored under another name.\r\n150 FILE: b.1";
    ASSERT_TRUE(client.log_in_with_tls());
    client.wraps_data = false;
    const auto data = client.open_data("PORT");
    EXPECT_EQ(client.say("STOR b"), "150 Ready for the data connection.");
    data->begin_tls(client.data_tls());
    data->send("content");
    data->finish();
    EXPECT_EQ(client.reply(),
              "226-The server said:\r\n Stored under another name.\r\n FILE: b.1\r\n"
              "226 Transfer complete.");
}

TEST_F(TlsReuse, is_refused_at_once_if_the_handshake_came_before_the_command) {
    ASSERT_TRUE(client.log_in_with_tls());
    for (const char* line : {"STOR b", "APPE b", "RETR b", "LIST"}) {
        const auto data = open_without_session();
        world.loop.settle();
        EXPECT_EQ(client.ask(line), 522) << line;
        EXPECT_FALSE(backend().has_heard(line));
        expect_never_vouched(*data);
        EXPECT_EQ(data->received(), "");
    }
    expect_transfer_works();
}

TEST_F(TlsReuse, is_refused_for_a_download_too) {
    ASSERT_TRUE(client.log_in_with_tls());
    client.wraps_data = false;
    const auto data = open_without_session();
    EXPECT_EQ(client.ask("RETR b"), 150);
    data->begin_tls(client.data_tls());
    EXPECT_EQ(client.code(), 522);
    EXPECT_EQ(data->received(), "");
    expect_never_vouched(*data);
    client.wraps_data = true;
    expect_transfer_works();
}

TEST_F(TlsReuse, of_another_session_is_refused_and_counted) {
    TestClient other(world, "198.51.100.8:50000");
    ASSERT_TRUE(other.log_in_with_tls());
    ASSERT_TRUE(client.log_in_with_tls());
    const auto before = metrics::total(Counter::tls_tickets_of_others);
    const auto port = client.passive_port("EPSV");
    client.tickets.keep(other.tickets.offer());
    const auto data = client.connect_to(port);
    world.loop.settle();
    EXPECT_EQ(client.ask("STOR b"), 522);
    EXPECT_EQ(metrics::total(Counter::tls_tickets_of_others), before + 1);
    EXPECT_FALSE(backend().has_heard("STOR b"));
    expect_transfer_works();
}

TEST_F(TlsReuse, is_not_refused_if_it_is_only_preferred_or_off) {
    for (const auto reuse : {SessionReuse::preferred, SessionReuse::off}) {
        World another(1);
        give_clients_tls(another);
        another.listener.tls->session_reuse = reuse;
        net::TlsServer::Settings settings;
        settings.resumes_data = reuse != SessionReuse::off;
        another.tls_server = support::make_tls_server(settings);
        TestClient stubborn(another);
        ASSERT_TRUE(stubborn.log_in_with_tls());
        for (int i = 0; i < 3; ++i) {
            const auto port = stubborn.passive_port("EPSV");
            stubborn.tickets.keep(nullptr);
            const auto data = stubborn.connect_to(port);
            EXPECT_EQ(stubborn.ask("STOR b"), 150);
            data->send("content");
            data->finish();
            EXPECT_EQ(stubborn.code(), 226);
            EXPECT_EQ(another.backend(0).stored.back().bytes, "content");
        }
    }
}

TEST_F(TlsReuse, stops_waiting_for_an_aborted_upload) {
    ASSERT_TRUE(client.log_in_with_tls());
    client.wraps_data = false;
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    EXPECT_FALSE(backend().has_heard("STOR b"));
    client.wraps_data = true;
    expect_transfer_works();
}

TEST_F(TlsReuse, ends_with_425_or_522_if_the_upload_never_begins) {
    ASSERT_TRUE(client.log_in_with_tls());
    EXPECT_NE(client.passive_port("EPSV"), 0);
    auto before = world.loop.now();
    EXPECT_EQ(client.ask("STOR b"), 150);
    EXPECT_EQ(client.code(), 425);
    EXPECT_EQ(world.loop.now() - before, world.listener.data_connect_timeout);

    client.wraps_data = false;
    const auto silent = client.open_data("EPSV");
    before = world.loop.now();
    EXPECT_EQ(client.ask("STOR b"), 150);
    EXPECT_EQ(client.code(), 522);
    EXPECT_EQ(world.loop.now() - before, tls().handshake_timeout);
    EXPECT_FALSE(backend().has_heard("STOR b"));
    client.wraps_data = true;
    expect_transfer_works();
}

TEST_F(TlsTransfer, is_refused_if_the_client_speaks_plain_text) {
    ASSERT_TRUE(client.log_in_with_tls());
    client.wraps_data = false;
    const auto up = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    up->send("plain text, and more of it");
    EXPECT_EQ(client.code(), 522);
    world.loop.run_for(1s);
    for (const auto& one : backend().stored) {
        EXPECT_FALSE(one.is_whole);
        EXPECT_EQ(one.bytes, "");
    }
    client.wraps_data = true;
    expect_transfer_works();
}

TEST_F(TlsTransfer, ends_if_the_client_never_begins_tls) {
    ASSERT_TRUE(client.log_in_with_tls());
    client.wraps_data = false;
    const auto data = client.open_data("EPSV");
    const auto before = world.loop.now();
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 522);
    EXPECT_EQ(world.loop.now() - before, tls().handshake_timeout);
    EXPECT_EQ(data->received(), "");
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    client.wraps_data = true;
    expect_transfer_works();
}

TEST_F(TlsTransfer, ends_quickly_without_close_notify_if_the_backend_refuses) {
    ASSERT_TRUE(client.log_in_with_tls());
    const auto before = world.loop.now();
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR missing"), 550);
    expect_never_vouched(*data);
    client.wraps_data = false;
    const auto silent = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR missing"), 550);
    client.wraps_data = true;
    EXPECT_LT(world.loop.now() - before, 3s);
    expect_transfer_works();
}

TEST_F(TlsTransfer, is_refused_if_its_protection_changed_after_the_handshake) {
    ASSERT_TRUE(client.log_in_with_tls());
    const auto data = client.open_data("EPSV");
    world.loop.settle();
    EXPECT_EQ(client.ask("PROT C"), 200);
    EXPECT_EQ(client.ask("RETR a"), 425);
    EXPECT_FALSE(backend().has_heard("RETR a"));
    client.wraps_data = false;
    const auto plain = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR b"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(plain->received(), "content");
}

// How data ends

TEST_F(TlsTransfer, trusts_a_close_notify_at_once) {
    ASSERT_TRUE(client.log_in_with_tls());
    const auto up = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    const auto before = world.loop.now();
    up->send("content");
    up->finish();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(world.loop.now(), before);
    EXPECT_TRUE(backend().stored.at(0).is_whole);
}

TEST_F(TlsTransfer, trusts_a_close_notify_although_the_client_is_gone) {
    backend().script.final_delay = 1s;
    ASSERT_TRUE(client.log_in_with_tls());
    const auto up = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    up->send("content");
    up->finish();
    world.loop.settle();
    client.vanish();
    world.loop.run_for(2s);
    ASSERT_EQ(backend().stored.size(), 1);
    EXPECT_EQ(backend().stored[0].bytes, "content");
    EXPECT_TRUE(backend().stored[0].is_whole);
}

TEST_F(TlsTransfer, treats_an_end_without_close_notify_as_in_plain_text) {
    ASSERT_TRUE(client.log_in_with_tls());
    const auto counted = metrics::total(Counter::data_ends_without_close_notify);
    const auto up = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    const auto before = world.loop.now();
    up->send("content");
    up->finish_bare();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(world.loop.now() - before, world.listener.upload_end_grace);
    EXPECT_TRUE(backend().stored.at(0).is_whole);
    EXPECT_EQ(metrics::total(Counter::data_ends_without_close_notify), counted + 1);

    const auto killed = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    killed->send("conte");
    world.loop.settle();
    killed->vanish();
    client.vanish();
    world.loop.run_for(1s);
    ASSERT_EQ(backend().stored.size(), 2);
    EXPECT_FALSE(backend().stored[1].is_whole);
}

TEST_F(TlsTransfer, breaks_at_an_end_without_close_notify_under_strict_close) {
    tls().strict_close = true;
    ASSERT_TRUE(client.log_in_with_tls());
    const auto up = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    up->send("content");
    up->finish_bare();
    EXPECT_EQ(client.code(), 426);
    world.loop.run_for(1s);
    ASSERT_EQ(backend().stored.size(), 1);
    EXPECT_FALSE(backend().stored[0].is_whole);
    expect_transfer_works();
    const auto good = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    good->send("content");
    good->finish();
    EXPECT_EQ(client.code(), 226);
    EXPECT_TRUE(backend().stored.at(1).is_whole);
}

TEST_F(TlsOnBothLegs, adds_close_notify_or_breaks_if_the_backend_sends_none) {
    backend().script.says_close_notify = false;
    ASSERT_TRUE(client.log_in_with_tls());
    const auto counted = metrics::total(Counter::data_ends_without_close_notify);
    expect_transfer_works();
    EXPECT_EQ(metrics::total(Counter::data_ends_without_close_notify), counted + 1);
    tls().strict_close = true;
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR b"), 150);
    EXPECT_EQ(client.code(), 426);
    expect_never_vouched(*data);
}

class TlsTruncation : public testing::TestWithParam<std::tuple<Legs, Fault>> {};
INSTANTIATE_TEST_SUITE_P(Each, TlsTruncation,
                         testing::Combine(testing::Values(Legs::tls_plain, Legs::tls_tls),
                                          testing::Values(Fault::reset_data, Fault::killed,
                                                          Fault::ends_early, Fault::stall)));

TEST_P(TlsTruncation, of_a_download_is_never_ended_with_close_notify) {
    for (const std::uint64_t bytes : {0UL, 1UL, 16'384UL, 65'536UL, 399'999UL}) {
        World world(1);
        give_clients_tls(world);
        if (std::get<0>(GetParam()) == Legs::tls_tls) give_backends_tls(world);
        world.backend(0).files["a"] = large;
        world.backend(0).script.fault = std::get<1>(GetParam());
        world.backend(0).script.fault_after = bytes;
        TestClient client(world);
        ASSERT_TRUE(client.log_in_with_tls());
        const auto data = client.open_data("EPSV");
        EXPECT_EQ(client.ask("RETR a"), 150);
        EXPECT_GE(client.code(), 400) << bytes;
        world.loop.run_for(1s);
        // If a backend ends empty data properly and refuses, Ballast passes on the same.
        const bool is_passed_on = std::get<1>(GetParam()) == Fault::ends_early && bytes == 0;
        EXPECT_EQ(data->is_vouched_for(), is_passed_on) << bytes;
        EXPECT_EQ(data->end(), is_passed_on ? DataPeer::End::proper : DataPeer::End::reset)
            << bytes;
    }
}

TEST_P(TlsTruncation, of_an_upload_is_never_ended_with_close_notify) {
    for (const std::size_t bytes : {0UZ, 1UZ, 100'000UZ}) {
        for (const bool resets : {true, false}) {
            World world(1);
            give_clients_tls(world);
            if (std::get<0>(GetParam()) == Legs::tls_tls) give_backends_tls(world);
            TestClient client(world);
            ASSERT_TRUE(client.log_in_with_tls());
            const auto data = client.open_data("EPSV");
            EXPECT_EQ(client.ask("STOR b"), 150);
            data->send(large.substr(0, bytes));
            world.loop.settle();
            if (resets)
                data->reset();
            else
                data->vanish();
            client.vanish();
            world.loop.run_for(1s);
            ASSERT_EQ(world.backend(0).stored.size(), 1);
            EXPECT_FALSE(world.backend(0).stored[0].is_whole) << bytes;
            EXPECT_FALSE(world.backend(0).stored[0].is_vouched_for) << bytes;
        }
    }
}

TEST_F(TlsTransfer, sends_no_close_notify_if_the_backends_control_connection_is_lost) {
    backend().script.fault = Fault::lose_control;
    backend().script.fault_after = 1000;
    ASSERT_TRUE(client.log_in_with_tls());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_GE(client.code(), 400);
    expect_never_vouched(*data);
}

TEST_F(TlsOnBothLegs, works_after_the_client_broke_a_download) {
    ASSERT_TRUE(client.log_in_with_tls());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    world.loop.settle();
    data->reset();
    EXPECT_GE(client.code(), 400);
    expect_transfer_works();
}

class TlsAbort : public testing::TestWithParam<Legs> {};
INSTANTIATE_TEST_SUITE_P(Each, TlsAbort, testing::Values(Legs::tls_plain, Legs::tls_tls));

TEST_P(TlsAbort, ends_a_transfer_and_the_session_continues) {
    World world(1);
    give_clients_tls(world);
    if (GetParam() == Legs::tls_tls) give_backends_tls(world);
    world.listener.tls->session_reuse = SessionReuse::required;
    world.backend(0).files["a"] = large;
    world.backend(0).files["b"] = "content";
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());

    const auto down = client.open_data("EPSV");
    down->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    down->resume_reading();
    world.loop.run_for(1s);
    EXPECT_FALSE(down->is_vouched_for());
    EXPECT_EQ(down->end(), DataPeer::End::reset);

    const auto up = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR c"), 150);
    up->send("half of");
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    ASSERT_EQ(world.backend(0).stored.size(), 1);
    EXPECT_FALSE(world.backend(0).stored[0].is_whole);

    const auto again = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR b"), 150);
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(again->received(), "content");
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST_P(TlsAbort, may_come_before_the_client_begins_tls) {
    World world(1);
    give_clients_tls(world);
    if (GetParam() == Legs::tls_tls) give_backends_tls(world);
    world.backend(0).files["a"] = large;
    TestClient client(world);
    ASSERT_TRUE(client.log_in_with_tls());
    client.wraps_data = false;
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST_F(TlsOnBothLegs, closes_for_a_backend_that_then_sends_its_226) {
    backend().script.final_waits_for_close = true;
    ASSERT_TRUE(client.log_in_with_tls());
    expect_transfer_works();
    expect_transfer_works();
}

TEST_F(TlsTransfer, waits_for_a_close_notify_although_the_client_is_gone) {
    ASSERT_TRUE(client.log_in_with_tls());
    const auto up = client.open_data("EPSV");
    world.network.shape.pipe_bytes = 300;  // of the backend's data connection
    EXPECT_EQ(client.ask("STOR b"), 150);
    up->send(large.substr(0, 40'000));
    up->finish();
    (void)world.loop.run_until([turns = 0]() mutable { return ++turns > 8; });
    client.vanish();
    world.loop.run_for(2s);
    ASSERT_EQ(backend().stored.size(), 1);
    EXPECT_EQ(backend().stored[0].bytes.size(), 40'000);
    EXPECT_TRUE(backend().stored[0].is_whole);
}

TEST_F(TlsTransfer, keeps_an_early_handshake_for_the_transfer_command) {
    ASSERT_TRUE(client.log_in_with_tls());
    const auto down = client.open_data("EPSV");
    world.loop.settle();
    EXPECT_EQ(client.ask("XFOO") / 100, 5);
    EXPECT_EQ(client.ask("LIST"), 150);
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(down->received(), backend().listing);
    EXPECT_EQ(down->end(), DataPeer::End::proper);
}

}  // namespace
}  // namespace ballast::session
