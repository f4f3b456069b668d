// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/answers.h"
#include "session/backend_replies.h"
#include "session/context.h"
#include "session/running_transfer.h"
#include "session/transfer_outcome.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::session {

/// One transfer between the client and its backend, past Ballast (`data = "direct"`, or a passage
/// through the kernel), from the command to the last reply. Ballast passes on the replies, and the
/// client's ABOR and STAT. It does not see direct data, so it knows neither their amount nor
/// whether they still move. Once the backend has begun, only the backend, the client and operators
/// end the transfer. Of data that the kernel carries it knows both: a stalled transfer ends, and
/// the last reply is held back until both ends have closed the data connection.
///
/// The client's data address is spent afterwards, unless the command was not a transfer after all.
class DirectTransfer : public RunningTransfer {
public:
    /// The context outlives it. `direction` is `unknown` for a command that may not be a transfer.
    /// `may_survive`: the session goes on without its backend. `moved` counts what the kernel has
    /// carried for the backend.
    DirectTransfer(Context& context, std::string line, ftp::Direction direction,
                   std::optional<std::uint64_t> restart, bool may_survive,
                   std::shared_ptr<pool::ByteCount> moved);
    /// Ends data that the kernel still carries.
    ~DirectTransfer() override;
    DirectTransfer(const DirectTransfer&) = delete;
    DirectTransfer& operator=(const DirectTransfer&) = delete;

    [[nodiscard]] loop::Task<TransferOutcome> run();
    /// After `run`: the client's connection has come to Ballast, and not through the kernel. The
    /// backend has the command and waits at this port for a relay's connection.
    [[nodiscard]] std::optional<base::Address> goes_on_at() const { return goes_on_at_; }
    /// The backend that it is on.
    [[nodiscard]] const backend::Leg* backend() const { return &leg_; }
    [[nodiscard]] TransferProgress progress() const override;
    /// The backend hears ABOR. If it does not end the transfer soon, it is left.
    void end_by_operator() override;

private:
    [[nodiscard]] loop::Task<bool> begin();
    [[nodiscard]] loop::Task<bool> prepare();
    void look_at_passage();
    [[nodiscard]] bool is_carried() const;
    void look_for_stray();
    [[nodiscard]] bool is_said_of_stray() const;
    [[nodiscard]] bool may_be_relayed() const;
    [[nodiscard]] loop::Deadline data_until() const;
    [[nodiscard]] loop::Task<> hold_final();
    [[nodiscard]] loop::Task<bool> send_restart();
    [[nodiscard]] loop::Task<> carry();
    [[nodiscard]] loop::Task<> hear_client();
    [[nodiscard]] loop::Task<> hear_command(ftp::Command command);
    [[nodiscard]] loop::Task<> pass_abort();
    [[nodiscard]] TransferReason interruption() const;
    [[nodiscard]] loop::Deadline answer_until() const;
    [[nodiscard]] loop::Task<> break_off(TransferReason why);
    [[nodiscard]] loop::Task<> finish();
    [[nodiscard]] loop::Task<> tell_farewell();
    [[nodiscard]] loop::Task<> tell_failure(std::string_view words);
    [[nodiscard]] loop::Task<> refuse(ftp::Reply reply);
    [[nodiscard]] loop::Task<> refuse_as_backend(std::string_view doing, ftp::Reply reply);
    [[nodiscard]] loop::Task<> refuse_for_lost_backend(const base::Error& error);
    void note_final(const ftp::Reply& reply);
    void note_end();

    Context& context_;
    backend::Leg& leg_;
    const std::string line_;
    const std::optional<std::uint64_t> restart_;
    const bool may_survive_;
    Answers answers_;
    BackendReplies replies_;
    TransferOutcome outcome_;
    loop::Time started_;
    loop::Time sent_at_{};
    nat::Passage* const passage_;  // null: `data = "direct"`
    const std::shared_ptr<pool::ByteCount> moved_;
    std::optional<loop::Time> begun_at_;
    std::optional<loop::Time> connected_at_;
    std::optional<loop::Time> closed_at_;
    std::uint64_t counted_ = 0;  // bytes when the present time for `data_stall_bytes` began
    loop::Time counted_at_{};
    std::optional<base::Address> goes_on_at_;
    bool has_strayed_ = false;    // the data connection has come to Ballast
    bool is_taken_back_ = false;  // the way; nobody has used it, as far as is known
    bool is_over_ = false;
    bool abort_is_sent_ = false;
    bool client_has_left_ = false;
    bool asks_about_file_ = false;             // a STAT with an argument
    std::optional<loop::Time> operator_ends_;  // and when the backend is left
};

}  // namespace ballast::session
