// SPDX-License-Identifier: Apache-2.0
// Real sockets on loopback addresses; ports are the system's choice.
#include "net/socket_network.h"

#include "base/owned_fd.h"
#include "loop/job.h"
#include "net/acceptor.h"
#include "net/socket_stream.h"
#include "support/temporary_directory.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <linux/tcp.h>  // its tcp_info counts packets
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;

base::Ip ip(const char* text) { return base::Ip::parse(text).value(); }

std::uint16_t port_of(const base::OwnedFd& socket) { return local_address(socket.get())->port; }

/// A free port of an address: bound once and released.
std::uint16_t free_port(const base::Ip& at) {
    const auto taken = listen_on({at, 0}, 1);
    return port_of(*taken);
}

/// A blocking client that connects from one address to another.
base::OwnedFd connect_from(const base::Ip& from, const base::Address& to) {
    base::OwnedFd socket(
        ::socket(to.ip.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SystemAddress source({from, 0});
    EXPECT_EQ(::bind(socket.get(), source.get(), source.length), 0);
    const SystemAddress target(to);
    EXPECT_EQ(::connect(socket.get(), target.get(), target.length), 0) << std::strerror(errno);
    return socket;
}

/// The result of a blocking client's next read: bytes, 0 for a proper end, -errno for a failure.
ssize_t read_outcome(const base::OwnedFd& socket) {
    pollfd waiting{socket.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 10'000) != 1) return -ETIMEDOUT;
    std::array<char, 256> buffer{};
    const auto got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    return got < 0 ? -errno : got;
}

using Dialed = std::optional<base::Result<std::unique_ptr<Stream>>>;

loop::Task<> dial_into(SocketNetwork& network, Dial dial, Dialed& into, loop::WorkerLoop& loop) {
    into = co_await network.dial(std::move(dial), loop.after(10s));
    loop.stop();
}

LendRequest request(std::uint16_t port, const base::Ip& local, const base::Ip& client) {
    LendRequest made;
    made.range = {port, port};
    made.local = local;
    made.peers.address = client;
    return made;
}

loop::Task<> lend_and_wait(SocketNetwork& network, LendRequest request,
                           std::function<void(std::uint16_t)> lent,
                           std::unique_ptr<Stream>& arrived, loop::WorkerLoop& loop) {
    loop::Signal signal(loop);
    auto lease = co_await network.lend(request);
    EXPECT_TRUE(lease) << base::to_string(lease.error());
    if (lease) {
        (*lease)->attach(&signal);
        lent((*lease)->port());
        while (!(*lease)->has_arrived() && co_await signal.wait(loop.after(10s))) {
        }
        arrived = (*lease)->take();
    }
    loop.stop();
}

class SocketNetworkTest : public testing::Test {
protected:
    loop::WorkerLoop loop;
    PassivePorts ports{1};
    SocketNetwork network{loop, ports, 0};
    const base::Ip here = ip("127.0.0.1");
    const base::Ip client_ip = ip("127.0.0.7");
};

TEST_F(SocketNetworkTest, dials_from_the_given_address) {
    const auto listening = listen_on({here, 0}, 8);
    ASSERT_TRUE(listening);
    Dialed dialed;
    const auto job = loop::Job::start(
        dial_into(network, {.to = {here, port_of(*listening)}, .from = client_ip}, dialed, loop));
    loop.run();
    ASSERT_TRUE(dialed && *dialed);
    SystemAddress peer;
    const base::OwnedFd accepted(::accept(listening->get(), peer.get(), &peer.length));
    EXPECT_EQ(peer.address().ip, client_ip);
    EXPECT_EQ((**dialed)->local(), peer.address());
    EXPECT_EQ((**dialed)->peer(), (base::Address{here, port_of(*listening)}));
}

TEST_F(SocketNetworkTest, dials_a_unix_socket) {
    const support::TemporaryDirectory directory;
    const auto path = directory.file("socket");
    const auto refused = network.dial_path(path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(base::to_string(refused.error()),
              "connecting to " + path + ": No such file or directory");

    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(std::data(at.sun_path), sizeof at.sun_path - 1);
    const base::OwnedFd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    ASSERT_EQ(::listen(listening.get(), 1), 0);
    const auto stream = network.dial_path(path);
    ASSERT_TRUE(stream) << base::to_string(stream.error());
    EXPECT_EQ((*stream)->write(std::string_view("hello")).bytes, 5U);
    const base::OwnedFd accepted(::accept(listening.get(), nullptr, nullptr));
    EXPECT_EQ(read_outcome(accepted), 5);
}

TEST_F(SocketNetworkTest, refuses_a_unix_socket_whose_path_is_too_long) {
    // sun_path has 108 bytes, the last of which is zero.
    const auto refused = network.dial_path('/' + std::string(107, 'x'));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, std::errc::filename_too_long);
}

loop::Task<> dial_interrupted(SocketNetwork& network, Dial dial, Interrupt interrupt, Dialed& into,
                              loop::WorkerLoop& loop) {
    loop::Signal signal(loop);
    signal.raise();
    into = co_await network.dial(std::move(dial), loop.after(10s), signal, std::move(interrupt));
    loop.stop();
}

TEST_F(SocketNetworkTest, a_dial_ends_when_it_is_interrupted) {
    const auto listening = listen_on({here, 0}, 8);
    ASSERT_TRUE(listening);
    Dialed dialed;
    const auto job = loop::Job::start(dial_interrupted(
        network, {.to = {here, port_of(*listening)}, .from = {}}, [] { return true; }, dialed,
        loop));
    loop.run();
    ASSERT_TRUE(dialed && !*dialed);
    EXPECT_EQ(dialed->error().code, std::errc::operation_canceled);
}

TEST_F(SocketNetworkTest, a_dial_goes_on_when_its_signal_is_raised_by_others) {
    const auto listening = listen_on({here, 0}, 8);
    ASSERT_TRUE(listening);
    Dialed dialed;
    int asked = 0;
    const auto interrupt = [&] { return ++asked < 0; };
    const auto job = loop::Job::start(dial_interrupted(
        network, {.to = {here, port_of(*listening)}, .from = {}}, interrupt, dialed, loop));
    loop.run();
    EXPECT_TRUE(dialed && *dialed);
    EXPECT_GT(asked, 0);
}

/// The port from which a dial with a wanted port really came.
std::uint16_t dialed_from(const base::Address& wanted, const base::Address& to) {
    loop::WorkerLoop loop;
    PassivePorts ports(1);
    SocketNetwork network(loop, ports, 0);
    Dialed dialed;
    const auto job = loop::Job::start(dial_into(
        network, {.to = to, .from = wanted.ip, .source_port = wanted.port}, dialed, loop));
    loop.run();
    EXPECT_TRUE(dialed && *dialed);
    if (!dialed || !*dialed) return 0;
    const auto port = (**dialed)->local().port;
    (**dialed)->reset();  // leaves no TIME_WAIT behind
    return port;
}

TEST_F(SocketNetworkTest, dials_from_a_fixed_port_or_from_another_if_that_is_busy) {
    const auto listening = listen_on({here, 0}, 8);
    const base::Address to{here, port_of(*listening)};
    const base::Address wanted{client_ip, free_port(client_ip)};
    EXPECT_EQ(dialed_from(wanted, to), wanted.port);
    const auto holder = listen_on(wanted, 1);
    ASSERT_TRUE(holder);
    const auto other = dialed_from(wanted, to);
    EXPECT_NE(other, wanted.port);
    EXPECT_NE(other, 0);
}

TEST_F(SocketNetworkTest, says_whose_fault_a_refused_dial_is) {
    Dialed dialed;
    const auto port = free_port(here);
    const auto job = loop::Job::start(dial_into(
        network, {.to = {here, port}, .from = {}, .fault = base::Fault::backend}, dialed, loop));
    loop.run();
    ASSERT_TRUE(dialed);
    ASSERT_FALSE(*dialed);
    EXPECT_EQ(dialed->error().fault, base::Fault::backend);
    EXPECT_EQ(dialed->error().code, std::errc::connection_refused);
    EXPECT_EQ(dialed->error().doing, "connecting to 127.0.0.1:" + std::to_string(port));
}

TEST_F(SocketNetworkTest, lends_a_port_to_one_client_and_resets_strangers) {
    std::unique_ptr<Stream> arrived;
    const auto port = free_port(here);
    std::atomic<ssize_t> strangers_fate = 1;
    std::thread outside;
    const auto job = loop::Job::start(lend_and_wait(
        network, request(port, here, client_ip),
        [&](std::uint16_t lent) {
            EXPECT_EQ(lent, port);
            outside = std::thread([&, lent] {
                const auto stranger = connect_from(ip("127.0.0.8"), {here, lent});
                strangers_fate = read_outcome(stranger);
                const auto client = connect_from(client_ip, {here, lent});
                (void)read_outcome(client);
            });
        },
        arrived, loop));
    loop.run();
    ASSERT_NE(arrived, nullptr);
    EXPECT_EQ(strangers_fate, -ECONNRESET);
    EXPECT_EQ(arrived->peer().ip, client_ip);
    EXPECT_EQ(arrived->local(), (base::Address{here, port}));
    arrived->reset();
    outside.join();
}

TEST_F(SocketNetworkTest, resets_a_connection_that_its_lease_never_took) {
    const auto port = free_port(here);
    struct Gives {
        static loop::Task<> up(SocketNetwork& network, LendRequest request,
                               std::function<void()> lent, loop::WorkerLoop& loop) {
            loop::Signal signal(loop);
            {
                auto lease = co_await network.lend(request);
                (*lease)->attach(&signal);
                lent();
                while (!(*lease)->has_arrived() && co_await signal.wait(loop.after(10s))) {
                }
                EXPECT_TRUE((*lease)->has_arrived());
            }
            loop.stop();
        }
    };
    ssize_t fate = 1;
    std::thread outside;
    const auto job = loop::Job::start(Gives::up(
        network, request(port, here, client_ip),
        [&] {
            outside = std::thread([&] {
                const auto client = connect_from(client_ip, {here, port});
                fate = read_outcome(client);
            });
        },
        loop));
    loop.run();
    outside.join();
    EXPECT_EQ(fate, -ECONNRESET);
}

/// Everything that a blocking client reads up to the end: the number of bytes and the outcome.
std::pair<std::size_t, ssize_t> read_to_end(const base::OwnedFd& socket) {
    std::size_t bytes = 0;
    for (;;) {
        const auto outcome = read_outcome(socket);
        if (outcome <= 0) return {bytes, outcome};
        bytes += static_cast<std::size_t>(outcome);
    }
}

/// A dialled connection and its other end.
class DialedTest : public SocketNetworkTest {
protected:
    void dial(Dial::Purpose purpose) {
        auto listening = listen_on({here, 0}, 8);
        ASSERT_TRUE(listening);
        Dialed dialed;
        const auto job = loop::Job::start(
            dial_into(network, {.to = {here, port_of(*listening)}, .from = {}, .purpose = purpose},
                      dialed, loop));
        loop.run();
        ASSERT_TRUE(dialed && *dialed);
        stream = std::move(**dialed);
        server = base::OwnedFd(::accept(listening->get(), nullptr, nullptr));
        ASSERT_TRUE(server);
    }

    std::unique_ptr<Stream> stream;
    base::OwnedFd server;
};

TEST_F(DialedTest, a_data_connection_that_was_not_finished_is_reset) {
    dial(Dial::Purpose::data);
    EXPECT_EQ(stream->write(std::string_view("part")).bytes, 4);
    stream.reset();
    EXPECT_EQ(read_to_end(server).second, -ECONNRESET);
}

/// Seconds until a peer that answers nothing is given up; 0: never.
int seconds_to_notice(const Stream& stream) {
    const int native = stream.splice_source();
    const auto option = [&](int level, int name) {
        int value = 0;
        socklen_t size = sizeof value;
        EXPECT_EQ(::getsockopt(native, level, name, &value, &size), 0);
        return value;
    };
    if (option(SOL_SOCKET, SO_KEEPALIVE) == 0) return 0;
    return option(IPPROTO_TCP, TCP_KEEPIDLE) +
           option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT);
}

TEST_F(DialedTest, a_data_connections_peer_that_is_gone_is_noticed_in_two_minutes) {
    dial(Dial::Purpose::data);
    EXPECT_GT(seconds_to_notice(*stream), 60);
    EXPECT_LE(seconds_to_notice(*stream), 120);
}

TEST_F(DialedTest, says_that_it_is_broken_even_if_it_was_read_to_its_end) {
    dial(Dial::Purpose::data);
    ASSERT_EQ(::shutdown(server.get(), SHUT_WR), 0);
    std::array<char, 16> buffer{};
    Io io;
    do io = stream->read(buffer);
    while (io.state == Io::State::would_block);
    EXPECT_EQ(io.state, Io::State::ended);
    EXPECT_FALSE(stream->has_failed());
    reset_on_close(server.get());
    server = base::OwnedFd();
    EXPECT_EQ(stream->read(buffer).state, Io::State::ended);
    EXPECT_TRUE(stream->has_failed());
}

TEST_F(DialedTest, knows_a_peer_that_has_taken_every_byte_and_closed) {
    dial(Dial::Purpose::data);
    ASSERT_EQ(stream->write(std::string_view("data")).bytes, 4U);
    EXPECT_FALSE(stream->has_taken_all()) << "it has not closed";
    EXPECT_EQ(read_outcome(server), 4);
    server = base::OwnedFd();
    std::array<char, 16> buffer{};
    while (stream->read(buffer).state == Io::State::would_block) {
    }
    EXPECT_TRUE(stream->has_taken_all());
}

TEST_F(DialedTest, a_peer_that_closes_without_reading_has_not_taken_every_byte) {
    dial(Dial::Purpose::data);
    ASSERT_EQ(stream->write(std::string_view("data")).bytes, 4U);
    server = base::OwnedFd();  // its kernel resets the connection
    std::array<char, 16> buffer{};
    while (stream->read(buffer).state == Io::State::would_block) {
    }
    EXPECT_FALSE(stream->has_taken_all());
}

TEST_F(DialedTest, a_control_connection_ends_properly) {
    dial(Dial::Purpose::control);
    stream.reset();
    EXPECT_EQ(read_outcome(server), 0);
}

TEST_F(DialedTest, a_finished_data_connection_loses_no_byte_in_the_kernel) {
    dial(Dial::Purpose::data);
    const std::string piece(64 << 10, 'x');
    std::size_t sent = 0;
    for (;;) {
        const Io io = stream->write(piece);
        if (io.state != Io::State::moved) break;
        sent += io.bytes;
    }
    ASSERT_EQ(stream->finish(), Io::State::moved);
    stream.reset();
    EXPECT_EQ(read_to_end(server), std::pair(sent, ssize_t{0}));
}

/// How many packets with data it has sent.
std::uint32_t packets_of(const Stream& stream) {
    tcp_info info{};
    socklen_t size = sizeof info;
    EXPECT_EQ(::getsockopt(stream.splice_sink(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_data_segs_out;
}

TEST_F(DialedTest, a_corked_connection_sends_its_bytes_with_its_end) {
    // On a machine that stands still for 200 ms the system sends them earlier.
    constexpr int tries_max = 5;
    std::uint32_t packets = 0;
    for (int i = 0; i < tries_max && packets != 1; ++i) {
        dial(Dial::Purpose::control);
        stream->cork();
        EXPECT_EQ(stream->write(std::string_view("221-Many bytes.\r\n")).bytes, 17U);
        EXPECT_EQ(stream->write(std::string_view("221 Goodbye.\r\n")).bytes, 14U);
        ASSERT_EQ(stream->finish(), Io::State::moved);
        EXPECT_EQ(read_to_end(server), std::pair(std::size_t{31}, ssize_t{0}));
        packets = packets_of(*stream);
    }
    EXPECT_EQ(packets, 1U);
}

TEST_F(DialedTest, an_uncorked_connection_sends_its_bytes_at_once) {
    dial(Dial::Purpose::data);
    stream->cork();
    EXPECT_TRUE(stream->is_corked());
    EXPECT_EQ(stream->write(std::string_view("a")).bytes, 1U);
    stream->uncork();
    EXPECT_FALSE(stream->is_corked());
    EXPECT_EQ(packets_of(*stream), 1U);
    EXPECT_EQ(stream->write(std::string_view("b")).bytes, 1U);
    std::string got;
    std::array<char, 8> buffer{};
    while (got.size() < 2)
        if (const auto bytes = ::recv(server.get(), buffer.data(), buffer.size(), 0); bytes > 0)
            got.append(buffer.data(), static_cast<std::size_t>(bytes));
    EXPECT_EQ(got, "ab");
}

int option_of(const base::OwnedFd& socket, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(socket.get(), level, name, &value, &size), 0);
    return value;
}

/// With or without inheritance, all of it.
void expect_prepared(const base::OwnedFd& accepted) {
    EXPECT_NE(option_of(accepted, IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_NE(option_of(accepted, SOL_SOCKET, SO_OOBINLINE), 0);
    EXPECT_NE(option_of(accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(option_of(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    EXPECT_EQ(option_of(accepted, IPPROTO_TCP, TCP_KEEPINTVL), 30);
    EXPECT_EQ(option_of(accepted, IPPROTO_TCP, TCP_KEEPCNT), 4);
}

TEST(ControlOptions, are_inherited_or_set) {
    auto listening = listen_on({base::Ip::parse("127.0.0.1").value(), 0}, 8);
    ASSERT_TRUE(listening);
    const auto accepted = [&] {
        const auto address = local_address(listening->get()).value();
        const auto client = connect_from(address.ip, address);
        return base::OwnedFd(::accept(listening->get(), nullptr, nullptr));
    };
    // It came before the socket was prepared.
    const auto early = accepted();
    EXPECT_EQ(option_of(early, SOL_SOCKET, SO_KEEPALIVE), 0);
    prepare_accepted_control(early.get());
    expect_prepared(early);
    prepare_control(listening->get());
    expect_prepared(accepted());
}

TEST_F(SocketNetworkTest, a_data_connection_of_a_killed_process_is_reset) {
    const auto listening = listen_on({here, 0}, 8);
    ASSERT_TRUE(listening);
    const auto killed = ::fork();
    ASSERT_GE(killed, 0);
    if (killed == 0) {
        Dialed dialed;
        const auto job = loop::Job::start(
            dial_into(network, {.to = {here, port_of(*listening)}, .from = {}}, dialed, loop));
        loop.run();
        (void)(**dialed)->write(std::string_view("part"));
        (void)::raise(SIGKILL);
    }
    EXPECT_EQ(::waitpid(killed, nullptr, 0), killed);
    const base::OwnedFd server(::accept(listening->get(), nullptr, nullptr));
    EXPECT_EQ(read_to_end(server).second, -ECONNRESET);
}

TEST_F(SocketNetworkTest, resets_an_accepted_data_connection_that_was_not_finished) {
    const auto port = free_port(here);
    std::unique_ptr<Stream> arrived;
    std::thread outside;
    ssize_t fate = 1;
    const auto job = loop::Job::start(lend_and_wait(
        network, request(port, here, client_ip),
        [&](std::uint16_t lent) {
            outside = std::thread([&, lent] {
                const auto client = connect_from(client_ip, {here, lent});
                fate = read_outcome(client);
            });
        },
        arrived, loop));
    loop.run();
    ASSERT_NE(arrived, nullptr);
    EXPECT_GT(seconds_to_notice(*arrived), 0);
    arrived.reset();
    outside.join();
    EXPECT_EQ(fate, -ECONNRESET);
}

TEST_F(SocketNetworkTest, skips_a_port_that_another_program_has) {
    const auto port = free_port(here);
    const auto taken = listen_on({here, port}, 1);
    ASSERT_TRUE(taken);
    struct Lends {
        static loop::Task<> once(SocketNetwork& network, LendRequest request,
                                 std::optional<bool>& lent, loop::WorkerLoop& loop) {
            lent = (co_await network.lend(request)).has_value();
            loop.stop();
        }
    };
    std::optional<bool> lent;
    const auto job =
        loop::Job::start(Lends::once(network, request(port, here, client_ip), lent, loop));
    EXPECT_EQ(lent, false);
    EXPECT_EQ(ports.pending(), 0);
}

class FreeBind : public SocketNetworkTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(FreeBind, lends_ports_of_an_address_of_another_machine) {
    const auto elsewhere = ip(GetParam());
    struct Lends {
        static loop::Task<> once(SocketNetwork& network, LendRequest request,
                                 std::optional<bool>& lent, loop::WorkerLoop& loop) {
            lent = (co_await network.lend(request)).has_value();
            loop.stop();
        }
    };
    for (const bool free_bind : {false, true}) {
        auto wanted = request(free_port(here), elsewhere, client_ip);
        wanted.binding = binding_of(free_bind);
        std::optional<bool> lent;
        const auto job = loop::Job::start(Lends::once(network, wanted, lent, loop));
        EXPECT_EQ(lent, free_bind);
    }
}

TEST_P(FreeBind, listens_on_the_ports_of_an_admission_for_such_an_address) {
    const auto elsewhere = ip(GetParam());
    for (const bool free_bind : {false, true}) {
        const auto port = free_port(here);
        const auto admission =
            network.admit({{{port, port}, elsewhere}, client_ip, binding_of(free_bind)});
        const auto second = listen_on({elsewhere, port}, 1, Binding::free);
        ASSERT_EQ(second.has_value(), !free_bind);
        if (free_bind) EXPECT_EQ(second.error().code, std::errc::address_in_use);
    }
}

TEST_P(FreeBind, listens_on_an_address_of_another_machine) {
    const base::Address elsewhere{ip(GetParam()), 0};
    const auto refused = listen_on(elsewhere, 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, std::errc::address_not_available);
    EXPECT_TRUE(listen_on(elsewhere, 1, Binding::free));
}

// Addresses for documentation (RFC 5737, RFC 3849), which no machine has.
INSTANTIATE_TEST_SUITE_P(Families, FreeBind, ::testing::Values("203.0.113.77", "2001:db8::77"));

TEST(SocketNetworks, pass_a_connection_to_the_worker_that_waits_for_it) {
    const auto here = ip("127.0.0.1");
    const auto port = free_port(here);
    PassivePorts ports(1);
    loop::WorkerLoop first_loop;
    loop::WorkerLoop second_loop;
    SocketNetwork first(first_loop, ports, 0);
    SocketNetwork second(second_loop, ports, 1);
    first.connect_workers({&first, &second});
    second.connect_workers({&first, &second});

    // The first worker opens the port for a client that never comes, so this worker listens.
    std::unique_ptr<Lease> opener;
    struct Lends {
        static loop::Task<> once(SocketNetwork& network, LendRequest request,
                                 std::unique_ptr<Lease>& into) {
            into = *co_await network.lend(request);
        }
    };
    const auto opening =
        loop::Job::start(Lends::once(first, request(port, here, ip("127.0.0.9")), opener));
    ASSERT_NE(opener, nullptr);

    std::unique_ptr<Stream> arrived;
    std::thread outside;
    const auto waiting = loop::Job::start(lend_and_wait(
        second, request(port, here, ip("127.0.0.7")),
        [&](std::uint16_t lent) {
            outside = std::thread([here, lent] {
                const auto client = connect_from(ip("127.0.0.7"), {here, lent});
                (void)read_outcome(client);
            });
        },
        arrived, second_loop));
    std::thread first_worker([&] { first_loop.run(); });
    second_loop.run();
    first_loop.stop();
    first_worker.join();
    ASSERT_NE(arrived, nullptr);
    EXPECT_EQ(arrived->peer().ip, ip("127.0.0.7"));
    arrived->reset();
    outside.join();
}

TEST(Listening, on_any_address_of_both_families_works_side_by_side) {
    const auto v6 = listen_on({base::Ip::any(base::Family::ipv6), 0}, 8);
    ASSERT_TRUE(v6);
    const auto v4 = listen_on({base::Ip::any(base::Family::ipv4), port_of(*v6)}, 8);
    EXPECT_TRUE(v4) << base::to_string(v4.error());
}

TEST(Listening, twice_on_one_port_is_refused) {
    const auto first = listen_on({ip("127.0.0.1"), 0}, 8);
    const auto second = listen_on({ip("127.0.0.1"), port_of(*first)}, 8);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, std::errc::address_in_use);
}

}  // namespace
}  // namespace ballast::net
