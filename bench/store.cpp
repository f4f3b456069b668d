// SPDX-License-Identifier: Apache-2.0
// What a fleet asks of its store: nodes with their pools, sessions that come and go, and a real
// redis-server. Each rate of log-ins has a slice of time.

#include "cluster/fleet.h"
#include "cluster/redis_store.h"
#include "guard/ledger.h"
#include "loop/job.h"
#include "loop/worker_loop.h"
#include "net/passive_ports.h"
#include "net/socket_network.h"
#include "support/child.h"
#include "support/options.h"
#include "support/results.h"
#include "support/run.h"
#include "support/socket.h"
#include "support/trouble.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <exception>
#include <fmt/format.h>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace ballast;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t backends_count = 20;
constexpr auto heartbeat = 1s;
constexpr auto tick = 10ms;
constexpr auto between_decisions = 1s;
constexpr auto patience = 60s;
/// How many nodes, and log-ins per second of each: with 10,000 sessions, 167 are sessions of a
/// minute.
struct Case {
    std::size_t nodes;
    std::vector<double> rates;
};
const std::vector<Case> cases = {{3, {0, 20}}, {10, {0, 5, 20, 50, 167}}, {30, {0, 20}}};

double thread_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// When the latest decision was made, and how long others took to hear of it.
struct Decisions {
    Clock::time_point made;
    std::vector<double> milliseconds;
};

class Node {
public:
    Node(loop::Loop& loop, net::Network& network, std::size_t number,
         const config::Cluster& cluster, const net::Secret& secret, std::size_t sessions,
         Decisions& decisions)
        : random_(number),
          store_(store_of(network, cluster)),
          pool_(std::make_shared<pool::Pool>(settings(), Clock::now, number)),
          fleet_(loop, *store_, secret,
                 {.node = fmt::format("n{}", number), .heartbeat = heartbeat, .seed = number},
                 {.look = [this] { return look(); },
                  .obey =
                      [&decisions](const cluster::Decision&) {
                          const auto late = Clock::now() - decisions.made;
                          decisions.milliseconds.push_back(Seconds(late).count() * 1e3);
                          return true;
                      },
                  .answer = {},
                  .ledger = ledger_}) {
        // The first ones come from few networks: otherwise the start would be all that is measured.
        for (std::size_t i = 0; i < sessions; ++i)
            log_in({10, 0, 0, static_cast<std::uint8_t>(i)}, i % 256);
        fleet_.set_pools({pool_});
        fleet_.start();
    }

    /// So many sessions end, and as many begin.
    void change(std::size_t sessions) {
        for (std::size_t i = 0; i < sessions; ++i) {
            sessions_.pop_front();
            const auto part = [this] { return static_cast<std::uint8_t>(random_()); };
            log_in({10, part(), part(), part()}, random_());
        }
    }
    void decide(std::uint32_t weight) {
        fleet_.decided({.pool = "files",
                        .backend = "b0",
                        .tuning = pool::Tuning{.weight = weight, .max_sessions = {}}});
    }
    [[nodiscard]] std::size_t knows() const { return fleet_.nodes().size(); }

private:
    static std::unique_ptr<cluster::RedisStore> store_of(net::Network& network,
                                                         const config::Cluster& cluster) {
        auto made = cluster::RedisStore::create(network, cluster);
        if (!made) throw std::runtime_error(base::to_string(made.error()));
        return *std::move(made);
    }
    static config::Pool settings() {
        config::Pool made;
        made.name = "files";
        made.stick.by = config::StickBy::network;
        for (std::size_t i = 0; i < backends_count; ++i) {
            auto& backend = made.backends.emplace_back();
            backend.name = fmt::format("b{}", i);
            backend.host = fmt::format("10.0.0.{}", i + 1);
        }
        return made;
    }
    [[nodiscard]] cluster::NodeFacts look() const {
        return {.version = "bench",
                .state = "ready",
                .address = "192.0.2.1",
                .passive_ports = "20000-20099",
                .sessions = static_cast<std::uint32_t>(sessions_.size()),
                .loads = {}};
    }
    void log_in(std::array<std::uint8_t, 4> address, std::size_t user) {
        const auto client = base::Ip::from_v4(address);
        const auto name = fmt::format("user{}", user);
        auto place = ledger_.enter(listener_, client, Clock::now());
        auto login = ledger_.logged_in({.pool = "files", .name = name});
        auto seat = pool_->choose({client, name}, {});
        if (!place || !login || !seat) throw std::runtime_error("a limit is reached");
        seat->logged_in(1ms);
        sessions_.push_back({*std::move(place), *std::move(login), *std::move(seat)});
    }
    static std::shared_ptr<const config::Limits> limits() {
        config::Limits made;
        made.sessions_per_user = 1000;
        made.session_rate_per_address = 0;
        return std::make_shared<const config::Limits>(made);
    }

    struct Session {
        guard::Ledger::Held place;
        guard::Ledger::Held login;
        pool::Seat seat;
    };

    std::minstd_rand random_;
    std::unique_ptr<cluster::RedisStore> store_;
    std::shared_ptr<pool::Pool> pool_;
    const config::Listener listener_;
    guard::Ledger ledger_{limits(), 1'000'000, Clock::now()};
    std::deque<Session> sessions_;
    cluster::Fleet fleet_;
};

/// All nodes, on one loop with a thread of its own.
class Nodes {
public:
    Nodes(std::size_t count, std::uint16_t port, std::size_t sessions)
        : secret_(net::Secret::parse(std::string(64, 'k'), "bench", "bench").value()),
          thread_([this] { loop_.run(); }) {
        config::Cluster cluster;
        cluster.store = {fmt::format("redis://127.0.0.1:{}", port)};
        cluster.name = fmt::format("of-{}", count);
        call([&] {
            for (std::size_t i = 0; i < count; ++i)
                nodes_.push_back(std::make_unique<Node>(loop_, network_, i, cluster, *secret_,
                                                        sessions, decisions_));
            driving_ = loop::Job::start(drive());
        });
        const auto begin = Clock::now();
        while (!know_each_other()) {
            if (Clock::now() - begin > patience)
                throw std::runtime_error("nodes do not see each other");
            std::this_thread::sleep_for(tick);
        }
    }
    ~Nodes() {
        call([&] {
            driving_.cancel();
            nodes_.clear();
        });
        loop_.stop();
    }
    Nodes(const Nodes&) = delete;
    Nodes& operator=(const Nodes&) = delete;

    void set_rate(double rate) {
        call([&] {
            rate_ = rate;
            decisions_.milliseconds.clear();
        });
    }
    [[nodiscard]] double cpu_seconds() {
        double used = 0;
        call([&] { used = thread_seconds(); });
        return used;
    }
    [[nodiscard]] std::vector<double> delays() {
        std::vector<double> all;
        call([&] { all = decisions_.milliseconds; });
        return all;
    }

private:
    [[nodiscard]] bool know_each_other() {
        bool all = true;
        call([&] {
            for (const auto& each : nodes_) all = all && each->knows() == nodes_.size();
        });
        return all;
    }
    /// On the loop's thread.
    void call(const std::function<void()>& work) {
        std::promise<void> done;
        loop_.post([&] {
            work();
            done.set_value();
        });
        done.get_future().wait();
    }
    loop::Task<> drive() {
        loop::Signal signal(loop_);
        auto last = Clock::now();
        double due = 0;
        std::uint32_t weight = 0;
        for (;;) {
            (void)co_await signal.wait(loop_.after(tick));
            const auto now = Clock::now();
            due += rate_ * Seconds(now - last).count();
            last = now;
            const auto whole = static_cast<std::size_t>(due);
            due -= static_cast<double>(whole);
            for (const auto& each : nodes_) each->change(whole);
            if (now - decisions_.made < between_decisions) continue;
            decisions_.made = now;
            nodes_.front()->decide(++weight % 100);
        }
    }

    loop::WorkerLoop loop_;
    net::PassivePorts ports_{1};
    net::SocketNetwork network_{loop_, ports_, 0};
    std::shared_ptr<const net::Secret> secret_;
    double rate_ = 0;
    Decisions decisions_;
    std::vector<std::unique_ptr<Node>> nodes_;
    loop::Job driving_;
    std::jthread thread_;
};

/// A figure of the store's INFO.
class Info {
public:
    explicit Info(std::uint16_t port) {
        const auto socket = bench::Socket::connected(port);
        socket.send_all("INFO\r\n");
        // The length of the text comes first.
        while (text_.find("\r\n") == std::string::npos ||
               text_.size() < text_.find("\r\n") + std::stoul(text_.substr(1)) + 4) {
            std::array<char, 16384> buffer{};
            const auto got =
                bench::check(::recv(socket.get(), buffer.data(), buffer.size(), 0), "recv");
            if (got == 0) throw std::runtime_error("the store has gone");
            text_.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }
    [[nodiscard]] double operator[](std::string_view name) const {
        const auto at = text_.find(fmt::format("\n{}:", name));
        if (at == std::string::npos) throw std::runtime_error("the store's INFO lacks a figure");
        return std::stod(text_.substr(at + name.size() + 2));
    }

private:
    std::string text_;
};

void measure_rate(const Case& it, double rate, Nodes& nodes, const bench::Child& server,
                  std::uint16_t port, std::chrono::duration<double> time) {
    nodes.set_rate(rate);
    std::this_thread::sleep_for(time / 2);  // what came before is told by then
    nodes.set_rate(rate);
    const Info before(port);
    const auto store_cpu = server.cpu_time();
    const auto node_cpu = nodes.cpu_seconds();
    const auto from = Clock::now();
    std::this_thread::sleep_for(time);
    const auto seconds = Seconds(Clock::now() - from).count();
    const Info after(port);
    const auto per_second = [&](std::string_view name) {
        return (after[name] - before[name]) / seconds;
    };
    const auto percent = [&](double used) { return used / seconds * 100; };
    const auto delays = nodes.delays();
    const auto count = static_cast<double>(it.nodes);
    fmt::print("{:5} {:9.0f} {:10.0f} {:8.2f} {:8.2f} {:8.1f}% {:7.2f}% {:4.0f} MiB {:6.1f} ms\n",
               it.nodes, rate * count, per_second("total_commands_processed"),
               per_second("total_net_input_bytes") / 1e6,
               per_second("total_net_output_bytes") / 1e6,
               percent((server.cpu_time() - store_cpu).count()),
               percent(nodes.cpu_seconds() - node_cpu) / count, after["used_memory"] / (1 << 20),
               bench::median(delays));
    std::fflush(stdout);
}

void measure(const bench::Options& options) {
    const auto port = bench::free_port();
    const auto server = bench::Child::executed(
        "redis-server", {"/usr/bin/redis-server", "@"},
        fmt::format("bind 127.0.0.1\nport {}\nsave \"\"\nlogfile /dev/null\n", port));
    server.wait_for_port(port);
    fmt::print("Nodes with {} sessions and {} backends, a heartbeat of 1 s, stickiness\n\n",
               options.sessions, backends_count);
    fmt::print("{:>5} {:>9} {:>10} {:>8} {:>8} {:>9} {:>8} {:>8} {:>9}\n", "nodes", "log-ins/s",
               "commands/s", "MB/s in", "MB/s out", "store CPU", "node CPU", "memory", "decision");
    std::size_t rows = 0;
    for (const auto& each : cases) rows += each.rates.size();
    for (const auto& each : cases) {
        Nodes nodes(each.nodes, port, options.sessions);
        for (const auto rate : each.rates)
            measure_rate(each, rate, nodes, server, port,
                         Seconds(options.seconds) / static_cast<double>(rows));
    }
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const auto options = bench::options_of(
            count, arguments, "Measures what nodes ask of the store that they share.",
            {.sessions = 10'000, .seconds = 50});
        if (!options.has("store")) return EXIT_SUCCESS;
        bench::prepare(options);
        measure(options);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_store: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
