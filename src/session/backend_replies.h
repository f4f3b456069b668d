// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "session/answers.h"
#include "session/replies_owed.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ballast::session {

class BackendEnd;

/// The backend's control connection during one transfer. Sorts its replies and passes them on to
/// the client. Sends STAT and ABOR at once.
class BackendReplies {
public:
    /// `is_tentative`: the command may turn out to be no transfer. `may_outlive_backend`: the
    /// session goes on without this backend, so the client gets a reply for each STAT.
    BackendReplies(backend::Leg& leg, Answers& answers, loop::Signal& signal, bool is_tentative,
                   bool may_outlive_backend)
        : leg_(leg),
          answers_(answers),
          signal_(signal),
          is_tentative_(is_tentative),
          may_outlive_backend_(may_outlive_backend) {}

    [[nodiscard]] const RepliesOwed& owed() const { return owed_; }
    /// Our own 150, sent before the backend has received the command.
    [[nodiscard]] loop::Task<> tell_150();
    /// The client has got a former backend's 1xx.
    void note_announced() { owed_.note_former_150(); }
    /// Whether replies are still expected now. The answer to a STAT that begins behind the final
    /// reply is left unread until the client has received that reply.
    [[nodiscard]] bool is_awaited() const {
        return (!owed_.final_reply() || owed_.stats() > 0) && !is_missing() && !status_follows_;
    }
    /// No final reply will come. `missing` says why.
    [[nodiscard]] bool is_missing() const { return !missing_.empty(); }
    [[nodiscard]] const std::string& missing() const { return missing_; }
    [[nodiscard]] bool backend_is_lost() const { return backend_is_lost_; }
    void lose_backend(const base::Error& error) { lose_backend(base::to_string(error)); }
    void lose_backend(std::string reason);

    /// Takes the replies that have arrived. `data_is_pending` as in `RepliesOwed`.
    [[nodiscard]] loop::Task<> take(bool data_is_pending);
    /// Whether another STAT may be sent.
    [[nodiscard]] bool has_room_for_stat() const {
        return owed_.is_begun() && !owed_.final_reply() && owed_.stats() < RepliesOwed::stats_max;
    }
    [[nodiscard]] loop::Task<> pass_stat(std::string line);
    /// Waits for the answers to STATs once the transfer seems over (vsftpd reads no commands before
    /// that). The reply taken for the final one may have answered a STAT. Some servers swallow a
    /// STAT, so a NOOP behind them serves as a fence, as it does behind ABOR.
    [[nodiscard]] loop::Task<> settle_stats(bool data_is_pending);
    /// Aborts the transfer on the backend, resets its data, and waits until no more replies are
    /// expected. Servers answer ABOR with one, two or three replies. A NOOP sent after the first
    /// serves as a fence: all replies before its answer belong to ABOR. False if the backend is
    /// lost.
    [[nodiscard]] loop::Task<bool> abort(
        BackendEnd& data, loop::Time::duration patience_max = loop::Time::duration::max());
    /// The same for a broken transfer. If no final reply came, ABOR's counts as one.
    [[nodiscard]] loop::Task<> abort_broken(BackendEnd& data);

    // For data that Ballast does not see, and so cannot break (`data = "direct"`)

    /// Hears the backend's other replies to an ABOR, after the final one: all up to the answer to a
    /// NOOP. Returns them. The backend may be lost then.
    [[nodiscard]] loop::Task<std::vector<ftp::Reply>> settle_abort();
    /// No STAT will be answered any more.
    void give_up_stats() { owed_.give_up_stats(); }

    /// The backend's final reply, with the text of its 1xx if the client got our 150 instead.
    [[nodiscard]] loop::Task<> tell_final();
    /// The answers to STATs that came behind it, or that will not come any more.
    [[nodiscard]] loop::Task<> tell_stats(bool data_is_pending);
    /// The two replies to the client's ABOR, RFC 959 4.1.3.
    [[nodiscard]] loop::Task<> tell_aborted();
    /// The answer to an ABOR that came as the transfer ended. RFC 959 requires one.
    [[nodiscard]] loop::Task<> answer_late_abort();

private:
    [[nodiscard]] backend::Leg::Part part_of(std::uint16_t code);
    [[nodiscard]] bool may_pass_lines(std::uint16_t code) const;
    [[nodiscard]] loop::Task<> pass_lines();
    [[nodiscard]] loop::Task<base::Result<ftp::Reply>> next(loop::Time::duration patience,
                                                            loop::Deadline latest = loop::never);
    [[nodiscard]] loop::Task<> sort(ftp::Reply reply, bool data_is_pending);
    [[nodiscard]] loop::Task<bool> hear_fence(loop::Time::duration patience);
    [[nodiscard]] loop::Time now() const { return signal_.loop().now(); }

    backend::Leg& leg_;
    Answers& answers_;
    loop::Signal& signal_;
    const bool is_tentative_;
    const bool may_outlive_backend_;

    RepliesOwed owed_;
    std::string missing_;
    bool backend_is_lost_ = false;
    bool status_follows_ = false;  // its answer has begun, behind the final reply
    bool is_fenced_ = false;       // a NOOP was sent behind the STATs
    bool is_aborting_ = false;
    std::vector<ftp::Reply> abort_replies_;  // from the backend
};

}  // namespace ballast::session
