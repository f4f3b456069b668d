// SPDX-License-Identifier: Apache-2.0
#include "session/backend_replies.h"

#include "session/backend_end.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ballast::session {

namespace {

/// How long to wait between ABOR and the reset of the data.
constexpr auto abort_time = std::chrono::milliseconds(250);

/// How many replies, STAT's included, may come between ABOR and the answer to its NOOP.
constexpr int replies_to_noop_max = 16;

/// After this silence the last reply counts as the answer to NOOP. A server that is slow has
/// longer.
constexpr loop::Time::duration guess_time = std::chrono::seconds(1);

/// How long a server may take to answer a STAT after its transfer. Then a NOOP finds out whether an
/// answer will come: Pure-FTPd 1.0.50 swallows some STATs.
constexpr auto status_time = std::chrono::seconds(1);

}  // namespace

loop::Task<> BackendReplies::tell_150() {
    owed_.note_own_150();
    return answers_.tell(ftp::make_reply(150, "Ready for the data connection."));
}

void BackendReplies::lose_backend(std::string reason) {
    missing_ = std::move(reason);
    backend_is_lost_ = true;
}

loop::Task<> BackendReplies::take(bool data_is_pending) {
    while (is_awaited()) {
        auto polled = leg_.poll_reply();
        if (!polled) co_return co_await pass_lines();
        if (*polled) {
            co_await sort(std::move(**polled), data_is_pending);
        } else if (owed_.final_reply()) {
            backend_is_lost_ = true;
            owed_.give_up_stats();
        } else {
            lose_backend(polled->error());
        }
    }
}

loop::Task<> BackendReplies::sort(ftp::Reply reply, bool data_is_pending) {
    auto told = owed_.take(std::move(reply), data_is_pending);
    if (told) co_await answers_.tell(std::move(*told));
}

loop::Task<> BackendReplies::pass_stat(std::string line) {
    if (auto sent = co_await leg_.send_meanwhile(std::move(line)); !sent)
        lose_backend(sent.error());
    owed_.add_stat();
}

/// Lines of an unfinished reply may go to the client at once if it answers a STAT, or if it shows
/// that the command was not a transfer.
bool BackendReplies::may_pass_lines(std::uint16_t code) const {
    if (is_tentative_ && !owed_.is_begun() && !owed_.final_reply()) return true;
    if (is_fenced_ && code == leg_.known().noop_code()) return false;
    return owed_.answers_stat(code);
}

/// Which part of an unfinished reply may go to the client now.
backend::Leg::Part BackendReplies::part_of(std::uint16_t code) {
    using Part = backend::Leg::Part;
    if (!may_pass_lines(code)) return Part::whole;
    // The reply answers a STAT. The transfer's own reply goes first.
    status_follows_ = owed_.final_reply() && !owed_.final_is_told() && !is_aborting_;
    if (status_follows_) return Part::none;
    if (!answers_.client_is_lost()) return Part::lines;
    // The rest of the reply may never come, and the client is gone.
    lose_backend({base::Fault::client, {}, "the client did not take a reply"});
    return Part::none;
}

/// Sends no faster than the client reads. Meanwhile nothing is read from the backend.
loop::Task<> BackendReplies::pass_lines() {
    const auto code = leg_.begun_code();
    if (code == 0 || part_of(code) != backend::Leg::Part::lines) co_return;
    auto lines = leg_.take_lines();
    if (lines.empty()) co_return;
    co_await answers_.tell({code, std::move(lines)});
    // Let the other sessions on this thread run.
    signal_.raise();
    (void)co_await signal_.wait(loop::never);
}

/// Returns the next reply, or its end if its beginning was passed on. `patience` applies to each
/// line. Also an error if the reply must wait for the transfer's own one (`status_follows_`).
loop::Task<base::Result<ftp::Reply>> BackendReplies::next(loop::Time::duration patience,
                                                          loop::Deadline latest) {
    for (;;) {
        auto heard = co_await leg_.hear(patience, latest,
                                        [this](std::uint16_t code) { return part_of(code); });
        if (!heard) co_return std::unexpected(std::move(heard.error()));
        if (heard->is_end) co_return std::move(heard->reply);
        co_await answers_.tell(std::move(heard->reply));
        if (now() >= latest) co_return std::unexpected(leg_.late());
    }
}

loop::Task<> BackendReplies::settle_stats(bool data_is_pending) {
    while (owed_.stats() > 0 || is_fenced_) {
        const bool is_coming = is_fenced_ || leg_.begun_code() != 0;
        auto reply = co_await next(is_coming ? leg_.answer_time("STAT") : status_time);
        // The transfer's own reply goes first. Then `tell_stats` continues here.
        if (status_follows_) co_return;
        if (!reply) {
            const bool is_late = reply.error().code == std::errc::timed_out;
            const bool is_silent = is_late && leg_.begun_code() == 0;
            // The answer has begun meanwhile, so its longer time limit applies.
            if (is_late && !is_silent && !is_coming && !answers_.client_is_lost()) continue;
            if (!is_silent || is_fenced_ || !co_await leg_.send_meanwhile("NOOP")) {
                backend_is_lost_ = true;
                break;
            }
            is_fenced_ = true;
        } else if (is_fenced_ && (owed_.stats() == 0 || reply->code == leg_.known().noop_code())) {
            is_fenced_ = false;
            // STAT may get the same code as NOOP. Then NOOP's answer follows.
            auto next = owed_.stats() > 0 ? co_await leg_.reply(signal_.loop().after(abort_time))
                                          : base::Result<ftp::Reply>(std::move(*reply));
            if (!next && next.error().code != std::errc::timed_out) backend_is_lost_ = true;
            if (next && owed_.stats() > 0) co_await sort(std::move(*reply), data_is_pending);
            break;
        } else {
            co_await sort(std::move(*reply), data_is_pending);
        }
    }
    owed_.give_up_stats();
}

loop::Task<bool> BackendReplies::abort(BackendEnd& data, loop::Time::duration patience_max) {
    const loop::Time::duration usual =
        owed_.stats() > 0 ? leg_.answer_time("STAT") : leg_.settings().reply_timeout;
    const auto patience = std::min(usual, patience_max);
    is_aborting_ = true;
    status_follows_ = false;
    for (auto& reply : owed_.take_held()) co_await answers_.tell(std::move(reply));
    // It may hang, and nobody waits for it any more.
    if (backend_is_lost_) {
        data.reset();
        co_return false;
    }
    if (!co_await leg_.send_meanwhile("ABOR")) {
        backend_is_lost_ = true;
        co_return false;
    }
    // Let the server hear ABOR before its data breaks. A receiving server may take a reset for the
    // end of the file (pyftpdlib 1.5.7). A server may also answer the reset before it reads ABOR,
    // and then read the NOOP together with ABOR (JFileServer). Others (vsftpd) hear ABOR only after
    // the reset.
    auto first = co_await next(abort_time, signal_.loop().after(abort_time));
    data.reset();
    if (!first) first = co_await next(patience);
    while (first && owed_.stats() > 0 && is_status_code(first->code)) {
        owed_.count_stat_answered();
        co_await answers_.tell(std::move(*first));
        first = co_await next(patience);
    }
    if (first && co_await leg_.send_meanwhile("NOOP")) {
        abort_replies_.push_back(std::move(*first));
        if (co_await hear_fence(patience)) co_return true;
    }
    backend_is_lost_ = true;
    co_return false;
}

/// Reads up to the answer to the NOOP behind ABOR. False if it does not come.
loop::Task<bool> BackendReplies::hear_fence(loop::Time::duration patience) {
    auto& known = leg_.known();
    std::uint16_t last = 0;
    bool last_is_of_abort = false;
    auto guess = std::min(guess_time, patience);
    for (int i = 0; i < replies_to_noop_max; ++i) {
        // The backend's answer to NOOP may be unknown so far. Then the last reply is that answer.
        const bool is_guess = last != 0 && !known.knows_noop();
        const auto asked_at = now();
        auto reply = co_await next(is_guess ? guess : patience);
        // The next reply may take as long as this one.
        guess = std::min(std::max(guess, 2 * (now() - asked_at)), patience);
        const bool is_quiet = !reply && is_guess && reply.error().code == std::errc::timed_out &&
                              !leg_.is_partly_taken();
        if (is_quiet) {
            known.set_noop_code(last);
            if (last_is_of_abort) abort_replies_.pop_back();
        }
        if (!reply && !is_quiet) co_return false;
        if (is_quiet || reply->code == known.noop_code()) {
            // RFC 854: an interrupt may discard commands that were sent before it.
            for (; owed_.stats() > 0; owed_.count_stat_answered())
                co_await answers_.tell(ftp::make_reply(450, "The server did not tell its status."));
            co_return true;
        }
        last = reply->code;
        const bool is_of_status =
            owed_.stats() > 0 && (is_status_code(reply->code) || !ends_transfer(reply->code));
        last_is_of_abort = !is_of_status && abort_replies_.size() < backend::Leg::abort_replies_max;
        if (is_of_status) {
            owed_.count_stat_answered();
            co_await answers_.tell(std::move(*reply));
        } else if (last_is_of_abort) {
            abort_replies_.push_back(std::move(*reply));
        }
    }
    co_return false;
}

loop::Task<> BackendReplies::abort_broken(BackendEnd& data) {
    if (!co_await abort(data))
        lose_backend({base::Fault::backend, {}, "the server did not answer ABOR"});
    else  // a reply that has already ended the transfer stays
        owed_.set_final_if_none(ftp::make_reply(226, "Aborted."));
}

loop::Task<std::vector<ftp::Reply>> BackendReplies::settle_abort() {
    is_aborting_ = true;
    if (!co_await leg_.send_meanwhile("NOOP") ||
        !co_await hear_fence(leg_.settings().reply_timeout))
        backend_is_lost_ = true;
    co_return std::exchange(abort_replies_, {});
}

loop::Task<> BackendReplies::tell_final() {
    auto told = owed_.take_final();
    if (told) co_await answers_.tell(std::move(*told));
}

loop::Task<> BackendReplies::tell_stats(bool data_is_pending) {
    for (auto& reply : owed_.take_held()) co_await answers_.tell(std::move(reply));
    if (std::exchange(status_follows_, false) && !backend_is_lost_) {
        owed_.note_final_told();
        co_await settle_stats(data_is_pending);
    }
    if (backend_is_lost_ && !may_outlive_backend_) co_return;
    if (backend_is_lost_) owed_.give_up_stats();
    for (auto missing = owed_.take_missing(); missing > 0; --missing)
        co_await answers_.tell(ftp::make_reply(450, "The server did not tell its status."));
}

loop::Task<> BackendReplies::tell_aborted() {
    const bool says_its_own = leg_.follows_client() && !backend_is_lost_ && !abort_replies_.empty();
    // The transfer may have ended before ABOR, but the client does not have all data.
    if (!says_its_own || owed_.final_reply())
        co_await answers_.tell(ftp::make_reply(426, "Connection closed; transfer aborted."));
    if (!says_its_own) co_return co_await answers_.tell(ftp::make_reply(226, "ABOR successful."));
    for (auto& reply : std::exchange(abort_replies_, {})) co_await answers_.tell(std::move(reply));
}

loop::Task<> BackendReplies::answer_late_abort() {
    if (!leg_.follows_client() || backend_is_lost_)
        co_return co_await answers_.tell(
            ftp::make_reply(226, "Nothing to abort: the transfer has ended."));
    auto replies = co_await leg_.abort_nothing();
    if (!replies) co_return lose_backend(replies.error());
    for (auto& reply : *replies) co_await answers_.tell(std::move(reply));
}

}  // namespace ballast::session
