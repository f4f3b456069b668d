// SPDX-License-Identifier: Apache-2.0
#include "cluster/redis_connection.h"

#include "base/shortage.h"
#include "cluster/redis_complaint.h"
#include "net/tls_stream.h"

#include <cassert>
#include <fmt/format.h>
#include <utility>

namespace ballast::cluster {

namespace {

constexpr std::size_t read_bytes = 64UL << 10;
constexpr auto fault = base::Fault::internal;

base::Error failure(std::string doing, std::error_code code) {
    return {base::fault_of(code, fault), code, std::move(doing)};
}

}  // namespace

RedisConnection::RedisConnection(loop::Loop& loop, std::string server,
                                 std::unique_ptr<net::Stream> stream)
    : signal_(loop), server_(std::move(server)), stream_(std::move(stream)) {
    stream_->attach(&signal_);
}

RedisConnection::~RedisConnection() { stream_->attach(nullptr); }

loop::Task<base::Result<>> RedisConnection::begin_tls(std::shared_ptr<const net::TlsClient> client,
                                                      loop::Deadline deadline) {
    is_usable_ = false;
    auto wrapped = client->wrap_control(std::move(stream_), tickets_, false);
    auto& tls = *wrapped;
    stream_ = std::move(wrapped);
    stream_->attach(&signal_);
    auto done = co_await tls.handshake(signal_, fault, deadline);
    if (!done) {
        done.error().doing = fmt::format("TLS with {}: {}", server_, done.error().doing);
        co_return done;
    }
    is_usable_ = true;
    co_return base::Result<>{};
}

loop::Task<base::Result<std::vector<RedisReply>>> RedisConnection::ask_all(
    std::vector<RedisCommand> commands, loop::Deadline deadline) {
    assert(!commands.empty());
    if (!is_usable_)
        co_return std::unexpected(
            base::Error{fault, {}, fmt::format("the connection to {} is broken", server_)});
    is_usable_ = false;
    if (!reader_.is_empty())
        co_return std::unexpected(base::Error{
            fault,
            {},
            fmt::format("{} sent something unasked: is it a Redis-compatible store?", server_)});
    for (const auto& command : commands) {
        const auto bytes = encode(command);
        if (const auto sent = co_await net::write_all(*stream_, signal_, bytes, fault, deadline);
            !sent)
            co_return std::unexpected(failure(
                fmt::format("sending {} to {}", command.front(), server_), sent.error().code));
    }
    std::vector<RedisReply> replies;
    for (const auto& command : commands) {
        auto reply = co_await read_reply(deadline);
        if (!reply) {
            reply.error().doing =
                fmt::format("{} (after {})", reply.error().doing, command.front());
            co_return std::unexpected(std::move(reply).error());
        }
        replies.push_back(*std::move(reply));
    }
    is_usable_ = true;
    co_return replies;
}

loop::Task<base::Result<RedisReply>> RedisConnection::ask(RedisCommand command,
                                                          loop::Deadline deadline) {
    const auto name = command.front();
    std::vector<RedisCommand> commands;
    commands.push_back(std::move(command));
    auto replies = co_await ask_all(std::move(commands), deadline);
    if (!replies) co_return std::unexpected(std::move(replies).error());
    if (replies->front().is(RedisReply::Kind::error))
        co_return std::unexpected(complaint(name, replies->front()));
    co_return std::move(replies->front());
}

loop::Task<base::Result<RedisReply>> RedisConnection::read_reply(loop::Deadline deadline) {
    std::string buffer;
    for (;;) {
        auto reply = reader_.next();
        if (!reply) {
            const bool is_too_long = reply.error() == RedisReplyReader::Refusal::too_long;
            co_return std::unexpected(base::Error{
                fault,
                {},
                fmt::format("{} {}", server_,
                            is_too_long ? "sends an answer that is too long"
                                        : "does not speak the protocol of Redis: is this its "
                                          "port, and is TLS as in cluster.store?")});
        }
        if (*reply) co_return **std::move(reply);
        buffer.resize(read_bytes);
        const auto io = stream_->read(buffer);
        switch (io.state) {
            case net::Io::State::moved:
                reader_.feed(std::string_view(buffer).substr(0, io.bytes));
                break;
            case net::Io::State::would_block:
                stream_->watch_readable();
                if (!co_await signal_.wait(deadline))
                    co_return std::unexpected(failure("waiting for an answer of " + server_,
                                                      std::make_error_code(std::errc::timed_out)));
                break;
            case net::Io::State::ended:
                co_return std::unexpected(
                    base::Error{fault, {}, fmt::format("{} closed the connection", server_)});
            case net::Io::State::failed:
                co_return std::unexpected(failure("waiting for an answer of " + server_, io.error));
        }
    }
}

base::Error RedisConnection::complaint(const std::string& command, const RedisReply& reply) const {
    return {fault, {}, tell_complaint(server_, command, reply.text)};
}

base::Error RedisConnection::nonsense(const std::string& command) const {
    return {
        fault, {}, fmt::format("{} gives an answer to {} that no store gives", server_, command)};
}

}  // namespace ballast::cluster
