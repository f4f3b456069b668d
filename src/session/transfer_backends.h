// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"
#include "session/failover.h"
#include "session/login.h"
#include "session/other_backends.h"
#include "session/transfer_count.h"

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::session {

/// The backends that one transfer is on, one after the other. Outlives the transfer.
class TransferBackends : public OtherBackends {
public:
    /// The first three outlive it. `verb` and `file` are for logs; they outlive it too.
    TransferBackends(Context& context, const Login& login, Failover& failover,
                     ftp::Direction direction, std::string_view verb, std::string_view file);
    ~TransferBackends() override { failover_.end_transfer(); }

    /// What holds for the traffic on the present one.
    [[nodiscard]] Traffic traffic() const;
    /// The names of all, with commas between them.
    [[nodiscard]] const std::string& names() const { return names_; }
    /// The transfer is over: it does not count any more.
    void end_count() { count_.reset(); }

    // For the transfer
    [[nodiscard]] bool is_down() const override;
    [[nodiscard]] bool is_to_move() const override;
    [[nodiscard]] bool take_abort() override { return context_.client.drop_deferred("ABOR"); }
    void leave(std::string_view why, Left left) override;
    [[nodiscard]] loop::Task<std::expected<backend::Leg*, std::string>> find(
        loop::Deadline until, bool may_wait) override;
    [[nodiscard]] Traffic go_there() override;
    void resumed(std::uint64_t bytes, loop::Time::duration pause) override;
    void end_trying() override { failover_.end_trying(); }
    void pass_over() override;
    void learn(const FileFacts& facts) override;

private:
    void note_left();

    Context& context_;
    const Login& login_;
    Failover& failover_;
    const ftp::Direction direction_;
    const std::string_view verb_;
    const std::string_view file_;
    std::string names_;
    std::optional<TransferCount> count_;
    std::vector<std::unique_ptr<backend::Leg>> former_legs_;  // the transfer may refer to the last
    std::vector<pool::BackendId> tried_;                      // since its bytes moved last
    std::string came_from_;  // the backend that those bytes came from
    Assignment found_;       // not yet the session's
    MoveCause cause_ = MoveCause::lost;
};

}  // namespace ballast::session
