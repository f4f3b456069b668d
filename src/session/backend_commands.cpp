// SPDX-License-Identifier: Apache-2.0
#include "session/backend_commands.h"

#include "ftp/verb.h"

#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

/// How long to wait for the backend's goodbye. Then the client gets ours.
constexpr auto goodbye_time = std::chrono::seconds(2);

}  // namespace

loop::Task<> forward(Context& context, ftp::Command command) {
    auto& leg = context.leg();
    const bool in_lines = ftp::may_take_long(command.line);
    auto patience = leg.answer_time(command.line);
    auto heard = co_await leg.ask(command.line, in_lines);
    // A 1xx without a data connection: some servers send one before a slow SITE command or a
    // checksum.
    while (heard && (!heard->is_end || heard->reply.is_preliminary())) {
        if (heard->is_end) patience = leg.settings().final_reply_timeout;
        co_await context.answer(std::move(heard->reply));
        if (context.is_over()) co_return;
        heard = co_await leg.hear(patience, in_lines);
    }
    if (!heard) co_return co_await context.lose_backend(heard.error());
    context.journal.note(command, heard->reply);
    // RFC 959 5.4: a server may answer any command with 421, and then closes.
    if (heard->reply.code == 421)
        context.end_because(fmt::format("the backend ended it: 421 {}", heard->reply.message()));
    co_await context.answer(std::move(heard->reply));
}

loop::Task<> abort_nothing(Context& context) {
    context.forget_data();
    auto* const leg = context.assignment.leg();
    if (leg == nullptr || !leg->follows_client())
        co_return co_await context.answer(226, "Nothing to abort.");
    auto replies = co_await leg->abort_nothing();
    if (!replies) co_return co_await context.lose_backend(replies.error());
    for (auto& reply : *replies) {
        context.heed_farewell(reply);
        co_await context.answer(std::move(reply));
    }
}

loop::Task<> quit(Context& context) {
    context.end_because("the client said QUIT");
    context.keep_seat();
    auto* const leg = context.assignment.leg();
    if (leg != nullptr && co_await leg->send("QUIT")) {
        auto reply = co_await leg->reply(context.loop().after(goodbye_time));
        if (reply && reply->code == 221) co_return co_await context.answer(std::move(*reply));
    }
    co_await context.answer(221, "Goodbye.");
}

}  // namespace ballast::session
