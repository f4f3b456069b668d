// SPDX-License-Identifier: Apache-2.0
#include "support/measures.h"

#include "support/ftp_client.h"
#include "support/meter.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <fmt/format.h>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace ballast::bench {

namespace {

/// Sessions that are logged in.
class Sessions {
public:
    explicit Sessions(const Target& target) : target_(target) {}

    void open(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) open_.emplace_back(target_.door).log_in();
    }
    [[nodiscard]] std::size_t count() const { return open_.size(); }
    FtpClient& operator[](std::size_t which) { return open_[which]; }

private:
    const Target& target_;
    std::deque<FtpClient> open_;
};

void add_median(std::string_view what, std::string_view baseline, const Target& target,
                const std::vector<double>& microseconds, Results& results) {
    results.add(fmt::format("{}, p50, us", what), baseline, target.name, median(microseconds));
}

void add_quantiles(std::string_view what, std::string_view baseline, const Target& target,
                   const std::vector<double>& microseconds, Results& results) {
    add_median(what, baseline, target, microseconds, results);
    results.add(fmt::format("{}, p99, us", what), baseline, target.name,
                quantile(microseconds, 0.99));
}

/// The first `busy` sessions send commands.
void measure_round_trips(std::string_view what, std::size_t busy, Sessions& sessions,
                         const Target& target, Results& results) {
    constexpr int warming_commands = 200;
    for (int i = 0; i < warming_commands; ++i)
        sessions[static_cast<std::size_t>(i) % busy].no_operation();
    const Meter meter(target);
    const auto microseconds =
        times_side_by_side(busy, [&](std::size_t which) { sessions[which].no_operation(); });
    add_rate(what, direct, target, microseconds.size(), meter, results);
    add_quantiles(what, direct, target, microseconds, results);
}

/// Downloads without an end.
class Downloads {
public:
    Downloads(const Target& target, std::size_t count) : streams_(count) {
        for (auto& stream : streams_) {
            stream.session.emplace(target.door);
            stream.session->log_in();
            stream.session->send_binary();
            stream.data = stream.session->open_data();
        }
        for (auto& stream : streams_) {
            stream.session->say("RETR /100G");
            stream.session->hear(150, "RETR");
            stream.bytes = std::async(std::launch::async,
                                      [&stream] { return received(stream.data.socket()); });
        }
    }
    /// Breaks them off, and returns how many bytes have come.
    std::size_t end() {
        std::size_t bytes = 0;
        for (const auto& stream : streams_) stream.break_off();
        for (auto& stream : streams_) bytes += stream.bytes.get();
        return bytes;
    }

private:
    /// Any end will do: broken off, the connection is reset. The kernel drops the bytes uncopied.
    static std::size_t received(const Socket& socket) {
        const Elsewhere elsewhere;
        std::vector<char> untouched(1 << 20);
        std::size_t bytes = 0;
        for (ssize_t got = 0;
             (got = ::recv(socket.get(), untouched.data(), untouched.size(), MSG_TRUNC)) > 0;)
            bytes += static_cast<std::size_t>(got);
        return bytes;
    }

    struct Stream {
        Stream() = default;
        Stream(const Stream&) = delete;
        Stream& operator=(const Stream&) = delete;
        // The future waits for the thread that reads.
        ~Stream() { break_off(); }
        void break_off() const { ::shutdown(data.socket().get(), SHUT_RDWR); }

        std::optional<FtpClient> session;
        Connection data;
        std::future<std::size_t> bytes;
    };
    std::deque<Stream> streams_;
};

double microseconds_since(Meter::Clock::time_point begin) {
    return Meter::Seconds(Meter::Clock::now() - begin).count() * 1e6;
}

/// Each of some clients measures something, with pauses in which others have the machine.
std::vector<double> now_and_then(std::chrono::milliseconds pause,
                                 const std::function<double(std::size_t which)>& measured) {
    std::vector<std::vector<double>> values(clients);
    sum_side_by_side(clients, [&](std::size_t which) {
        return repeat([&] {
            std::this_thread::sleep_for(pause);
            values[which].push_back(measured(which));
        });
    });
    return joined(values);
}

/// Downloads 4 KiB. Returns the microseconds from RETR to the first byte.
double first_byte_of(FtpClient& session) {
    constexpr std::size_t file_bytes = 4 << 10;
    auto data = session.open_data();
    const auto asked = Meter::Clock::now();
    session.say("RETR /4K");
    std::array<char, file_bytes> space;  // NOLINT: filled by receive
    std::size_t got = data.receive(space);
    const double time = microseconds_since(asked);
    got += data.count_to_end();
    if (got != file_bytes) throw std::runtime_error("the small file is not whole");
    session.hear(150, "RETR");
    session.hear(226, "RETR");
    return time;
}

}  // namespace

void measure_commands(std::size_t sessions, const Target& target, Results& results) {
    if (target.door.port == 0) return;
    Sessions open(target);
    open.open(sessions);
    const auto what = fmt::format("NOOP, {} session{}", sessions, sessions == 1 ? "" : "s");
    measure_round_trips(what, sessions, open, target, results);
}

void measure_commands_among_idle(std::size_t idle, const Target& target, Results& results) {
    if (target.door.port == 0 || idle >= target.sessions_max) return;
    Sessions open(target);
    open.open(idle + 1);
    measure_round_trips(fmt::format("NOOP among {} idle sessions", idle), 1, open, target, results);
}

void measure_logins(std::string_view baseline, const Target& target, Results& results) {
    if (target.door.port == 0) return;
    constexpr std::string_view what = "Log-in and quit";
    const Meter meter(target);
    const auto microseconds = times_side_by_side(clients, [&](std::size_t) {
        FtpClient client(target.door);
        client.log_in();
        client.quit();
    });
    add_rate(what, baseline, target, microseconds.size(), meter, results);
    add_median(what, baseline, target, microseconds, results);
}

void measure_short_sessions(std::size_t kibibytes, const Target& target, Results& results) {
    std::atomic<std::size_t> number = 0;
    const Meter meter(target);
    const auto microseconds = times_side_by_side(clients, [&](std::size_t) {
        FtpClient client(target.door);
        client.log_in();
        client.send_binary();
        client.retrieve(fmt::format("/{}K.{}", kibibytes, number++), kibibytes << 10,
                        client.open_data());
        client.quit();
    });
    const auto what = fmt::format("Sessions with one file of {} KiB", kibibytes);
    add_rate(what, direct, target, microseconds.size(), meter, results);
    add_median(what, direct, target, microseconds, results);
}

void measure_files(std::size_t kibibytes, const Target& target, Results& results) {
    Sessions open(target);
    open.open(clients);
    for (std::size_t i = 0; i < clients; ++i) open[i].send_binary();
    // Each file has another name, as in a directory that is mirrored.
    std::atomic<std::size_t> number = 0;
    const Meter meter(target);
    const auto microseconds = times_side_by_side(clients, [&](std::size_t which) {
        auto& client = open[which];
        client.retrieve(fmt::format("/{}K.{}", kibibytes, number++), kibibytes << 10,
                        client.open_data());
    });
    const auto what = fmt::format("Files of {} KiB", kibibytes);
    add_rate(what, direct, target, microseconds.size(), meter, results);
    add_median(what, direct, target, microseconds, results);
}

void measure_fairness(const Target& target, Results& results) {
    constexpr std::size_t downloads = 64;
    if (target.sessions_max < downloads + 2 * clients) return;
    Sessions commanders(target);
    commanders.open(clients);
    Sessions newest(target);
    newest.open(clients);
    for (std::size_t i = 0; i < clients; ++i) newest[i].send_binary();
    Downloads large(target, downloads);
    const auto begin = Meter::Clock::now();
    const auto commands = now_and_then(std::chrono::milliseconds(2), [&](std::size_t which) {
        const auto asked = Meter::Clock::now();
        commanders[which].no_operation();
        return microseconds_since(asked);
    });
    const auto first_bytes = now_and_then(std::chrono::milliseconds(10), [&](std::size_t which) {
        return first_byte_of(newest[which]);
    });
    const double seconds = Meter::Seconds(Meter::Clock::now() - begin).count();
    const auto what = fmt::format("Beside {} downloads", downloads);
    results.add(fmt::format("{}: all bytes, GB/s", what), direct, target.name,
                static_cast<double>(large.end()) / 1e9 / seconds, Better::more);
    add_quantiles(fmt::format("{}: NOOP", what), direct, target, commands, results);
    add_quantiles(fmt::format("{}: first byte of a file", what), direct, target, first_bytes,
                  results);
}

void measure_idle_sessions(const Target& target, const std::vector<std::size_t>& sessions,
                           Results& results) {
    if (target.door.port == 0 || !target.process) return;
    // Do not count memory that all sessions share.
    constexpr std::size_t before_counting = 4;
    Sessions open(target);
    open.open(before_counting);
    const auto before = static_cast<double>(target.process->resident_bytes());
    for (const std::size_t wanted : sessions) {
        const std::size_t counted = std::min(wanted, target.sessions_max - before_counting);
        open.open(counted + before_counting - open.count());
        const auto more = static_cast<double>(target.process->resident_bytes()) - before;
        results.add(fmt::format("Each of {} idle sessions, KiB", wanted), "", target.name,
                    more / static_cast<double>(counted) / 1024);
        const Meter meter(target);
        // What is measured is that nothing happens.
        std::this_thread::sleep_for(std::chrono::seconds(1));
        results.add(fmt::format("All of {} idle sessions, own CPU, ms per second", wanted), "",
                    target.name, meter.cpu_seconds() / meter.seconds() * 1e3);
    }
}

}  // namespace ballast::bench
