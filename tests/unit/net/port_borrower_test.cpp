// SPDX-License-Identifier: Apache-2.0
#include "net/port_borrower.h"

#include "net/port_lender.h"
#include "net/port_words.h"

#include <gtest/gtest.h>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;

base::Ip ip(const std::string& text) { return base::Ip::parse(text).value(); }

/// Two processes in one: the old one has been replaced by the new one. Messages need no socket.
class PortBorrowerTest : public testing::Test {
public:
    PortBorrowerTest() {
        old_network.connect_workers({&old_network});
        new_network.connect_workers({&new_network, &lender});
    }
    ~PortBorrowerTest() override {
        if (client.joinable()) client.join();
    }
    void hand_over() {
        old_ports.lend_elsewhere(borrower);
        for (auto& port : old_network.release_ports())
            new_network.adopt_port(port.key, std::move(port.listening));
        borrower->hand_over(old_ports.hand_over(loop.now()));
    }
    LendRequest request(const base::Ip& from) const {
        LendRequest made{.range = range, .local = here, .peers = {}};
        made.peers.address = from;
        return made;
    }
    /// Runs the test on the loop.
    void go(loop::Task<> test) {
        const auto job = loop::Job::start(then_stop(std::move(test)));
        loop.run();
    }
    loop::Task<> then_stop(loop::Task<> test) {
        co_await std::move(test);
        loop.stop();
    }
    /// Until everything posted so far has been done.
    loop::Task<> turn() {
        loop::Signal signal(loop);
        loop.post([&] { signal.raise(); });
        (void)co_await signal.wait(loop::never);
    }
    /// The lease, or null.
    loop::Task<std::unique_ptr<Lease>> lend(SocketNetwork& network, base::Ip from) {
        auto lease = co_await network.lend(request(from));
        if (!lease) co_return nullptr;
        co_return std::move(*lease);
    }
    /// A client, which stays until the other side ends.
    void connect(const base::Ip& from, const base::Address& to) {
        client = std::thread([from, to] {
            const base::OwnedFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            const SystemAddress source({from, 0});
            (void)::bind(socket.get(), source.get(), source.length);
            const SystemAddress target(to);
            (void)::connect(socket.get(), target.get(), target.length);
            pollfd event{.fd = socket.get(), .events = POLLIN, .revents = 0};
            (void)::poll(&event, 1, 10'000);
        });
    }
    /// Whether a connection from this address arrives at the lease.
    loop::Task<bool> arrives(Lease& lease, base::Ip from) {
        connect(from, {here, lease.port()});
        loop::Signal signal(loop);
        lease.attach(&signal);
        const auto deadline = loop.after(10s);
        while (!lease.has_arrived() && co_await signal.wait(deadline)) {
        }
        lease.attach(nullptr);
        auto stream = lease.take();
        if (stream) stream->reset();
        client.join();
        co_return stream != nullptr;
    }

    loop::WorkerLoop loop;
    const base::Ip here = ip("127.0.0.1");
    const base::Ip anna = ip("127.0.0.7");
    const base::Ip bert = ip("127.0.0.8");
    PassivePorts old_ports{1};
    PassivePorts new_ports{2};
    SocketNetwork old_network{loop, old_ports, 0};
    SocketNetwork new_network{loop, new_ports, 0};
    PortLender lender{new_network, new_ports, 1,
                      [this](std::string message, base::OwnedFd descriptor) {
                          (void)borrower->take(message, descriptor);
                      }};
    std::shared_ptr<PortBorrower> borrower = std::make_shared<PortBorrower>(
        loop, old_ports, std::vector<DataTaker*>{&old_network},
        [this](const std::string& message) { EXPECT_TRUE(lender.take(message)) << message; });
    base::PortRange range = [] {
        const auto free = listen_on({ip("127.0.0.1"), 0}, 1);
        SystemAddress local;
        (void)::getsockname(free->get(), local.get(), &local.length);
        return base::PortRange{local.address().port, local.address().port};
    }();
    std::thread client;
};

TEST_F(PortBorrowerTest, a_lease_from_before_still_gets_its_connection) {
    struct Test {
        static loop::Task<> run(PortBorrowerTest& it) {
            const auto lease = co_await it.lend(it.old_network, it.anna);
            it.hand_over();
            EXPECT_TRUE(lease && co_await it.arrives(*lease, it.anna));
            EXPECT_EQ(it.new_ports.pending(), 0U);
        }
    };
    go(Test::run(*this));
}

TEST_F(PortBorrowerTest, both_processes_share_one_table) {
    struct Test {
        static loop::Task<> run(PortBorrowerTest& it) {
            it.hand_over();
            const auto theirs = co_await it.lend(it.old_network, it.anna);
            EXPECT_TRUE(theirs && theirs->port() == it.range.first);
            EXPECT_EQ(it.new_ports.pending(), 1U);
            EXPECT_FALSE(co_await it.lend(it.new_network, it.anna)) << "the port waits for her";
            const auto ours = co_await it.lend(it.new_network, it.bert);
            EXPECT_TRUE(ours && co_await it.arrives(*ours, it.bert));
            EXPECT_TRUE(theirs && co_await it.arrives(*theirs, it.anna));
            EXPECT_EQ(it.new_ports.pending(), 0U);
        }
    };
    go(Test::run(*this));
}

TEST_F(PortBorrowerTest, a_port_that_is_given_back_is_in_quarantine_for_that_client) {
    struct Test {
        static loop::Task<> run(PortBorrowerTest& it) {
            it.hand_over();
            (co_await it.lend(it.old_network, it.anna)).reset();
            co_await it.turn();
            EXPECT_EQ(it.new_ports.pending(), 0U);
            EXPECT_FALSE(co_await it.lend(it.new_network, it.anna)) << "she may still come";
            EXPECT_TRUE(co_await it.lend(it.new_network, it.bert));
        }
    };
    go(Test::run(*this));
}

TEST_F(PortBorrowerTest, when_the_new_process_has_gone_the_old_one_lends_again) {
    struct Test {
        static loop::Task<> run(PortBorrowerTest& it) {
            it.hand_over();
            EXPECT_TRUE(co_await it.lend(it.old_network, it.anna));
            it.new_network.close_ports();
            it.borrower->lose();
            it.old_ports.take_back();
            const auto lease = co_await it.lend(it.old_network, it.anna);
            EXPECT_TRUE(lease && co_await it.arrives(*lease, it.anna));
        }
    };
    go(Test::run(*this));
}

TEST_F(PortBorrowerTest, a_request_without_an_answer_is_refused_when_the_owner_goes) {
    struct Test {
        static loop::Task<> run(PortBorrowerTest& it) {
            it.old_ports.lend_elsewhere(it.borrower);  // nothing goes out before all is handed over
            it.loop.post([&] { it.borrower->lose(); });
            EXPECT_FALSE(co_await it.lend(it.old_network, it.anna));
        }
    };
    go(Test::run(*this));
}

TEST_F(PortBorrowerTest, an_admission_from_before_still_gets_its_connections) {
    struct Test {
        static loop::Task<> run(PortBorrowerTest& it) {
            const auto admission =
                it.old_network.admit({{it.range, it.here}, it.anna, Binding::strict});
            it.hand_over();
            loop::Signal signal(it.loop);
            admission->attach(&signal);
            // More than one control connection may have at once, if none of them ended.
            for (std::uint32_t i = 0; i < 2 * Admissions::open_max; ++i) {
                it.connect(it.anna, {it.here, it.range.first});
                const auto deadline = it.loop.after(10s);
                std::unique_ptr<Stream> stream;
                while (!(stream = admission->take()) && co_await signal.wait(deadline)) {
                }
                EXPECT_TRUE(stream) << i;
                if (stream) stream->reset();
                it.client.join();
            }
            admission->attach(nullptr);
        }
    };
    go(Test::run(*this));
}

TEST_F(PortBorrowerTest, messages_that_make_no_sense_change_nothing) {
    hand_over();
    for (const std::string message :
         {"lend", "lend x", "lend 1 here", "waiting 1 127.0.0.1", "keep 7 never", "back 99",
          "dismiss 99", "admit 1 127.0.0.1 nonsense 127.0.0.7"})
        EXPECT_TRUE(lender.take(message)) << message;
    EXPECT_FALSE(lender.take("hello"));
    base::OwnedFd none;
    for (const std::string message : {"lent", "lent 1", "none", "none x", "arrived 1 a b"})
        EXPECT_TRUE(borrower->take(message, none)) << message;
    EXPECT_FALSE(borrower->take("hello", none));
    EXPECT_EQ(new_ports.pending(), 0U);
}

TEST(PortWords, say_who_may_connect) {
    DataPeers peers;
    peers.address = ip("2001:db8::1");
    peers.network = base::Subnet::parse("2001:db8::/32");
    peers.exclusive = true;
    const auto said = words_of(peers);
    const auto heard = Words(said).peers();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->address, peers.address);
    EXPECT_EQ(base::to_string(*heard->network), "2001:db8::/32");
    EXPECT_FALSE(heard->anyone);
    EXPECT_TRUE(heard->exclusive);
}

TEST(PortWords, say_until_when) {
    const loop::Time now{1h};
    for (const auto until : {loop::never, now + 1500ms, now}) {
        const auto said = words_of(until, now);
        EXPECT_EQ(Words(said).time(now), until) << said;
    }
    EXPECT_EQ(words_of(now - 1s, now), "0");
}

TEST(PortWords, what_a_liar_says_is_nothing) {
    for (const std::string said : {"", "x", "192.0.2.1", "192.0.2.1 -", "192.0.2.1 - 1",
                                   "192.0.2.1 nonsense 1 1", "192.0.2.1 - -1 0"}) {
        Words words(said);
        EXPECT_FALSE(words.peers()) << said;
    }
    EXPECT_FALSE(Words("-1").time({}));
    EXPECT_FALSE(Words("99999999999").time({}));
}

}  // namespace
}  // namespace ballast::net
