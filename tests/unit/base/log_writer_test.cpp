// SPDX-License-Identifier: Apache-2.0
#include "base/log_writer.h"

#include "base/log.h"
#include "base/owned_fd.h"
#include "support/temporary_directory.h"

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <netinet/in.h>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <utility>

namespace ballast::log {
namespace {

class LogWriterTest : public testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& name) const { return directory.file(name); }
    [[nodiscard]] std::string content(const std::string& name) const {
        return directory.read(name);
    }

    const support::TemporaryDirectory directory;
};

TEST_F(LogWriterTest, others_may_log_while_the_last_lines_are_written) {
    ASSERT_TRUE(start({.level = Level::info, .file = path("log"), .repeats_per_second = 0}));
    std::atomic<std::uint64_t> said = 0;
    std::jthread other([&](const std::stop_token& ended) {
        for (; !ended.stop_requested(); ++said) info("other");
    });
    info("mine");
    write_last();
    // It still logs, to the file that is still open.
    for (const auto before = said.load(); said < before + 1000;) std::this_thread::yield();
    EXPECT_NE(content("log").find("mine"), std::string::npos);
    other = {};
    stop();
}

TEST_F(LogWriterTest, goes_on_without_memory_to_report_that_it_cannot_be_opened_again) {
    std::filesystem::create_directory(path("inner"));
    auto file = LogWriter::open({.target = {.place = path("inner/log")},
                                 .queued_bytes_max = 1000,
                                 .count_lost = nullptr,
                                 .tell_lost = [](std::uint64_t) { return std::string("lost"); },
                                 .reopen_failed = [] { throw std::bad_alloc(); }});
    ASSERT_TRUE(file);
    std::filesystem::rename(path("inner"), path("moved"));
    file->reopen();
    file->write("after");
    file.reset();
    EXPECT_THAT(content("moved/log"), testing::AnyOf("lost\nafter\n", "after\nlost\n"));
}

TEST_F(LogWriterTest, reports_later_what_it_has_no_memory_to_report) {
    int asked = 0;
    auto file = LogWriter::open({.target = {.place = path("log")},
                                 .queued_bytes_max = 10,
                                 .count_lost = nullptr,
                                 .tell_lost =
                                     [&](std::uint64_t lines) {
                                         if (asked++ == 0) throw std::bad_alloc();
                                         return fmt::format("lost {}", lines);
                                     },
                                 .reopen_failed = nullptr});
    ASSERT_TRUE(file);
    file->write("longer than the queue");
    file->write("short");
    while (content("log").find("lost 1") == std::string::npos) std::this_thread::yield();
    file.reset();
    EXPECT_EQ(asked, 2);
}

// Servers

/// Lets a test wait for what a writer's thread has said.
class Notes {
public:
    void add(std::string note) {
        const std::lock_guard lock(mutex_);
        notes_.push_back(std::move(note));
        changed_.notify_all();
    }
    [[nodiscard]] std::string next() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !notes_.empty(); });
        auto first = std::move(notes_.front());
        notes_.pop_front();
        return first;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> notes_;
};

base::OwnedFd receiver(int family, int type, const sockaddr* at, socklen_t length) {
    base::OwnedFd made(::socket(family, type | SOCK_CLOEXEC, 0));
    const int on = 1;
    (void)::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    EXPECT_EQ(::bind(made.get(), at, length), 0) << errno;
    if (type == SOCK_STREAM) EXPECT_EQ(::listen(made.get(), 5), 0);
    return made;
}

base::OwnedFd receiver_at(const std::string& path) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    const void* const generic = &at;
    return receiver(AF_UNIX, SOCK_DGRAM, static_cast<const sockaddr*>(generic), sizeof at);
}

/// On loopback. Port 0 means any.
base::OwnedFd receiver_on(std::uint16_t port, int type) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    const void* const generic = &at;
    return receiver(AF_INET, type, static_cast<const sockaddr*>(generic), sizeof at);
}

std::uint16_t port_of(const base::OwnedFd& socket) {
    sockaddr_in at{};
    socklen_t length = sizeof at;
    void* const generic = &at;
    EXPECT_EQ(::getsockname(socket.get(), static_cast<sockaddr*>(generic), &length), 0);
    return ntohs(at.sin_port);
}

std::string received(const base::OwnedFd& socket, std::size_t bytes = 10000) {
    // What never comes must fail the test, not hold it up.
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string text(bytes, '\0');
    const auto got = ::recv(socket.get(), text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return text;
}

/// Exactly so many bytes of a stream.
std::string taken(const base::OwnedFd& socket, std::size_t bytes) {
    std::string all;
    for (std::string part = "?"; all.size() < bytes && !part.empty(); all += part)
        part = received(socket, bytes - all.size());
    return all;
}

LogWriter::Options options_for(Target target) {
    return {.target = std::move(target),
            .queued_bytes_max = 1000,
            .count_lost = nullptr,
            .tell_lost = [](std::uint64_t lines) { return fmt::format("lost {}", lines); },
            .reopen_failed = nullptr};
}

TEST(ParseSyslog, knows_sockets_and_hosts) {
    using Kind = Target::Kind;
    EXPECT_EQ(parse_syslog("unix:/dev/log"), (Target{Kind::syslog_unix, "/dev/log"}));
    EXPECT_EQ(parse_syslog("udp://10.0.0.1:514"), (Target{Kind::syslog_udp, "10.0.0.1", 514}));
    EXPECT_EQ(parse_syslog("tcp://logs.example.com:601"),
              (Target{Kind::syslog_tcp, "logs.example.com", 601}));
    EXPECT_EQ(parse_syslog("tcp://[2001:db8::1]:601"),
              (Target{Kind::syslog_tcp, "2001:db8::1", 601}));
    for (const auto* const other :
         {"", "unix:", "unix:log", "udp://", "udp://host", "udp://:514", "udp://host:0",
          "udp://host:65536", "udp://host:514 ", "tcp://2001:db8::1:601", "tcp://[host]:601",
          "tcp://a b:1", "tls://host:6514", "/dev/log", "udp://host/x:514"})
        EXPECT_EQ(parse_syslog(other), std::nullopt) << other;
}

TEST_F(LogWriterTest, sends_a_datagram_for_each_line) {
    const auto local = receiver_at(path("socket"));
    const auto udp = receiver_on(0, SOCK_DGRAM);
    const auto one = LogWriter::open(options_for({Target::Kind::syslog_unix, path("socket")}));
    const auto other =
        LogWriter::open(options_for({Target::Kind::syslog_udp, "127.0.0.1", port_of(udp)}));
    for (const auto& writer : {one.get(), other.get()}) {
        writer->write("first");
        writer->write("second\nline");
    }
    for (const auto* const socket : {&local, &udp}) {
        EXPECT_EQ(received(*socket), "first");
        EXPECT_EQ(received(*socket), "second\nline");
    }
}

TEST_F(LogWriterTest, counts_the_bytes_of_each_line_over_tcp) {
    const auto listening = receiver_on(0, SOCK_STREAM);
    auto writer =
        LogWriter::open(options_for({Target::Kind::syslog_tcp, "127.0.0.1", port_of(listening)}));
    writer->write("first");
    writer->write("second\nline");
    const base::OwnedFd server(::accept(listening.get(), nullptr, nullptr));
    writer.reset();
    std::string all;
    for (std::string part; !(part = received(server)).empty();) all += part;
    EXPECT_EQ(all, "5 first11 second\nline");
}

TEST_F(LogWriterTest, lines_wait_for_a_server_that_is_not_there) {
    Notes notes;
    auto options = options_for({Target::Kind::syslog_unix, path("socket")});
    options.unreachable = [&](std::string_view reason) { notes.add(std::string(reason)); };
    options.reachable = [&] { notes.add("reachable"); };
    const auto writer = LogWriter::open(options);
    ASSERT_TRUE(writer);
    writer->write("first");
    writer->write("second");
    EXPECT_EQ(notes.next(), "No such file or directory");
    const auto socket = receiver_at(path("socket"));
    EXPECT_EQ(received(socket), "first");
    EXPECT_EQ(received(socket), "second");
    EXPECT_EQ(notes.next(), "reachable");
}

TEST_F(LogWriterTest, connects_again_to_a_tcp_server_that_was_restarted) {
    auto listening = receiver_on(0, SOCK_STREAM);
    const auto port = port_of(listening);
    Notes notes;
    auto options = options_for({Target::Kind::syslog_tcp, "127.0.0.1", port});
    options.unreachable = [&](std::string_view reason) { notes.add(std::string(reason)); };
    options.reachable = [&] { notes.add("reachable"); };
    const auto writer = LogWriter::open(options);
    writer->write("first");
    base::OwnedFd server(::accept(listening.get(), nullptr, nullptr));
    EXPECT_EQ(taken(server, 7), "5 first");
    listening = {};
    server = {};
    // The server's end is seen before the line is sent into it.
    writer->write("second");
    EXPECT_EQ(notes.next(), "it closed the connection");
    listening = receiver_on(port, SOCK_STREAM);
    server = base::OwnedFd(::accept(listening.get(), nullptr, nullptr));
    EXPECT_EQ(taken(server, 8), "6 second");
    EXPECT_EQ(notes.next(), "reachable");
}

TEST_F(LogWriterTest, a_server_that_does_not_read_costs_no_more_than_the_queue) {
    const auto socket = receiver_at(path("socket"));
    std::atomic<std::uint64_t> lost = 0;
    auto options = options_for({Target::Kind::syslog_unix, path("socket")});
    options.count_lost = [&](std::uint64_t lines) { lost += lines; };
    const auto writer = LogWriter::open(options);
    // A Unix socket holds some hundred datagrams at most.
    constexpr int lines = 20'000;
    for (int i = 0; i < lines; ++i) writer->write(fmt::format("{:099}", i));
    EXPECT_GT(lost, lines / 2);
    // The latest lines are those that are kept.
    std::string last;
    for (std::uint64_t got = 0; got < lines - lost; ++got)
        if (auto line = received(socket); !line.starts_with("lost")) last = std::move(line);
    EXPECT_GT(last, fmt::format("{:099}", lines / 2));
}

TEST_F(LogWriterTest, a_line_that_no_datagram_holds_does_not_hold_up_the_next) {
    const auto socket = receiver_at(path("socket"));
    std::atomic<std::uint64_t> lost = 0;
    auto options = options_for({Target::Kind::syslog_unix, path("socket")});
    options.queued_bytes_max = 10'000'000;
    options.count_lost = [&](std::uint64_t lines) { lost += lines; };
    const auto writer = LogWriter::open(options);
    writer->write(std::string(5'000'000, 'x'));
    writer->write("next");
    EXPECT_EQ(received(socket), "next");
    EXPECT_EQ(lost, 1);
}

TEST_F(LogWriterTest, a_dead_server_does_not_hold_up_the_end) {
    const auto listening = receiver_on(0, SOCK_STREAM);
    const auto port = port_of(listening);
    auto missing = LogWriter::open(options_for({Target::Kind::syslog_unix, path("missing")}));
    auto silent = LogWriter::open(options_for({Target::Kind::syslog_tcp, "127.0.0.1", port}));
    missing->write("lost");
    silent->write("accepted by the system alone");
    const auto began = std::chrono::steady_clock::now();
    missing.reset();
    silent.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
}

TEST_F(LogWriterTest, repeated_lines_are_left_out_at_every_target_and_counted) {
    const auto journal = receiver_at(path("journal"));
    const auto syslog = receiver_at(path("syslog"));
    ASSERT_TRUE(start({.level = Level::info,
                       .file = path("log"),
                       .journal = path("journal"),
                       .syslog = Target{Target::Kind::syslog_unix, path("syslog")},
                       .repeats_per_second = 2}));
    for (int i = 0; i < 10; ++i) info("again");
    write_last();
    for (const auto* const socket : {&journal, &syslog}) {
        std::string all;
        for (int i = 0; i < 3; ++i) all += received(*socket) + '\n';
        EXPECT_THAT(all, testing::HasSubstr("again"));
        EXPECT_THAT(all, testing::HasSubstr("lines were left out like=again lines=8"));
        char byte = 0;
        EXPECT_LT(::recv(socket->get(), &byte, 1, MSG_DONTWAIT), 0);
    }
    // The journal has them instead of the file.
    EXPECT_EQ(content("log"), "");
    stop();
}

TEST_F(LogWriterTest, needs_a_journal_that_is_there) {
    EXPECT_FALSE(LogWriter::open(options_for({Target::Kind::journal, path("none")})));
    const auto socket = receiver_at(path("journal"));
    const auto writer = LogWriter::open(options_for({Target::Kind::journal, path("journal")}));
    ASSERT_TRUE(writer);
    writer->write("MESSAGE=x\n");
    EXPECT_EQ(received(socket), "MESSAGE=x\n");
}

}  // namespace
}  // namespace ballast::log
