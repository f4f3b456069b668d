// SPDX-License-Identifier: Apache-2.0
#include "cluster/redis_store.h"

#include "cluster/redis_news.h"
#include "cluster/redis_scripts.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdint>
#include <fmt/format.h>
#include <optional>
#include <random>
#include <utility>

namespace ballast::cluster {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Kind = RedisReply::Kind;

/// One step of the store: it does nothing else meanwhile.
constexpr std::size_t batch_items_max = 200;
constexpr std::size_t batch_bytes_max = 4UL << 20;
/// News in one answer, and entries in one: an answer has at most `RedisReplyReader::bytes_max`.
constexpr std::size_t news_max = 32;
constexpr std::size_t entries_max = 32;
static_assert(news_max * (Store::value_bytes_max + 1024) < RedisReplyReader::bytes_max);
static_assert(entries_max * (Store::value_bytes_max + 1024) < RedisReplyReader::bytes_max);
/// Keys that the store looks at for one slice, whoever they belong to.
constexpr std::size_t scanned_keys = 200;

constexpr std::string_view log_items_max = "4000";
constexpr milliseconds log_lifetime = 24h;
constexpr milliseconds birth_lifetime = std::chrono::years(1);

base::Error error(std::string text) { return {base::Fault::internal, {}, std::move(text)}; }

std::string text_of(milliseconds time) { return std::to_string(time.count()); }

base::Error has_lost_all() { return error("the store has lost what it knew"); }

std::string random_word() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::optional<std::int64_t> parse_number(std::string_view text) {
    std::int64_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number < 0) return std::nullopt;
    return number;
}

/// The answer to TIME: seconds and microseconds. Empty if it is none.
std::optional<milliseconds> parse_time(const RedisReply& reply) {
    if (reply.list.size() != 2) return std::nullopt;
    const auto seconds = parse_number(reply.list[0].text);
    const auto microseconds = parse_number(reply.list[1].text);
    constexpr std::int64_t seconds_max = std::int64_t{1} << 40;
    if (!seconds || !microseconds || *seconds > seconds_max || *microseconds >= 1'000'000)
        return std::nullopt;
    return std::chrono::seconds(*seconds) + milliseconds(*microseconds / 1000);
}

/// From the answer to INFO: another one after each start, and at another server. Such a server may
/// lack what was written last, because it was not yet on the disk, or not yet at the replica. Empty
/// if it does not say.
std::string_view run_of(const RedisReply& reply) {
    if (reply.is(Kind::error)) return {};
    constexpr std::string_view name = "\nrun_id:";
    const std::string_view text = reply.text;
    const auto at = text.find(name);
    if (at == std::string_view::npos) return {};
    const auto run = text.substr(at + name.size());
    return run.substr(0, run.find_first_of("\r\n"));
}

/// Adds the items of a list of a log: each is its number and its fields. False if it is none.
bool add_news(const RedisReply& items, Store::Followed& followed) {
    for (const auto& item : items.list) {
        if (item.list.size() != 2 || item.list[0].text.empty()) return false;
        followed.latest = item.list[0].text;
        if (auto news = parse_logged(item.list[1].list)) followed.news.push_back(*std::move(news));
    }
    return true;
}

/// The answer to XREAD: nothing, or one log with its items. False if it is none.
bool add_read(const RedisReply& reply, Store::Followed& followed) {
    if (reply.is(Kind::nothing)) return true;
    return reply.list.size() == 1 && reply.list[0].list.size() == 2 &&
           add_news(reply.list[0].list[1], followed);
}

bool is_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

/// What the store can keep. The names are ours, so anything else is a mistake in the program.
bool is_proper(const News& news) {
    if (const auto* const entry = std::get_if<Entry>(&news))
        return is_word(entry->table) && entry->table.find(':') == std::string::npos &&
               is_word(entry->key) && entry->stamp.node.find('\n') == std::string::npos &&
               entry->lifetime > 0ms;
    return is_word(std::get<Message>(news).kind);
}

std::size_t value_bytes(const News& news) {
    if (const auto* const entry = std::get_if<Entry>(&news)) return entry->value.size();
    return std::get<Message>(news).body.size();
}

}  // namespace

RedisStore::RedisStore(net::Network& network, const config::Cluster& cluster,
                       std::unique_ptr<RedisDialer> dialer)
    : network_(network),
      timeout_(cluster.timeout),
      prefix_(fmt::format("{{ballast:{}}}:v1:", cluster.name)),
      dialer_(std::move(dialer)) {}

base::Result<std::unique_ptr<RedisStore>> RedisStore::create(net::Network& network,
                                                             const config::Cluster& cluster,
                                                             net::LookUp look_up) {
    auto dialer = RedisDialer::create(network, cluster, std::move(look_up));
    if (!dialer) return std::unexpected(std::move(dialer).error());
    return std::unique_ptr<RedisStore>(new RedisStore(network, cluster, *std::move(dialer)));
}

loop::Deadline RedisStore::deadline() const { return network_.loop().after(timeout_); }

std::string RedisStore::key_of(std::string_view table, std::string_view key) const {
    return fmt::format("{}{}:{}", prefix_, table, key);
}

loop::Task<base::Result<RedisReply>> RedisStore::ask(RedisCommand command,
                                                     loop::Deadline deadline) {
    const auto connection = asking_;
    if (!connection) co_return std::unexpected(error("the store is not open"));
    co_return co_await connection->ask(std::move(command), deadline);
}

loop::Task<base::Result<Store::Opened>> RedisStore::open() {
    asking_ = nullptr;
    following_ = nullptr;
    const auto until = deadline();
    auto dialled = co_await dialer_->dial(until);
    if (!dialled) co_return std::unexpected(std::move(dialled).error());
    const auto connection = std::move(dialled->connection);

    const auto birth_key = prefix_ + "birth";
    const auto log_key = prefix_ + "log";
    const auto year = text_of(birth_lifetime);
    // Each of the writes shows that it may be written to. The log gets an item, so that there is a
    // place in it to begin at.
    std::vector<RedisCommand> commands;
    commands.push_back({"TIME"});
    commands.push_back({"SET", birth_key, random_word(), "NX", "PX", year});
    commands.push_back({"GET", birth_key});
    commands.push_back({"PEXPIRE", birth_key, year});
    commands.push_back(
        {"XADD", log_key, "MAXLEN", "~", std::string(log_items_max), "*", "opened", "1"});
    commands.push_back({"PEXPIRE", log_key, text_of(log_lifetime)});
    commands.push_back({"INFO", "server"});
    std::vector<std::string> names(commands.size());
    std::ranges::transform(commands, names.begin(), [](const auto& each) { return each.front(); });
    const auto replies = co_await connection->ask_all(std::move(commands), until);
    if (!replies) co_return std::unexpected(replies.error());
    // A user may not be allowed to ask for INFO.
    for (std::size_t i = 0; i + 1 < replies->size(); ++i)
        if ((*replies)[i].is(Kind::error))
            co_return std::unexpected(connection->complaint(names[i], (*replies)[i]));

    const auto now = parse_time((*replies)[0]);
    if (!now) co_return std::unexpected(connection->nonsense("TIME"));
    const auto& birth = (*replies)[2].text;
    const auto& latest = (*replies)[4].text;
    if (birth.empty()) co_return std::unexpected(connection->nonsense("GET"));
    if (latest.empty()) co_return std::unexpected(connection->nonsense("XADD"));
    birth_ = birth;
    server_ = std::move(dialled->server);
    asking_ = connection;
    co_return Opened{*now, latest, fmt::format("{} {}", birth, run_of(replies->back()))};
}

loop::Task<base::Result<milliseconds>> RedisStore::now() {
    const auto reply = co_await ask({"TIME"}, deadline());
    if (!reply) co_return std::unexpected(reply.error());
    const auto time = parse_time(*reply);
    if (!time) co_return std::unexpected(error("the store's answer to TIME is not a time"));
    co_return *time;
}

RedisCommand RedisStore::command_to_write(std::vector<News> batch) const {
    RedisCommand keys = {prefix_ + "log", prefix_ + "birth"};
    RedisCommand items = {std::string(log_items_max), text_of(log_lifetime), birth_};
    for (auto& news : batch) {
        if (auto* const entry = std::get_if<Entry>(&news)) {
            keys.push_back(key_of(entry->table, entry->key));
            items.insert(items.end(),
                         {"entry", std::to_string(entry->stamp.at.count()), entry->stamp.node,
                          text_of(entry->lifetime), kept(*entry), entry->table, entry->key});
        } else {
            auto& message = std::get<Message>(news);
            items.insert(items.end(), {"message", message.kind, message.node});
            items.push_back(std::move(message.body));
        }
    }
    RedisCommand command = {"EVAL", std::string(write_script), std::to_string(keys.size())};
    std::ranges::move(keys, std::back_inserter(command));
    std::ranges::move(items, std::back_inserter(command));
    return command;
}

loop::Task<base::Result<>> RedisStore::write(std::vector<News> news) {
    const auto until = deadline();
    for (std::size_t next = 0; next < news.size();) {
        std::vector<News> batch;
        std::size_t bytes = 0;
        while (next < news.size() && batch.size() < batch_items_max && bytes < batch_bytes_max) {
            assert(is_proper(news[next]));
            if (value_bytes(news[next]) > value_bytes_max)
                co_return std::unexpected(error(fmt::format(
                    "a value of {} bytes is too large for the store", value_bytes(news[next]))));
            bytes += value_bytes(news[next]);
            batch.push_back(std::move(news[next++]));
        }
        const auto done = co_await ask(command_to_write(std::move(batch)), until);
        if (!done) co_return std::unexpected(done.error());
        if (!done->is(Kind::number) || done->number != 1) co_return std::unexpected(has_lost_all());
    }
    co_return base::Result<>{};
}

loop::Task<base::Result<Store::Followed>> RedisStore::follow(std::string after) {
    const auto until = deadline();
    if (!asking_) co_return std::unexpected(error("the store is not open"));
    if (!following_ || !following_->is_usable()) {
        auto dialled = co_await dialer_->dial_again(server_, until);
        if (!dialled) co_return std::unexpected(std::move(dialled).error());
        following_ = *std::move(dialled);
    }
    const auto connection = following_;
    const auto log_key = prefix_ + "log";
    // The rest of the time is for the answer. Zero would wait for ever.
    const auto left = std::chrono::floor<milliseconds>(until - network_.loop().now());
    const auto wait = std::max<milliseconds>(1ms, left / 2);
    std::vector<RedisCommand> commands;
    commands.push_back({"XREAD", "COUNT", std::to_string(news_max), "BLOCK", text_of(wait),
                        "STREAMS", log_key, after});
    // If the last known item is still there after the reading, nothing in between was dropped.
    commands.push_back({"XRANGE", log_key, after, after, "COUNT", "1"});
    const auto replies = co_await connection->ask_all(std::move(commands), until);
    if (!replies) co_return std::unexpected(replies.error());
    if ((*replies)[0].is(Kind::error))
        co_return std::unexpected(connection->complaint("XREAD", (*replies)[0]));
    if ((*replies)[1].is(Kind::error))
        co_return std::unexpected(connection->complaint("XRANGE", (*replies)[1]));

    Followed followed;
    followed.latest = after;
    if (!add_read((*replies)[0], followed))
        co_return std::unexpected(connection->nonsense("XREAD"));
    if (!(*replies)[1].list.empty()) co_return followed;
    const bool has_none = followed.latest == after;
    if (has_none) followed.latest.clear();
    co_return co_await after_gap(connection, std::move(followed), until);
}

loop::Task<base::Result<Store::Followed>> RedisStore::after_gap(Connection connection,
                                                                Followed followed,
                                                                loop::Deadline deadline) {
    std::vector<RedisCommand> commands;
    commands.push_back({"GET", prefix_ + "birth"});
    commands.push_back({"XREVRANGE", prefix_ + "log", "+", "-", "COUNT", "1"});
    const auto replies = co_await connection->ask_all(std::move(commands), deadline);
    if (!replies) co_return std::unexpected(replies.error());
    const auto& birth = (*replies)[0];
    const auto& last = (*replies)[1];
    if (birth.is(Kind::error)) co_return std::unexpected(connection->complaint("GET", birth));
    if (last.is(Kind::error)) co_return std::unexpected(connection->complaint("XREVRANGE", last));
    if (birth.text != birth_ || last.list.empty()) co_return std::unexpected(has_lost_all());
    if (followed.latest.empty()) {
        // Nothing came, so the next time begins at the end.
        const auto& item = last.list.front().list;
        if (item.empty() || item.front().text.empty())
            co_return std::unexpected(connection->nonsense("XREVRANGE"));
        followed.latest = item.front().text;
    }
    followed.has_gap = true;
    co_return followed;
}

loop::Task<base::Result<Store::Slice>> RedisStore::load(std::string table, std::string from) {
    const auto until = deadline();
    const auto connection = asking_;
    if (!connection) co_return std::unexpected(error("the store is not open"));
    const auto prefix = key_of(table, "");
    const auto scanned =
        co_await connection->ask({"SCAN", from.empty() ? "0" : from, "MATCH", begins_with(prefix),
                                  "COUNT", std::to_string(scanned_keys)},
                                 until);
    if (!scanned) co_return std::unexpected(scanned.error());
    if (scanned->list.size() != 2 || scanned->list[0].text.empty())
        co_return std::unexpected(connection->nonsense("SCAN"));
    Slice slice;
    if (scanned->list[0].text != "0") slice.next = scanned->list[0].text;
    const auto& found = scanned->list[1].list;
    for (std::size_t next = 0; next < found.size();) {
        RedisCommand command = {"MGET"};
        const auto begin = next;
        for (; next < found.size() && next - begin < entries_max; ++next)
            command.push_back(found[next].text);
        const auto values = co_await connection->ask(std::move(command), until);
        if (!values) co_return std::unexpected(values.error());
        if (values->list.size() != next - begin)
            co_return std::unexpected(connection->nonsense("MGET"));
        for (std::size_t i = begin; i < next; ++i) {
            const std::string_view name = found[i].text;
            if (!name.starts_with(prefix)) continue;
            // An entry that has expired since is empty, and so is none.
            auto entry =
                parse_kept(table, name.substr(prefix.size()), values->list[i - begin].text);
            if (entry) slice.entries.push_back(*std::move(entry));
        }
    }
    co_return slice;
}

loop::Task<base::Result<std::string>> RedisStore::claim(std::string office, std::string node,
                                                        milliseconds lifetime) {
    auto holder = co_await ask(
        {"EVAL", std::string(claim_script), "1", key_of("office", office), node, text_of(lifetime)},
        deadline());
    if (!holder) co_return std::unexpected(std::move(holder).error());
    if (holder->text.empty())
        co_return std::unexpected(error("the store does not say who has an office"));
    co_return std::move(holder->text);
}

}  // namespace ballast::cluster
