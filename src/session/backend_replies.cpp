// SPDX-License-Identifier: Apache-2.0
#include "session/backend_replies.h"

#include "session/backend_end.h"

#include <chrono>
#include <utility>

namespace ballast::session {

namespace {

/// How long a server may take to hear ABOR before its data is reset.
constexpr auto abort_time = std::chrono::milliseconds(250);

/// How many replies, STAT's among them, may come between ABOR and the answer to the NOOP behind it.
constexpr int replies_to_noop_max = 16;

/// How long a server must be silent for its last reply to be taken for the answer to NOOP.
constexpr auto guess_time = std::chrono::seconds(1);

/// How long a server may take to answer a STAT behind its transfer before it is asked by a NOOP
/// whether it will: Pure-FTPd 1.0.50 swallows some.
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
            owed_.forget_stats();
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

/// Lines of a reply that goes on may be told as they come: it answers a STAT, or it shows that a
/// command was no transfer.
bool BackendReplies::may_pass_lines(std::uint16_t code) const {
    if (is_tentative_ && !owed_.is_begun() && !owed_.final_reply()) return true;
    if (is_fenced_ && code == leg_.known().noop_code()) return false;
    return owed_.answers_stat(code);
}

/// What the client may be told now of a reply whose end is not here.
backend::Leg::Part BackendReplies::part_of(std::uint16_t code) {
    using Part = backend::Leg::Part;
    if (!may_pass_lines(code)) return Part::whole;
    // Whose reply it is shows: the transfer's own comes before it.
    status_follows_ = owed_.final_reply() && !owed_.final_is_told() && !is_aborting_;
    if (status_follows_) return Part::none;
    if (!answers_.client_is_lost()) return Part::lines;
    // Its end may never come, and nobody wants it.
    lose_backend({base::Fault::client, {}, "the client did not take a reply"});
    return Part::none;
}

/// The client is told no faster than it reads, and meanwhile nothing is read of the backend.
loop::Task<> BackendReplies::pass_lines() {
    const auto code = leg_.begun_code();
    if (code == 0 || part_of(code) != backend::Leg::Part::lines) co_return;
    auto lines = leg_.take_lines();
    if (lines.empty()) co_return;
    co_await answers_.tell({code, std::move(lines)});
    // The others on this thread have their turn.
    signal_.raise();
    (void)co_await signal_.wait(loop::never);
}

/// The next reply; what may be passed on of it before its end has been. Each line has `patience`.
/// An error as well if it must wait for the transfer's own reply (`status_follows_`).
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
        // The transfer's own reply comes first; then this goes on.
        if (status_follows_) co_return;
        if (!reply) {
            const bool is_late = reply.error().code == std::errc::timed_out;
            const bool is_silent = is_late && leg_.begun_code() == 0;
            // It has begun meanwhile, and has the time of a reply that comes.
            if (is_late && !is_silent && !is_coming && !answers_.client_is_lost()) continue;
            if (!is_silent || is_fenced_ || !co_await leg_.send_meanwhile("NOOP")) {
                backend_is_lost_ = true;
                break;
            }
            is_fenced_ = true;
        } else if (is_fenced_ && (owed_.stats() == 0 || reply->code == leg_.known().noop_code())) {
            is_fenced_ = false;
            // STAT may be answered with the same code, and NOOP behind it.
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

loop::Task<bool> BackendReplies::abort(BackendEnd& data) {
    const auto patience =
        owed_.stats() > 0 ? leg_.answer_time("STAT") : leg_.settings().reply_timeout;
    is_aborting_ = true;
    status_follows_ = false;
    for (auto& reply : owed_.take_held()) co_await answers_.tell(std::move(reply));
    if (!co_await leg_.send_meanwhile("ABOR")) {
        backend_is_lost_ = true;
        co_return false;
    }
    // It shall hear ABOR before its data breaks: a server that receives may take a reset for the
    // end of the file (pyftpdlib 1.5.7), and the reply to a reset may come before ABOR was read, so
    // that the NOOP would be read together with it (JFileServer). Others (vsftpd) hear it only
    // then.
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

/// Up to the answer to the NOOP behind ABOR. False if it does not come.
loop::Task<bool> BackendReplies::hear_fence(loop::Time::duration patience) {
    auto& known = leg_.known();
    std::uint16_t last = 0;
    bool last_is_of_abort = false;
    for (int i = 0; i < replies_to_noop_max; ++i) {
        // Where nobody has asked yet what NOOP is answered with, the last of them all is the
        // answer.
        const bool is_guess = last != 0 && !known.knows_noop();
        auto reply = co_await next(is_guess ? guess_time : patience);
        const bool is_quiet = !reply && is_guess && reply.error().code == std::errc::timed_out &&
                              !leg_.is_partly_taken();
        if (is_quiet) {
            known.set_noop_code(last);
            if (last_is_of_abort) abort_replies_.pop_back();
        }
        if (!reply && !is_quiet) co_return false;
        if (is_quiet || reply->code == known.noop_code()) {
            // RFC 854: what was said before an interrupt may have been thrown away by it.
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
    else  // a reply that has ended the transfer before keeps its own words
        owed_.set_final_if_none(ftp::make_reply(226, "Aborted."));
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
    if (backend_is_lost_) co_return;
    for (auto missing = owed_.take_missing(); missing > 0; --missing)
        co_await answers_.tell(ftp::make_reply(450, "The server did not tell its status."));
}

loop::Task<> BackendReplies::tell_aborted() {
    const bool says_its_own = leg_.follows_client() && !backend_is_lost_ && !abort_replies_.empty();
    // The end of the transfer may have come before ABOR; the client has not got its data whole.
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
