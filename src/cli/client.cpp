// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include "base/owned_fd.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>
#include <utility>

namespace ballast::cli {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

/// A list of all sessions has some megabytes.
constexpr std::size_t body_bytes_max = 1UL << 30;

std::string_view cure_of(int error) {
    switch (error) {
        case ENOENT:
            return "start it, or name the socket of its `admin.socket` with --socket; its log says "
                   "where it listens for operators";
        case ECONNREFUSED: return "it has ended: start it";
        case EACCES:
        case EPERM: return "run this as root, as Ballast's user, or as a member of `admin.group`";
        case EAGAIN: return "it is hung or has too many operators: look at its log";
        default: return "name its socket with --socket";
    }
}

std::unexpected<std::string> out_of_reach(const std::string& path, int error) {
    return std::unexpected(fmt::format("cannot reach Ballast at {}: {} ({})", path,
                                       std::error_code(error, std::system_category()).message(),
                                       cure_of(error)));
}

/// By hand: Asio takes a full backlog for a connection.
std::expected<base::OwnedFd, std::string> connect_to(const std::string& path,
                                                     std::chrono::milliseconds patience) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return out_of_reach(path, ENAMETOOLONG);
    std::memcpy(address.sun_path, path.data(), path.size());
    base::OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(patience);
    const timeval limit{.tv_sec = seconds.count(),
                        .tv_usec = std::chrono::microseconds(patience - seconds).count()};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    // The socket API is specified in terms of this cast.
    const auto* const general = reinterpret_cast<const sockaddr*>(&address);  // NOLINT
    if (::connect(socket.get(), general, sizeof address) != 0) return out_of_reach(path, errno);
    return socket;
}

/// Runs one step of the conversation to its end.
template <typename Start>
beast::error_code finish(asio::io_context& context, Start start) {
    beast::error_code result;
    start([&](const beast::error_code& error, std::size_t) { result = error; });
    context.restart();
    context.run();
    return result;
}

/// One conversation with the daemon.
class Conversation {
public:
    Conversation(base::OwnedFd connected, std::string socket_path)
        : stream_(asio::local::stream_protocol::socket(context_, asio::local::stream_protocol(),
                                                       connected.release())),
          socket_path_(std::move(socket_path)) {}

    beast::error_code send(const Question& question) {
        constexpr unsigned http_1_1 = 11;
        http::request<http::string_body> request(http::string_to_verb(question.method),
                                                 question.target, http_1_1, question.body);
        request.set(http::field::host, "ballast");
        request.keep_alive(false);
        request.prepare_payload();
        stream_.expires_after(question.patience);
        return finish(context_,
                      [&](auto done) { http::async_write(stream_, request, std::move(done)); });
    }
    template <typename Parser>
    beast::error_code read_header(Parser& parser) {
        return finish(context_, [&](auto done) {
            http::async_read_header(stream_, received_, parser, std::move(done));
        });
    }
    template <typename Parser>
    beast::error_code read(Parser& parser) {
        return finish(context_, [&](auto done) {
            http::async_read(stream_, received_, parser, std::move(done));
        });
    }
    template <typename Parser>
    beast::error_code read_some(Parser& parser) {
        stream_.expires_never();
        return finish(context_, [&](auto done) {
            http::async_read_some(stream_, received_, parser, std::move(done));
        });
    }
    [[nodiscard]] std::unexpected<std::string> failed(const beast::error_code& error) const {
        return std::unexpected(fmt::format("Ballast at {} does not reply: {} (look at its log)",
                                           socket_path_, error.message()));
    }

private:
    asio::io_context context_;
    beast::basic_stream<asio::local::stream_protocol> stream_;
    beast::flat_buffer received_;
    const std::string socket_path_;
};

}  // namespace

std::expected<Reply, std::string> ask(const std::string& socket_path, const Question& question) {
    auto connected = connect_to(socket_path, question.patience);
    if (!connected) return std::unexpected(connected.error());
    Conversation conversation(std::move(*connected), socket_path);
    http::response_parser<http::string_body> parser;
    parser.body_limit(body_bytes_max);
    auto error = conversation.send(question);
    if (!error) error = conversation.read(parser);
    if (error) return conversation.failed(error);
    auto response = parser.release();
    return Reply{response.result_int(), std::move(response.body())};
}

std::expected<Reply, std::string> follow(const std::string& socket_path, const std::string& target,
                                         const std::function<bool(std::string_view)>& take) {
    auto connected = connect_to(socket_path, Question::usual_patience);
    if (!connected) return std::unexpected(connected.error());
    Conversation conversation(std::move(*connected), socket_path);
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    auto error = conversation.send({"GET", target, ""});
    if (!error) error = conversation.read_header(parser);
    const auto status = parser.get().result_int();
    if (!error && status != 200) error = conversation.read(parser);
    if (error) return conversation.failed(error);
    auto& body = parser.get().body();
    bool goes_on = status == 200;
    while (goes_on && !parser.is_done() && !error) {
        error = conversation.read_some(parser);
        if (!body.empty()) goes_on = take(std::exchange(body, {}));
    }
    // A daemon that ends need not end its answer.
    return Reply{status, std::move(body)};
}

}  // namespace ballast::cli
