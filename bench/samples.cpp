// SPDX-License-Identifier: Apache-2.0
// What it costs a download that its bytes could be checked against another backend: processor time
// of the relay's thread, with and without samples, for a large file that the kernel moves and for
// small files. Both take turns, because on a shared machine only figures of the same time can be
// compared.

#include "loop/job.h"
#include "loop/worker_loop.h"
#include "net/socket.h"
#include "net/socket_stream.h"
#include "relay/relay.h"
#include "support/options.h"
#include "support/results.h"
#include "support/socket.h"
#include "support/trouble.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fcntl.h>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace ballast;
using namespace std::chrono_literals;
using bench::check;
using bench::Socket;

/// How far apart samples are; 0: none.
struct Variant {
    std::string_view name;
    std::uint64_t every;
};
constexpr Variant without{"no samples", 0};
constexpr Variant usual{"a sample every 16 MiB", 16 << 20};
/// Shows the cost of a single sample on a noisy machine, too.
constexpr Variant dense{"a sample every 256 KiB", 256 << 10};

constexpr std::size_t chunk_bytes = 1 << 20;

/// Processor time of the calling thread.
double nanoseconds_used() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// A connection: its near side is the relay's, its far side is played by the benchmark.
struct Connection {
    explicit Connection(loop::WorkerLoop& loop) {
        static const Socket listener = Socket::listening();
        far = Socket::connected(listener.port());
        base::OwnedFd owned(::fcntl(listener.accepted().get(), F_DUPFD_CLOEXEC, 0));
        check(::fcntl(owned.get(), F_SETFL, O_NONBLOCK), "O_NONBLOCK");
        near = std::make_unique<net::SocketStream>(loop, std::move(owned), base::Address(),
                                                   base::Address());
        // Otherwise thousands of closed connections would keep their ports for a minute.
        net::reset_on_close(far.get());
    }
    std::unique_ptr<net::Stream> near;
    Socket far;
};

/// Some bytes in memory that the kernel can send like a file.
class File {
public:
    File() : descriptor_(check(::memfd_create("bench", MFD_CLOEXEC), "memfd_create")) {
        const std::string bytes(chunk_bytes, 'x');
        check(::write(descriptor_.get(), bytes.data(), bytes.size()), "write");
    }
    void send(const Socket& to, std::size_t bytes) const {
        while (bytes > 0) {
            off_t offset = 0;
            const auto sent = check(
                ::sendfile(to.get(), descriptor_.get(), &offset, std::min(bytes, chunk_bytes)),
                "sendfile");
            bytes -= static_cast<std::size_t>(sent);
        }
    }

private:
    Socket descriptor_;  // not a socket, but closed like one
};

void drain(const Socket& from) {
    std::vector<char> buffer(chunk_bytes);
    while (check(::recv(from.get(), buffer.data(), buffer.size(), 0), "recv") > 0) {
    }
}

/// One transfer after the other. Returns through `used` the processor time of all.
loop::Task<> relay_all(loop::WorkerLoop& loop, std::vector<Connection>& sources,
                       std::vector<Connection>& sinks, std::uint64_t every, double& used) {
    const auto before = nanoseconds_used();
    for (std::size_t i = 0; i < sources.size(); ++i) {
        relay::Report report;
        relay::Continuation continuation;
        continuation.trail = relay::Trail::of_samples(every);
        co_await relay::relay_one_way(loop, *sources[i].near, *sinks[i].near, relay::Pace(60s),
                                      report, every > 0 ? &continuation : nullptr);
        if (report.end != relay::End::source_ended) throw std::runtime_error("a relay failed");
    }
    used = nanoseconds_used() - before;
    for (const auto& sink : sinks) (void)sink.near->finish();
    loop.stop();
}

double run(loop::WorkerLoop& loop, std::vector<Connection>& sources, std::vector<Connection>& sinks,
           std::uint64_t every) {
    double used = 0;
    const auto job = loop::Job::start(relay_all(loop, sources, sinks, every, used));
    loop.run();
    return used;
}

/// Milliseconds for one GB.
double cost_of_large_file(const File& file, std::size_t bytes, std::uint64_t every) {
    loop::WorkerLoop loop;
    std::vector<Connection> sources;
    std::vector<Connection> sinks;
    sources.emplace_back(loop);
    sinks.emplace_back(loop);
    std::thread sender([&] {
        file.send(sources[0].far, bytes);
        ::shutdown(sources[0].far.get(), SHUT_WR);
    });
    std::thread receiver([&] { drain(sinks[0].far); });
    const auto used = run(loop, sources, sinks, every);
    sender.join();
    receiver.join();
    return used / 1e6 / (static_cast<double>(bytes) / 1e9);
}

/// Microseconds for one file. All of it is in the socket when the relay begins.
double cost_of_small_file(const File& file, std::size_t bytes, std::uint64_t every) {
    constexpr std::size_t files = 400;
    loop::WorkerLoop loop;
    std::vector<Connection> sources;
    std::vector<Connection> sinks;
    for (std::size_t i = 0; i < files; ++i) {
        sources.emplace_back(loop);
        sinks.emplace_back(loop);
        file.send(sources.back().far, bytes);
        ::shutdown(sources.back().far.get(), SHUT_WR);
    }
    const auto used = run(loop, sources, sinks, every);
    for (const auto& sink : sinks) drain(sink.far);
    return used / 1e3 / static_cast<double>(files);
}

/// One round. The order changes from round to round.
void measure(const std::string& what, std::vector<Variant> variants, int round,
             const std::function<double(std::uint64_t)>& cost, bench::Results& results) {
    std::rotate(variants.begin(), variants.begin() + round % std::ssize(variants), variants.end());
    std::map<std::uint64_t, double> costs;
    for (const auto& variant : variants) costs[variant.every] = cost(variant.every);
    for (const auto& variant : {without, usual, dense}) {
        if (!costs.contains(variant.every)) continue;
        results.add(what, without.name, variant.name, costs[variant.every]);
        if (variant.every == 0) continue;
        const auto more = (costs[variant.every] / costs[0] - 1) * 100;
        results.add("  more than without, percent", without.name, variant.name, more);
    }
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const auto options =
            bench::options_of(count, arguments, "Measures what samples cost a download.",
                              {.rounds = 20, .gigabytes = 0.5});
        if (!options.has("files")) return EXIT_SUCCESS;
        std::signal(SIGPIPE, SIG_IGN);
        bench::raise_descriptor_limit();
        const File file;
        const auto large = static_cast<std::size_t>(options.gigabytes * 1e9);
        std::vector<bench::Results> results(3);
        for (int round = 0; round < options.rounds; ++round) {
            measure(
                "a large file, ms for a GB", {without, usual, dense}, round,
                [&](std::uint64_t every) { return cost_of_large_file(file, large, every); },
                results[0]);
            for (const std::size_t kilobytes : {1U, 10U})
                measure(
                    fmt::format("a file of {} KiB, us", kilobytes), {without, usual}, round,
                    [&](std::uint64_t every) {
                        return cost_of_small_file(file, kilobytes << 10, every);
                    },
                    results[kilobytes == 1 ? 1 : 2]);
        }
        for (const auto& result : results) result.print();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_samples: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
