// SPDX-License-Identifier: Apache-2.0
#include "support/measures.h"

#include "support/ftp_client.h"

#include <chrono>
#include <deque>
#include <fmt/format.h>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <vector>

namespace ballast::bench {

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t clients = 4;
constexpr std::chrono::milliseconds slice{700};
constexpr int commands_per_round = 4000;

/// From its making on.
class Meter {
public:
    explicit Meter(const Target& target) : target_(target) {}

    [[nodiscard]] double seconds() const { return Seconds(Clock::now() - begin_).count(); }
    [[nodiscard]] double cpu_seconds() const { return (used() - used_before_).count(); }
    [[nodiscard]] bool has_cpu() const { return target_.process.has_value(); }

private:
    [[nodiscard]] Seconds used() const {
        return target_.process ? target_.process->cpu_time() : Seconds(0);
    }

    const Target& target_;
    Seconds used_before_ = used();
    Clock::time_point begin_ = Clock::now();
};

/// Runs it for each client at once, and throws what one of them throws.
std::size_t sum_side_by_side(const std::function<std::size_t(std::size_t client)>& work) {
    std::vector<std::future<std::size_t>> running;
    running.reserve(clients);
    for (std::size_t client = 0; client < clients; ++client)
        running.push_back(std::async(std::launch::async, work, client));
    std::size_t sum = 0;
    for (auto& one : running) sum += one.get();
    return sum;
}

/// How often `work` is done in one slice of time.
std::size_t repeat(const std::function<void()>& work) {
    const auto end = Clock::now() + slice;
    std::size_t times = 0;
    for (; Clock::now() < end; ++times) work();
    return times;
}

/// One client's download, everything before its first byte already done.
class Download {
public:
    Download(const Target& target, std::size_t bytes) : bytes_(bytes) {
        if (target.bytes_port != 0) {
            data_ = Socket::connected(target.bytes_port);
            return;
        }
        session_.emplace(target.ftp_port).log_in();
        data_ = session_->open_data();
    }

    std::size_t run() {
        if (session_) {
            session_->retrieve(fmt::format("/{}", bytes_), bytes_, data_);
            return bytes_;
        }
        data_.send_all(fmt::format("/{}\n", bytes_));
        if (count_to_end(data_) != bytes_) throw std::runtime_error("bytes are missing");
        return bytes_;
    }

private:
    std::size_t bytes_;
    std::optional<FtpClient> session_;
    Socket data_;
};

/// Things done in a slice of time, and what each of them cost the balancer.
void add_rate(std::string_view what, const Target& target, std::size_t times, const Meter& meter,
              Results& results) {
    const double seconds = meter.seconds();
    results.add(fmt::format("{}, {} clients, per second", what, clients), "direct", target.name,
                static_cast<double>(times) / seconds);
    if (meter.has_cpu())
        results.add(fmt::format("{}, own CPU, us each", what), "", target.name,
                    meter.cpu_seconds() / static_cast<double>(times) * 1e6);
}

}  // namespace

void measure_downloads(const Target& target, std::size_t bytes, Results& results) {
    std::deque<Download> downloads;
    for (std::size_t i = 0; i < clients; ++i) downloads.emplace_back(target, bytes / clients);
    const Meter meter(target);
    const std::size_t moved = sum_side_by_side([&](std::size_t i) { return downloads[i].run(); });
    const double gigabytes = static_cast<double>(moved) / 1e9;
    const double seconds = meter.seconds();
    if (meter.has_cpu())
        results.add(fmt::format("{} downloads, own CPU, s/GB", clients), "bare relay", target.name,
                    meter.cpu_seconds() / gigabytes);
    results.add(fmt::format("{} downloads, GB/s", clients), "bare relay", target.name,
                gigabytes / seconds);
}

void measure_commands(const Target& target, Results& results) {
    if (target.ftp_port == 0) return;
    FtpClient client(target.ftp_port);
    client.log_in();
    for (int i = 0; i < commands_per_round / 10; ++i) client.no_operation();
    std::vector<double> microseconds;
    const Meter meter(target);
    for (int i = 0; i < commands_per_round; ++i) {
        const auto begin = Clock::now();
        client.no_operation();
        microseconds.push_back(Seconds(Clock::now() - begin).count() * 1e6);
    }
    const double cpu = meter.cpu_seconds();
    results.add("NOOP round trip, p50, us", "direct", target.name, median(microseconds));
    results.add("NOOP round trip, p99, us", "direct", target.name, quantile(microseconds, 0.99));
    if (meter.has_cpu())
        results.add("NOOP, own CPU, us each", "", target.name, cpu / commands_per_round * 1e6);
    client.quit();
}

void measure_logins(const Target& target, Results& results) {
    if (target.ftp_port == 0) return;
    const Meter meter(target);
    const std::size_t times = sum_side_by_side([&](std::size_t) {
        return repeat([&] {
            FtpClient client(target.ftp_port);
            client.log_in();
            client.quit();
        });
    });
    add_rate("Log-in and quit", target, times, meter, results);
}

void measure_files(const Target& target, Results& results) {
    if (!target.carries_data) return;
    const Meter meter(target);
    const std::size_t times = sum_side_by_side([&](std::size_t) {
        FtpClient client(target.ftp_port);
        client.log_in();
        const std::size_t files = repeat([&] { client.retrieve("/4K", 4096, client.open_data()); });
        client.quit();
        return files;
    });
    add_rate("Files of 4 KiB", target, times, meter, results);
}

void measure_idle_sessions(const Target& target, std::size_t sessions, Results& results) {
    if (target.ftp_port == 0 || !target.process) return;
    // What is made once for all sessions is not counted to them.
    std::deque<FtpClient> open;
    const auto open_one = [&] { open.emplace_back(target.ftp_port).log_in(); };
    for (int i = 0; i < 4; ++i) open_one();
    const std::size_t before = target.process->resident_bytes();
    for (std::size_t i = 0; i < sessions; ++i) open_one();
    const std::size_t after = target.process->resident_bytes();
    results.add(fmt::format("Memory of an idle session (of {}), KiB", sessions), "", target.name,
                (static_cast<double>(after) - static_cast<double>(before)) /
                    static_cast<double>(sessions) / 1024);
}

}  // namespace ballast::bench
