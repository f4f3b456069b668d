// SPDX-License-Identifier: Apache-2.0
#include "redis_server.h"

#include "base/address.h"
#include "base/child.h"
#include "net/acceptor.h"
#include "net/socket.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ballast::cluster {

namespace {

using namespace std::chrono_literals;

constexpr auto dying_with_parent = "/usr/bin/setpriv";
constexpr auto program = "/usr/bin/redis-server";
constexpr auto start_time = 10s;
constexpr int answer_milliseconds = 10'000;

const base::Ip localhost = base::Ip::parse("127.0.0.1").value();

/// It ends with the test, even if that is killed, and keeps none of its pipes open.
pid_t start_program(std::vector<std::string> arguments,
                    const support::TemporaryDirectory& directory) {
    const base::OwnedFd output(
        ::open(directory.file("log").c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    arguments.insert(arguments.begin(), {dying_with_parent, "--pdeathsig", "KILL", program});
    const auto started = base::start({.path = dying_with_parent,
                                      .arguments = std::move(arguments),
                                      .environment = {},
                                      .descriptors = {{output.get(), STDIN_FILENO},
                                                      {output.get(), STDOUT_FILENO},
                                                      {output.get(), STDERR_FILENO}}});
    if (!started)
        throw std::runtime_error(std::string(program) + ": " + std::strerror(started.error()));
    return *started;
}

void end_program(pid_t process, int signal) {
    ::kill(process, signal);
    int status = 0;
    ::waitpid(process, &status, 0);
}

/// Empty if nobody listens.
base::OwnedFd connect_to(std::uint16_t port) {
    base::OwnedFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const net::SystemAddress to({localhost, port});
    if (::connect(socket.get(), to.get(), to.length) != 0) return {};
    return socket;
}

base::OwnedFd connect_to(const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(std::data(to.sun_path), sizeof to.sun_path - 1);
    base::OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return {};
    return socket;
}

RedisReply ask_on(const base::OwnedFd& socket, const RedisCommand& command) {
    const auto bytes = encode(command);
    if (::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size()))
        throw std::runtime_error("the store takes no command");
    RedisReplyReader reader;
    std::string buffer(4096, '\0');
    for (;;) {
        pollfd waiting{socket.get(), POLLIN, 0};
        if (::poll(&waiting, 1, answer_milliseconds) != 1)
            throw std::runtime_error("the store does not answer");
        const auto got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got <= 0) throw std::runtime_error("the store has gone");
        reader.feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
        if (auto reply = reader.next().value()) return *std::move(reply);
    }
}

template <typename Place>
void wait_until_up(const Place& place, const support::TemporaryDirectory& directory) {
    const auto deadline = std::chrono::steady_clock::now() + start_time;
    while (std::chrono::steady_clock::now() < deadline) {
        if (const auto socket = connect_to(place)) {
            const auto reply = ask_on(socket, {"PING"});
            if (reply.text == "PONG" || reply.text.starts_with("NOAUTH")) return;
        }
        ::poll(nullptr, 0, 5);
    }
    throw std::runtime_error("redis-server does not start: " + directory.read("log"));
}

}  // namespace

std::uint16_t free_port() {
    const auto taken = net::listen_on({localhost, 0}, 1);
    return net::local_address(taken.value().get())->port;
}

RedisServer::RedisServer(std::vector<std::string> options) : options_(std::move(options)) {
    start();
}

RedisServer::~RedisServer() {
    if (process_ > 0) end(SIGKILL);
}

void RedisServer::start() {
    std::string file = "bind 127.0.0.1\nloglevel warning\n";
    file += "dir " + directory_path_ + "\nlogfile " + directory_.file("log") + "\n";
    file += "port " + std::to_string(port_) + "\nunixsocket " + socket_ + "\n";
    bool saves = false;
    for (const auto& line : options_) {
        file += line + '\n';
        saves = saves || line.starts_with("save ") || line.starts_with("appendonly");
    }
    if (!saves) file += "save \"\"\n";
    process_ = start_program({directory_.write("redis.conf", file)}, directory_);
    wait_until_up(socket_, directory_);
}

void RedisServer::end(int signal) {
    end_program(process_, signal);
    process_ = -1;
}

void RedisServer::kill() { end(SIGKILL); }
void RedisServer::freeze() { ::kill(process_, SIGSTOP); }
void RedisServer::thaw() { ::kill(process_, SIGCONT); }

RedisReply RedisServer::ask(const RedisCommand& command) {
    return ask_on(connect_to(socket_), command);
}

RedisSentinel::RedisSentinel(const std::string& master, std::uint16_t master_port,
                             std::vector<std::string> options) {
    std::string file = "bind 127.0.0.1\nloglevel warning\ndir " + directory_.file("") + "\n";
    file += "logfile " + directory_.file("log") + "\nport " + std::to_string(port_) + "\n";
    file += "sentinel monitor " + master + " 127.0.0.1 " + std::to_string(master_port) + " 1\n";
    for (const auto& line : options) file += line + '\n';
    process_ = start_program({directory_.write("sentinel.conf", file), "--sentinel"}, directory_);
    wait_until_up(port_, directory_);
}

RedisSentinel::~RedisSentinel() { end_program(process_, SIGKILL); }

}  // namespace ballast::cluster
