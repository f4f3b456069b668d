// SPDX-License-Identifier: Apache-2.0
// STAT during a transfer.
#include "session/transfer_status.h"

#include "session/transfer.h"

#include <algorithm>
#include <array>

namespace ballast::session {

namespace {

/// How long a server may take to answer a STAT behind its transfer before it is asked by a NOOP
/// whether it will: Pure-FTPd 1.0.50 swallows some.
constexpr auto status_time = std::chrono::seconds(1);

}  // namespace

bool is_status_code(std::uint16_t code) {
    const bool may_end = code == 225 || code == 226 || code == 250;
    return (code / 100 == 2 && !may_end) || (code >= 500 && code <= 504) || code == 530;
}

bool ends_transfer(std::uint16_t code) {
    constexpr std::array<std::uint16_t, 10> codes = {225, 226, 250, 421, 425,
                                                     426, 451, 452, 551, 552};
    return std::ranges::find(codes, code) != codes.end();
}

/// Lines of a reply that goes on may be told as they come: it answers a STAT, or it shows that a
/// command was no transfer.
bool Transfer::may_pass_lines(std::uint16_t code) const {
    if (is_tentative() && !is_begun_ && !final_reply_) return true;
    if (is_fenced_ && code == parts_.backend.known().noop_code()) return false;
    return status_owed_ > 0 && (status_has_begun_ || is_status_code(code));
}

/// False: nothing new was here. The client is told no faster than it reads, and meanwhile nothing
/// is read of the backend.
loop::Task<bool> Transfer::pass_lines() {
    const auto code = parts_.backend.begun_code();
    if (code == 0 || !may_pass_lines(code)) co_return false;
    // Whose reply it is shows: the transfer's own comes before it.
    status_follows_ = final_reply_ && !final_is_told_ && !is_aborting_;
    if (status_follows_) co_return false;
    if (outcome_.client_is_lost) {
        // Its end may never come, and nobody wants it.
        lose_backend({base::Fault::client, {}, "the client did not take a reply"});
        co_return false;
    }
    auto lines = parts_.backend.take_lines();
    if (lines.empty()) co_return false;
    co_await answer({code, std::move(lines)});
    // The others on this thread have their turn.
    parts_.signal.raise();
    (void)co_await parts_.signal.wait(loop::never);
    co_return true;
}

/// The next reply, and what may be passed on of it before its end. Each line has `patience`. An
/// error as well if it must wait for the transfer's own reply (`status_follows_`).
loop::Task<base::Result<ftp::Reply>> Transfer::next_reply(loop::Time::duration patience,
                                                          loop::Deadline latest) {
    auto& backend = parts_.backend;
    auto since = loop().now();
    for (;;) {
        if (auto polled = backend.poll_reply()) co_return std::move(*polled);
        if (co_await pass_lines()) {
            since = loop().now();
            if (since < latest) continue;
        }
        // The rest of what it did not take is nobody's.
        if (outcome_.client_is_lost && backend.begun_code() != 0)
            co_return std::unexpected(backend.late());
        const auto deadline = loop::sooner(std::max(since, backend.line_at()) + patience, latest);
        if (status_follows_ || loop().now() >= deadline) co_return std::unexpected(backend.late());
        backend.watch();
        (void)co_await parts_.signal.wait(loop::sooner(deadline, backend.poll_at()));
    }
}

/// The answers to STATs that the backend still owes as the transfer seems over (vsftpd reads
/// nothing meanwhile), before its end is believed: what looked like it may have answered a STAT.
/// A server may also have swallowed one: the NOOP behind them is a fence, as behind ABOR.
loop::Task<> Transfer::settle_status() {
    auto& backend = parts_.backend;
    while (status_owed_ > 0 || is_fenced_) {
        const bool is_coming = is_fenced_ || backend.begun_code() != 0;
        auto reply = co_await next_reply(is_coming ? backend.answer_time("STAT") : status_time);
        // The transfer's own reply comes first; then this goes on.
        if (status_follows_) co_return;
        if (!reply) {
            const bool is_late = reply.error().code == std::errc::timed_out;
            const bool is_silent = is_late && backend.begun_code() == 0;
            // It has begun meanwhile, and has the time of a reply that comes.
            if (is_late && !is_silent && !is_coming && !outcome_.client_is_lost) continue;
            if (!is_silent || is_fenced_ || !co_await backend.send_meanwhile("NOOP")) {
                outcome_.backend_is_lost = true;
                break;
            }
            is_fenced_ = true;
        } else if (is_fenced_ &&
                   (status_owed_ == 0 || reply->code == backend.known().noop_code())) {
            is_fenced_ = false;
            // STAT may be answered with the same code, and NOOP behind it.
            auto next = status_owed_ > 0 ? co_await backend.reply(loop().after(abort_time))
                                         : base::Result<ftp::Reply>(std::move(*reply));
            if (!next && next.error().code != std::errc::timed_out) outcome_.backend_is_lost = true;
            if (next && status_owed_ > 0) co_await take_reply(std::move(*reply));
            break;
        } else {
            co_await take_reply(std::move(*reply));
        }
    }
    status_missing_ += std::exchange(status_owed_, 0);
}

/// What answers STATs behind the transfer's own reply.
loop::Task<> Transfer::pass_status_on() {
    for (auto& reply : std::exchange(status_replies_, {})) co_await answer(std::move(reply));
    if (std::exchange(status_follows_, false) && !outcome_.backend_is_lost) {
        final_is_told_ = true;
        co_await settle_status();
    }
    if (outcome_.backend_is_lost) co_return;
    for (; status_missing_ > 0; --status_missing_)
        co_await answer(ftp::make_reply(450, "The server did not tell its status."));
}

}  // namespace ballast::session
