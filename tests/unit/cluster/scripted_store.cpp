// SPDX-License-Identifier: Apache-2.0
#include "scripted_store.h"

#include "cluster/redis_reply.h"

#include <fmt/format.h>

namespace ballast::cluster {

ScriptedStore::ScriptedStore(support::MemoryNetwork& network, const std::string& at, Answer answer)
    : network_(network), answer_(std::move(answer)) {
    network.listen(base::Address::parse(at).value(), [this](std::unique_ptr<net::Stream> stream) {
        auto& connection = connections_.emplace_back(network_.loop(), std::move(stream));
        connection.stream->attach(&connection.signal);
        connection.job = loop::Job::start(serve(connection));
    });
}

std::string ScriptedStore::heard_names() const {
    std::string names;
    for (const auto& command : heard_) names += (names.empty() ? "" : " ") + command.front();
    return names;
}

void ScriptedStore::say(std::string_view bytes) {
    for (auto& each : connections_) (void)each.stream->write(bytes);
}

loop::Task<> ScriptedStore::serve(Connection& connection) {
    RedisReplyReader reader;
    std::string buffer(4096, '\0');
    for (;;) {
        const auto io = connection.stream->read(buffer);
        if (io.state == net::Io::State::would_block) {
            connection.stream->watch_readable();
            (void)co_await connection.signal.wait(loop::never);
            continue;
        }
        if (io.state != net::Io::State::moved) co_return;
        reader.feed(std::string_view(buffer).substr(0, io.bytes));
        while (const auto request = reader.next().value()) {
            RedisCommand command;
            for (const auto& word : request->list) command.push_back(word.text);
            heard_.push_back(command);
            const auto answer = answer_(command);
            (void)co_await net::write_all(*connection.stream, connection.signal, answer,
                                          base::Fault::internal, loop::never);
        }
    }
}

std::string bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

std::string list(const std::vector<std::string>& replies) {
    std::string all = fmt::format("*{}\r\n", replies.size());
    for (const auto& each : replies) all += each;
    return all;
}

std::string good_answer(const RedisCommand& command) {
    const auto& name = command.front();
    if (name == "ROLE") return list({bulk("master"), ":0\r\n", "*0\r\n"});
    if (name == "TIME") return list({bulk("1764512345"), bulk("678901")});
    if (name == "GET") return bulk("birth");
    if (name == "XADD") return bulk("1-0");
    if (name == "EVAL" || name == "PEXPIRE") return ":1\r\n";
    return "+OK\r\n";
}

}  // namespace ballast::cluster
