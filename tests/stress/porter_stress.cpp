// SPDX-License-Identifier: Apache-2.0
// Long transfers of one worker, whose bytes other workers carry for a while. Real sockets, because
// only those can be lent.
#include "loop/job.h"
#include "loop/worker_loop.h"
#include "metrics/counters.h"
#include "net/socket_stream.h"
#include "relay/porter.h"
#include "relay/relay.h"
#include "relay/sockets.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace ballast::relay {
namespace {

using namespace std::chrono_literals;

/// What the senders send, again and again. Its length is prime, so that no piece of a transfer can
/// stand in for another.
const std::string& content() {
    static const std::string bytes = [] {
        std::string made(1'048'573, '\0');
        std::uint32_t state = 1;
        for (char& byte : made)
            byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24U);
        return made;
    }();
    return bytes;
}

/// Workers without anything but loops and porters.
class Crew {
public:
    explicit Crew(std::size_t workers) {
        // Like the daemon: splice(2) has no MSG_NOSIGNAL.
        std::signal(SIGPIPE, SIG_IGN);
        for (std::size_t i = 0; i < workers; ++i) all_.emplace_back();
        std::vector<Porter*> porters;
        for (auto& worker : all_) porters.push_back(&worker.porter);
        for (auto* const porter : porters) porter->meet(porters);
        for (auto& worker : all_)
            worker.thread = std::thread([&worker] {
                worker.loop.run();
                worker.porter.clear();
            });
    }
    ~Crew() {
        for (auto& worker : all_) worker.loop.stop();
        for (auto& worker : all_)
            if (worker.thread.joinable()) worker.thread.join();
    }
    void end(std::size_t worker) {
        all_[worker].loop.stop();
        all_[worker].thread.join();
    }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    /// Runs `work` on that worker's thread, and waits for it.
    template <typename Work>
    void on(std::size_t worker, Work work) {
        std::binary_semaphore done(0);
        all_[worker].loop.post([&] {
            work();
            done.release();
        });
        done.acquire();
    }
    [[nodiscard]] loop::WorkerLoop& loop(std::size_t worker) { return all_[worker].loop; }
    [[nodiscard]] Porter& porter(std::size_t worker) { return all_[worker].porter; }

private:
    struct Worker {
        loop::WorkerLoop loop;
        Porter porter{loop};
        std::thread thread;
    };
    std::deque<Worker> all_;
};

/// A download of the crew's first worker, whose sender sends until it is told to end. The receiver
/// checks each byte.
class Download {
public:
    explicit Download(Crew& crew)
        : crew_(crew), sender_([this] { send(); }), receiver_([this] { receive(); }) {
        crew_.on(0, [&] {
            auto& loop = crew_.loop(0);
            source_.emplace(loop, std::move(left_.near), base::Address(), base::Address());
            sink_.emplace(loop, std::move(right_.near), base::Address(), base::Address());
            continuation_.trail = Trail::of_samples(64 << 20);
            job_ = loop::Job::start(run());
        });
    }
    /// Call `finish` or `end` before.
    ~Download() = default;
    Download(const Download&) = delete;
    Download& operator=(const Download&) = delete;

    /// Ends the sender properly, and waits until the receiver has seen the end.
    void finish() {
        is_wanted_ = false;
        wait();
        end();
    }
    /// Closes everything.
    void end() {
        is_wanted_ = false;
        crew_.on(0, [&] {
            job_.cancel();
            source_.reset();
            sink_.reset();
        });
        sender_.join();
        receiver_.join();
    }
    void wait() { over_.acquire(); }
    /// Cancels the relay, wherever its bytes are. What it leaves is delivered, and the rest.
    void cancel() {
        crew_.on(0, [&] {
            job_.cancel();
            job_ = loop::Job::start(go_on());
        });
    }
    /// The receiver goes away.
    void lose_receiver() { receiver_is_wanted_ = false; }
    /// The sender's connection breaks off.
    void lose_sender() {
        breaks_ = true;
        is_wanted_ = false;
    }

    [[nodiscard]] const Report& report() const { return report_; }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    [[nodiscard]] bool is_right() const { return is_right_; }

private:
    loop::Task<> go_on() {
        loop::Signal signal(crew_.loop(0));
        const net::Attached source_attached(*source_, signal);
        const net::Attached sink_attached(*sink_, signal);
        Pump pump(*source_, *sink_);
        pump.resume(std::move(continuation_.undelivered), report_.bytes_taken,
                    report_.bytes_delivered);
        while (!pump.is_over()) {
            switch (pump.run()) {
                case Pump::State::wants_turn: signal.raise(); break;
                case Pump::State::wants_read: source_->watch_readable(); break;
                case Pump::State::wants_write: sink_->watch_writable(); break;
                default: continue;
            }
            (void)co_await signal.wait(loop::never);
        }
        report_.end = pump.state() == Pump::State::source_ended ? End::source_ended : End::differs;
        report_.bytes_delivered = pump.delivered();
        over_.release();
    }
    loop::Task<> run() {
        co_await relay_one_way(crew_.loop(0), *source_, *sink_, Pace(10s), report_, &continuation_,
                               &crew_.porter(0));
        over_.release();
    }
    void send() {
        while (is_wanted_) {
            const auto at = static_cast<std::size_t>(sent_ % content().size());
            const auto bytes =
                ::send(left_.far.get(), content().data() + at, content().size() - at, MSG_NOSIGNAL);
            if (bytes <= 0) return;
            sent_ += static_cast<std::uint64_t>(bytes);
        }
        if (breaks_) {
            const linger now{.l_onoff = 1, .l_linger = 0};
            ::setsockopt(left_.far.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
            left_.far = {};
        } else {
            ::shutdown(left_.far.get(), SHUT_WR);
        }
    }
    void receive() {
        std::array<char, 65536> buffer{};
        while (receiver_is_wanted_) {
            const auto got = ::recv(right_.far.get(), buffer.data(), buffer.size(), 0);
            if (got <= 0) return;
            std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
            while (!rest.empty()) {
                const auto at = static_cast<std::size_t>(received_ % content().size());
                const auto piece = rest.substr(0, content().size() - at);
                is_right_ = is_right_ && content().compare(at, piece.size(), piece) == 0;
                received_ += piece.size();
                rest.remove_prefix(piece.size());
            }
        }
        right_.far = {};
    }

    Crew& crew_;
    Connection left_;
    Connection right_;
    std::optional<net::SocketStream> source_;
    std::optional<net::SocketStream> sink_;
    Report report_;
    Continuation continuation_;
    loop::Job job_;
    std::atomic<bool> is_wanted_ = true;
    std::atomic<bool> receiver_is_wanted_ = true;
    std::atomic<bool> breaks_ = false;
    std::uint64_t sent_ = 0;
    std::atomic<std::uint64_t> received_ = 0;
    bool is_right_ = true;
    std::binary_semaphore over_{0};
    std::thread sender_;
    std::thread receiver_;
};

void arrives_whole(Download& download) {
    download.finish();
    EXPECT_EQ(download.report().end, End::source_ended);
    EXPECT_EQ(download.report().bytes_delivered, download.sent());
    EXPECT_EQ(download.received(), download.sent());
    EXPECT_TRUE(download.is_right());
}

std::uint64_t lent() { return metrics::total(metrics::Counter::transfers_lent); }

/// Waits until it is so. The limit is for a test that fails.
void wait_until(const auto& is_so) {
    const auto limit = std::chrono::steady_clock::now() + 60s;
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > limit) throw std::runtime_error("it did not come");
        std::this_thread::yield();
    }
}

/// Waits until bytes are carried by another worker than the first.
void wait_for_lending(std::uint64_t before) {
    wait_until([&] { return lent() > before; });
}

class PorterStress : public testing::Test {
protected:
    std::uint64_t before = lent();
};

TEST_F(PorterStress, one_long_transfer_stays_with_its_worker) {
    Crew crew(2);
    Download only(crew);
    wait_until([&] { return crew.porter(0).long_transfers() == 1; });
    // Many intervals later it is still there.
    const auto enough = only.received() + (std::uint64_t{1} << 29U);
    wait_until([&] { return only.received() >= enough; });
    EXPECT_EQ(crew.porter(0).long_transfers(), 1U);
    only.finish();
    EXPECT_EQ(only.report().end, End::source_ended);
    EXPECT_EQ(lent(), before);
    EXPECT_EQ(crew.porter(0).long_transfers(), 0U);
}

TEST_F(PorterStress, two_long_transfers_of_one_worker_are_carried_by_two) {
    Crew crew(2);
    Download first(crew);
    Download second(crew);
    wait_for_lending(before);
    EXPECT_EQ(crew.porter(0).long_transfers(), 1U);
    EXPECT_EQ(crew.porter(1).long_transfers(), 1U);
    for (auto* const each : {&first, &second}) arrives_whole(*each);
}

TEST_F(PorterStress, a_cancelled_relay_has_its_bytes_back_exactly) {
    Crew crew(2);
    Download first(crew);
    Download second(crew);
    wait_for_lending(before);
    // One of the two is with the other worker.
    for (auto* const each : {&first, &second}) each->cancel();
    for (auto* const each : {&first, &second}) arrives_whole(*each);
}

TEST_F(PorterStress, a_worker_that_ends_gives_back_what_it_carries) {
    Crew crew(2);
    Download first(crew);
    Download second(crew);
    wait_for_lending(before);
    crew.end(1);
    wait_until([&] { return crew.porter(0).long_transfers() == 2; });
    for (auto* const each : {&first, &second}) arrives_whole(*each);
}

TEST_F(PorterStress, failures_are_told_wherever_the_bytes_are) {
    Crew crew(2);
    for (const bool is_senders : {true, false}) {
        const auto begun = lent();
        Download first(crew);
        Download second(crew);
        wait_for_lending(begun);
        for (auto* const each : {&first, &second}) {
            if (is_senders)
                each->lose_sender();
            else
                each->lose_receiver();
            each->wait();
            EXPECT_EQ(each->report().end, is_senders ? End::source_failed : End::sink_failed);
            EXPECT_TRUE(each->report().error);
            each->end();
            EXPECT_TRUE(each->is_right());
        }
    }
}

/// Transfers come and go, so that bytes move between three workers again and again.
TEST_F(PorterStress, many_transfers_lose_no_byte) {
    constexpr int rounds = 6;
    Crew crew(3);
    for (int round = 0; round < rounds; ++round) {
        const auto begun = lent();
        std::deque<Download> all;
        for (int i = 0; i < 4; ++i) all.emplace_back(crew);
        wait_for_lending(begun + static_cast<std::uint64_t>(round % 2));
        all[static_cast<std::size_t>(round) % all.size()].cancel();
        for (auto& each : all) arrives_whole(each);
    }
}

}  // namespace
}  // namespace ballast::relay
