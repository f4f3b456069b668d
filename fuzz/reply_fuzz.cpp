// SPDX-License-Identifier: Apache-2.0
#include "ftp/reply.h"

#include "demand.h"

#include <cstdint>
#include <vector>

namespace {

using ballast::ftp::Reply;
using ballast::ftp::ReplyError;
using ballast::ftp::ReplyParser;
using Outcome = std::expected<Reply, ReplyError>;

constexpr std::size_t plenty = 1 << 24;

std::vector<Outcome> fed_in_pieces(std::string_view input, std::size_t piece_bytes,
                                   std::size_t line_bytes_max, std::size_t reply_bytes_max) {
    ReplyParser parser(line_bytes_max, reply_bytes_max);
    std::vector<Outcome> outcomes;
    std::string buffer;
    while (!input.empty()) {
        buffer += input.substr(0, piece_bytes);
        input.remove_prefix(std::min(piece_bytes, input.size()));
        for (;;) {
            auto step = parser.next(buffer);
            demand(step.consumed <= buffer.size());
            buffer.erase(0, step.consumed);
            demand(step.reply || buffer.size() < reply_bytes_max);
            if (!step.reply) break;
            outcomes.push_back(std::move(*step.reply));
            if (!outcomes.back()) return outcomes;
        }
    }
    if (!parser.may_settle(buffer)) {
        demand(!parser.settle(buffer).reply);
        return outcomes;
    }
    auto step = parser.settle(buffer);
    demand(step.consumed == buffer.size() && step.reply && step.reply->has_value());
    outcomes.push_back(std::move(*step.reply));
    return outcomes;
}

/// The forwarded bytes, up to the first error. With `in_lines`, lines are taken as soon as they are
/// complete.
std::string sent_on(std::string_view input, std::size_t piece_bytes, bool in_lines) {
    ReplyParser parser(plenty, plenty);
    std::string buffer;
    std::string text;
    while (!input.empty()) {
        buffer += input.substr(0, piece_bytes);
        input.remove_prefix(std::min(piece_bytes, input.size()));
        for (;;) {
            auto step = parser.next(buffer);
            buffer.erase(0, step.consumed);
            if (!step.reply) break;
            if (!*step.reply) return text;
            text += (*step.reply)->text;
        }
        if (!in_lines) continue;
        const auto lines = parser.take_lines(buffer);
        demand(lines.consumed <= buffer.size());
        buffer.erase(0, lines.consumed);
        text += lines.text;
    }
    return text;
}

/// A strict reader finds exactly this one reply in the forwarded bytes.
void check(const Reply& reply) {
    demand(reply.code >= 100 && reply.code <= 599);
    demand(reply.text.ends_with("\r\n"));
    demand(reply.text.ends_with(std::string(reply.message()) + "\r\n"));
    const auto again = fed_in_pieces(reply.text, plenty, plenty, plenty);
    demand(again.size() == 1 && again.front() && *again.front() == reply);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const struct {
        std::size_t line;
        std::size_t reply;
    } limits[] = {{8192, 65536}, {24, 64}, {64, 24}};
    for (const auto& limit : limits) {
        const auto whole = fed_in_pieces(input, size, limit.line, limit.reply);
        demand(fed_in_pieces(input, 1, limit.line, limit.reply) == whole);
        for (const auto& outcome : whole)
            if (outcome) check(*outcome);
    }
    const auto sent = sent_on(input, size, false);
    for (const auto piece_bytes : {std::size_t{1}, std::size_t{7}})
        demand(sent_on(input, piece_bytes, true).starts_with(sent));
    if (size >= 2) {
        const auto code = static_cast<std::uint16_t>(100 + (data[0] * 256 + data[1]) % 500);
        const auto text = input.substr(2);
        check(ballast::ftp::make_reply(code, text));
        check(ballast::ftp::make_reply(code, text, std::string(text), text));
    }
    return 0;
}
