// SPDX-License-Identifier: Apache-2.0
#include "session/backend_commands.h"

#include "ftp/verb.h"

#include <chrono>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace ballast::session {

namespace {

/// How long to wait for the backend's goodbye. Then the client gets ours.
constexpr auto goodbye_time = std::chrono::seconds(2);

struct Lost {
    base::Error error;
    bool is_within_reply = false;
    bool was_sent = true;  ///< the command
};

/// Empty: the client has its answer.
loop::Task<std::optional<Lost>> try_to_forward(Context& context, Failover& failover,
                                               const ftp::Command& command) {
    auto& leg = context.leg();
    const bool in_lines = ftp::may_take_long(command.line);
    auto patience = leg.answer_time(command.line);
    bool is_within_reply = false;
    auto heard = co_await leg.ask(command.line, in_lines);
    // A 1xx without a data connection: some servers send one before a slow SITE command or a
    // checksum.
    while (heard && (!heard->is_end || heard->reply.is_preliminary())) {
        is_within_reply = !heard->is_end;
        if (heard->is_end) patience = leg.settings().final_reply_timeout;
        co_await context.answer(std::move(heard->reply));
        if (context.is_over()) co_return std::nullopt;
        heard = co_await leg.hear(patience, in_lines);
    }
    const bool was_sent = leg.has_asked();
    if (!heard) co_return Lost{heard.error(), is_within_reply, was_sent};
    // RFC 959 5.4: a server may answer any command with 421, and then closes.
    if (auto lost = failover.loss_at(command, heard->reply))
        co_return Lost{std::move(*lost), is_within_reply, was_sent};
    context.journal.note(command, heard->reply);
    failover.hear(command, heard->reply);
    if (heard->reply.code == 421)
        context.end_because(fmt::format("the backend ended it: 421 {}", heard->reply.message()));
    co_await context.answer(std::move(heard->reply));
    co_return std::nullopt;
}

}  // namespace

loop::Task<> forward(Context& context, Failover& failover, ftp::Command command) {
    for (int losses = 0;;) {
        auto lost = co_await try_to_forward(context, failover, command);
        if (!lost) co_return;
        // The client has lines of a reply whose end it will not get.
        if (lost->is_within_reply) co_return co_await context.lose_backend(lost->error);
        if (ftp::may_repeat(command.line) || !lost->was_sent) {
            if (co_await failover.survive_command(std::move(lost->error), losses)) continue;
            co_return;
        }
        auto unknown = ftp::make_reply(451,
                                       "The connection to the server was lost: the command may or "
                                       "may not have been carried out.");
        context.journal.note(command, unknown);  // it has used up an RNFR
        if (co_await failover.survive(std::move(lost->error)))
            co_await context.answer(std::move(unknown));
        co_return;
    }
}

loop::Task<> abort_nothing(Context& context, Failover& failover) {
    context.forget_data();
    auto* const leg = context.assignment.leg();
    if (leg == nullptr || !leg->follows_client())
        co_return co_await context.answer(226, "Nothing to abort.");
    auto replies = co_await leg->abort_nothing();
    auto lost = replies ? failover.loss_at({.verb = "ABOR", .argument = {}, .line = "ABOR"},
                                           replies->back())
                        : replies.error();
    if (lost) {
        if (co_await failover.survive(std::move(*lost)))
            co_await context.answer(226, "Nothing to abort.");
        co_return;
    }
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
