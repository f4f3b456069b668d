// SPDX-License-Identifier: Apache-2.0
#include "cluster/redis_reply.h"

#include "cluster/redis_news.h"
#include "demand.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using ballast::cluster::RedisReply;
using ballast::cluster::RedisReplyReader;

std::size_t count(const RedisReply& reply) {
    std::size_t all = 1;
    for (const auto& each : reply.list) all += count(each);
    return all;
}

bool is_same(const RedisReply& a, const RedisReply& b) {
    if (a.kind != b.kind || a.text != b.text || a.number != b.number) return false;
    if (a.list.size() != b.list.size()) return false;
    for (std::size_t i = 0; i < a.list.size(); ++i)
        if (!is_same(a.list[i], b.list[i])) return false;
    return true;
}

struct Outcome {
    std::vector<RedisReply> replies;
    bool is_refused = false;
};

Outcome read(std::string_view bytes, std::size_t piece) {
    RedisReplyReader reader;
    Outcome outcome;
    while (!bytes.empty()) {
        reader.feed(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        for (;;) {
            auto reply = reader.next();
            outcome.is_refused = !reply;
            if (!reply) return outcome;
            if (!*reply) break;
            demand(count(**reply) <= RedisReplyReader::elements_max);
            outcome.replies.push_back(**std::move(reply));
        }
    }
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    // However the bytes are cut, the replies are the same.
    const auto whole = read(input, size + 1);
    const auto cut = read(input, 1 + size / 3);
    demand(whole.is_refused == cut.is_refused);
    demand(whole.replies.size() == cut.replies.size());
    for (std::size_t i = 0; i < whole.replies.size(); ++i)
        demand(is_same(whole.replies[i], cut.replies[i]));

    using namespace ballast::cluster;
    for (const auto& reply : whole.replies) {
        const auto news = parse_logged(reply.list);
        if (!news) continue;
        // What is written again is read again.
        std::vector<RedisReply> fields;
        for (const auto& field : logged(*news))
            fields.push_back(
                {.kind = RedisReply::Kind::text, .text = field, .number = 0, .list = {}});
        const auto again = parse_logged(fields);
        demand(again.has_value() && again->index() == news->index());
        demand(logged(*again) == logged(*news));
    }
    if (const auto entry = parse_kept("states", "key", input)) {
        const auto again = parse_kept("states", "key", kept(*entry));
        demand(again.has_value() && kept(*again) == kept(*entry));
        demand(again->stamp == entry->stamp && again->value == entry->value);
    }
    return 0;
}
