// SPDX-License-Identifier: Apache-2.0
#include "cluster/redis_dialer.h"

#include "cluster/redis_complaint.h"
#include "cluster/store_files.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <utility>

namespace ballast::cluster {

namespace {

constexpr auto fault = base::Fault::internal;
constexpr std::size_t addresses_of_name_max = 8;
constexpr std::size_t tls_clients_max = 16;

using Kind = RedisReply::Kind;

base::Error error(std::string text) { return {fault, {}, std::move(text)}; }

/// Where an attempt ends if as many as `left` have to be made until the deadline: an address that
/// does not answer must not use up the time of the others.
loop::Deadline share(const loop::Loop& loop, loop::Deadline deadline, std::size_t left) {
    const auto now = loop.now();
    if (deadline <= now) return deadline;
    return now + (deadline - now) / static_cast<long>(left);
}

std::string name_of(const config::StoreAddress& server) {
    if (!server.path.empty()) return server.path;
    const bool is_v6 = server.host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", server.host, is_v6 ? "]" : "", server.port);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, port);
    if (read.ec != std::errc() || read.ptr != end || port == 0) return std::nullopt;
    return port;
}

RedisCommand authentication(const config::StoreAddress& server, const std::string& password) {
    if (server.user.empty()) return {"AUTH", password};
    return {"AUTH", server.user, password};
}

}  // namespace

base::Result<std::unique_ptr<RedisDialer>> RedisDialer::create(net::Network& network,
                                                               const config::Cluster& cluster,
                                                               net::LookUp look_up) {
    std::unique_ptr<RedisDialer> dialer(new RedisDialer(network, cluster, std::move(look_up)));
    for (const auto& text : cluster.store) {
        auto address = config::parse_store_address(text);
        if (!address) return std::unexpected(error(address.error().what));
        dialer->addresses_.push_back(*std::move(address));
    }
    if (auto read = dialer->reload(); !read) return std::unexpected(read.error());
    return dialer;
}

base::Result<> RedisDialer::reload() {
    auto password = read_store_password(cluster_.password_file);
    if (!password) return std::unexpected(password.error());
    TlsClients clients;
    for (const auto& address : addresses_) {
        if (!address.has_tls || clients.contains(address.host)) continue;
        auto client = make_store_client(cluster_, address.host);
        if (!client) return std::unexpected(client.error());
        clients[address.host] = *std::move(client);
    }
    password_ = *std::move(password);
    tls_clients_ = std::move(clients);
    return {};
}

base::Result<std::shared_ptr<const net::TlsClient>> RedisDialer::tls_client_for(
    const std::string& host) {
    if (const auto known = tls_clients_.find(host); known != tls_clients_.end())
        return known->second;
    // Only a Sentinel names other hosts.
    if (tls_clients_.size() >= tls_clients_max) tls_clients_.clear();
    auto made = make_store_client(cluster_, host);
    if (made) tls_clients_[host] = *made;
    return made;
}

loop::Task<base::Result<RedisDialer::Dialled>> RedisDialer::dial(loop::Deadline deadline) {
    std::vector<std::string> problems;
    const auto count = addresses_.size();
    for (std::size_t i = 0; i < count; ++i) {
        const auto index = (first_ + i) % count;
        auto dialled =
            co_await try_address(addresses_[index], share(network_.loop(), deadline, count - i));
        if (dialled || count == 1) {
            first_ = index;
            co_return dialled;
        }
        problems.push_back(base::to_string(dialled.error()));
    }
    // Another address than the last time may be the good one by now.
    first_ = (first_ + 1) % count;
    co_return std::unexpected(error(fmt::format("{}", fmt::join(problems, "; "))));
}

loop::Task<base::Result<RedisDialer::Dialled>> RedisDialer::try_address(
    config::StoreAddress address, loop::Deadline deadline) {
    if (address.is_sentinel) {
        auto found = co_await ask_sentinel(address, deadline);
        if (!found) co_return std::unexpected(std::move(found).error());
        address = *std::move(found);
    }
    auto connection = co_await dial_again(address, deadline);
    if (!connection) co_return std::unexpected(std::move(connection).error());
    // A Sentinel's answer may be outdated, and of several addresses one is the primary's.
    const auto replies =
        co_await (*connection)->ask_all(std::vector<RedisCommand>{{"ROLE"}}, deadline);
    if (!replies) co_return std::unexpected(replies.error());
    const auto& role = replies->front();
    // A user may not be allowed to ask; then writing shows it.
    if (!role.list.empty() && role.list.front().text != "master")
        co_return std::unexpected(error(fmt::format(
            "{} is a {}, not the primary: name the primary, or its Sentinels, in "
            "cluster.store",
            name_of(address), role.list.front().text == "sentinel" ? "Sentinel" : "replica")));
    co_return Dialled{*std::move(connection), std::move(address)};
}

loop::Task<base::Result<config::StoreAddress>> RedisDialer::ask_sentinel(
    config::StoreAddress sentinel, loop::Deadline deadline) {
    const auto connection = co_await connect(sentinel, deadline);
    if (!connection) co_return std::unexpected(connection.error());
    // Sentinels often have no password where the store has one. If it wants one it says so below.
    std::string refused;
    if (!password_.empty()) {
        const auto done =
            co_await (*connection)->ask(authentication(sentinel, password_), deadline);
        if (!done) refused = "; " + base::to_string(done.error());
        if (!done && !(*connection)->is_usable()) co_return std::unexpected(done.error());
    }
    auto answer = co_await (*connection)
                      ->ask({"SENTINEL", "get-master-addr-by-name", sentinel.master}, deadline);
    if (!answer) {
        answer.error().doing += refused;
        co_return std::unexpected(std::move(answer).error());
    }
    if (answer->is(Kind::nothing))
        co_return std::unexpected(
            error(fmt::format("the Sentinel {} knows no \"{}\": correct the name in cluster.store",
                              name_of(sentinel), sentinel.master)));
    const auto& words = answer->list;
    const auto port = words.size() == 2 ? parse_port(words[1].text) : std::nullopt;
    if (!port || words[0].text.empty())
        co_return std::unexpected((*connection)->nonsense("SENTINEL"));
    auto store = std::move(sentinel);
    store.is_sentinel = false;
    store.host = words[0].text;
    store.port = *port;
    co_return store;
}

loop::Task<base::Result<RedisDialer::Connection>> RedisDialer::dial_again(
    config::StoreAddress server, loop::Deadline deadline) {
    auto connection = co_await connect(server, deadline);
    if (!connection) co_return connection;
    const auto done = co_await log_in(*connection, std::move(server), deadline);
    if (!done) co_return std::unexpected(done.error());
    co_return connection;
}

loop::Task<base::Result<RedisDialer::Connection>> RedisDialer::connect(config::StoreAddress server,
                                                                       loop::Deadline deadline) {
    if (!server.path.empty()) {
        auto stream = network_.dial_path(server.path);
        if (!stream) co_return std::unexpected(std::move(stream).error());
        co_return std::make_shared<RedisConnection>(network_.loop(), name_of(server),
                                                    *std::move(stream));
    }
    auto found = co_await look_up_(network_.loop(), server.host, deadline);
    if (!found) co_return std::unexpected(std::move(found).error());
    if (found->size() > addresses_of_name_max) found->resize(addresses_of_name_max);
    std::vector<std::string> problems;
    for (std::size_t i = 0; i < found->size(); ++i) {
        const base::Address to{(*found)[i], server.port};
        auto connection =
            co_await connect_to(to, server, share(network_.loop(), deadline, found->size() - i));
        if (connection || found->size() == 1) co_return connection;
        problems.push_back(base::to_string(connection.error()));
    }
    co_return std::unexpected(error(problems.empty()
                                        ? server.host + " has no address"
                                        : fmt::format("{}", fmt::join(problems, "; "))));
}

loop::Task<base::Result<RedisDialer::Connection>> RedisDialer::connect_to(
    base::Address to, config::StoreAddress server, loop::Deadline deadline) {
    net::Dial dial;
    dial.to = to;
    dial.user_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(cluster_.timeout);
    dial.purpose = net::Dial::Purpose::control;
    auto stream = co_await network_.dial(dial, deadline);
    if (!stream) co_return std::unexpected(std::move(stream).error());
    auto connection =
        std::make_shared<RedisConnection>(network_.loop(), name_of(server), *std::move(stream));
    if (server.has_tls) {
        auto client = tls_client_for(server.host);
        if (!client) co_return std::unexpected(std::move(client).error());
        auto done = co_await connection->begin_tls(*std::move(client), deadline);
        if (!done) co_return std::unexpected(std::move(done).error());
    }
    co_return connection;
}

loop::Task<base::Result<>> RedisDialer::log_in(Connection connection, config::StoreAddress server,
                                               loop::Deadline deadline) {
    std::vector<RedisCommand> commands;
    if (!password_.empty()) commands.push_back(authentication(server, password_));
    if (server.database != 0) commands.push_back({"SELECT", std::to_string(server.database)});
    if (commands.empty()) co_return base::Result<>{};
    const auto names = commands.size() == 2 ? std::vector<std::string>{"AUTH", "SELECT"}
                                            : std::vector{commands.front().front()};
    const auto replies = co_await connection->ask_all(std::move(commands), deadline);
    if (!replies) co_return std::unexpected(replies.error());
    for (std::size_t i = 0; i < replies->size(); ++i)
        if ((*replies)[i].is(Kind::error))
            co_return std::unexpected(connection->complaint(names[i], (*replies)[i]));
    co_return base::Result<>{};
}

}  // namespace ballast::cluster
