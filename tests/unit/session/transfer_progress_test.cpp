// SPDX-License-Identifier: Apache-2.0
#include "loop/job.h"
#include "session/transfer.h"
#include "support/borrowed.h"
#include "support/data_peer.h"
#include "support/fake_backend.h"

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::DataPeer;
using support::MemoryStream;

template <typename T>
loop::Task<> put(loop::Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
}

/// One transfer without a session around it.
class TransferProgressTest : public testing::Test {
protected:
    TransferProgressTest() {
        backend.files["a"] = std::string(300'000, 'x');
        backend.script.begin_reply =
            "150 Opening BINARY mode data connection for a (300000 bytes).";
        network.listen(data_address, [this](std::unique_ptr<net::Stream> stream) {
            data.take(std::move(stream));
        });
        auto [near, far] = MemoryStream::connect(loop, client_address, client_address);
        control = std::move(far);
        client.emplace(std::move(near), settings, signal);
        const backend::Contact contact{backend.address(),
                                       support::borrowed(pool),
                                       std::make_shared<const config::Backend>(),
                                       nullptr,
                                       std::make_shared<backend::Known>(),
                                       {}};
        leg = result_of(backend::Leg::connect(network, contact, false, signal)).value();
        EXPECT_TRUE(result_of(leg->command("USER anna")));
        EXPECT_EQ(result_of(leg->command("PASS secret"))->code, 230);
        client_data.active = data_address;
        transfer.emplace(
            Transfer::Parts{
                network, signal, *client, *leg, client_data, settings, nullptr, nullptr, {}},
            "RETR a", ftp::Direction::download, std::nullopt);
    }
    template <typename T>
    T result_of(loop::Task<T> task) {
        std::optional<T> result;
        const auto job = loop::Job::start(put(std::move(task), result));
        EXPECT_TRUE(loop.run_until([&] { return result.has_value(); }));
        return std::move(*result);
    }
    [[nodiscard]] std::string phase() const {
        return std::string(to_string(transfer->progress().phase));
    }

    const base::Address client_address = base::Address::parse("198.51.100.7:50000").value();
    const base::Address data_address = base::Address::parse("198.51.100.7:50001").value();
    support::TestLoop loop;
    support::MemoryNetwork network{loop};
    config::Pool pool;
    config::Listener settings;
    support::FakeBackend backend{network, {base::Ip::parse("10.0.0.11").value(), 21}};
    loop::Signal signal{loop};
    DataPeer data{loop};
    std::unique_ptr<MemoryStream> control;
    std::optional<ClientLeg> client;
    std::unique_ptr<backend::Leg> leg;
    ClientData client_data;
    std::optional<Transfer> transfer;
    std::optional<TransferOutcome> outcome;
    loop::Job running;
};

TEST_F(TransferProgressTest, can_be_read_while_the_transfer_runs) {
    const auto before = transfer->progress();
    EXPECT_EQ(before.phase, TransferPhase::opening);
    EXPECT_EQ(before.direction, ftp::Direction::download);
    EXPECT_EQ(before.bytes, 0U);
    EXPECT_EQ(before.size, std::nullopt);
    EXPECT_EQ(before.moving_since, std::nullopt);

    data.stop_reading();
    const auto began_at = loop.now();
    running = loop::Job::start(put(transfer->run(), outcome));
    loop.run_for(10s);
    const auto amid = transfer->progress();
    EXPECT_EQ(phase(), "moving");
    EXPECT_GT(amid.bytes, 0U);
    EXPECT_LT(amid.bytes, 300'000U);
    EXPECT_EQ(amid.size, 300'000U);
    ASSERT_TRUE(amid.moving_since);
    EXPECT_LT(*amid.moving_since - began_at, 1s);

    data.resume_reading();
    EXPECT_TRUE(loop.run_until([&] { return outcome.has_value(); }));
    EXPECT_EQ(outcome->result, TransferResult::whole);
    EXPECT_EQ(outcome->cause, TransferReason::none);
    EXPECT_EQ(outcome->reach, TransferReach::begun);
    EXPECT_EQ(outcome->after, AfterTransfer::session_goes_on);
    EXPECT_EQ(transfer->progress().bytes, 300'000U);
}

TEST_F(TransferProgressTest, says_which_side_it_waits_for) {
    backend.script.begin_reply = "";
    backend.script.final_reply = "";
    backend.script.fault = support::BackendScript::Fault::stall;
    running = loop::Job::start(put(transfer->run(), outcome));
    loop.settle();
    EXPECT_EQ(phase(), "waiting for the backend");
}

TEST_F(TransferProgressTest, says_if_the_session_has_lost_its_backend) {
    data.stop_reading();
    running = loop::Job::start(put(transfer->run(), outcome));
    loop.settle();
    backend.kill();
    EXPECT_TRUE(loop.run_until([&] { return outcome.has_value(); }));
    EXPECT_EQ(outcome->result, TransferResult::failed);
    EXPECT_EQ(outcome->cause, TransferReason::reply_lost);
    EXPECT_EQ(outcome->after, AfterTransfer::backend_lost);
    loop.settle();
    data.resume_reading();
    loop.settle();
    EXPECT_EQ(data.end(), DataPeer::End::reset);
}

}  // namespace
}  // namespace ballast::session
