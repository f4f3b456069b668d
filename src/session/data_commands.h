// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"
#include "session/failover.h"
#include "session/login.h"
#include "session/transfer.h"
#include "session/transfer_backends.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::session {

/// What a session does about data connections: PASV, EPSV, PORT, EPRT, REST, and the transfers
/// themselves. The session has a backend.
class DataCommands {
public:
    /// All of them outlive the object.
    DataCommands(Context& context, const Login& login, Failover& failover)
        : context_(context), login_(login), failover_(failover) {}

    /// Ballast answers PASV and EPSV at once and alone. The backend is asked at the transfer. With
    /// `as-client` the backend is asked at once, and its own text is passed on with our numbers.
    [[nodiscard]] loop::Task<> passive(ftp::Command command);
    /// PORT and EPRT. RFC 2577 3: no third party's address and no well-known port.
    [[nodiscard]] loop::Task<> active(ftp::Command command);
    /// REST is kept, and sent as the last command before the transfer. If the backend's support is
    /// unknown, REST is also sent now to learn the answer. With `as-client` the client itself must
    /// send it last.
    [[nodiscard]] loop::Task<> restart(ftp::Command command);
    /// `tentative`: a verb that Ballast does not know. It may not start a transfer.
    [[nodiscard]] loop::Task<> transfer(ftp::Command command, bool tentative);

    /// The transfer that runs now.
    struct Running {
        RunningTransfer& transfer;
        std::string_view verb;
        std::string_view file;  ///< its path as far as it is known; empty: there is none
    };
    /// Null: none runs.
    [[nodiscard]] const Running* running() const { return running_; }
    /// False: none runs.
    bool end_transfer() {
        if (running_ != nullptr) running_->transfer.end_by_operator();
        return running_ != nullptr;
    }

private:
    [[nodiscard]] std::expected<base::Ip, ftp::Reply> announced_for(
        const ftp::Command& command) const;
    [[nodiscard]] loop::Task<bool> lend_port();
    [[nodiscard]] std::optional<ftp::Reply> refusal_of(const ftp::Command& command,
                                                       const base::Address& named) const;
    [[nodiscard]] bool is_behind_nat(const base::Ip& named) const;
    [[nodiscard]] bool may_name(const base::Ip& address) const;
    void warn_of_private(const base::Ip& announced) const;
    [[nodiscard]] loop::Task<bool> lead_past();
    /// Who carries the data of a transfer.
    enum class Path : std::uint8_t {
        relay,
        kernel,
        none,  ///< the client has its refusal
    };
    [[nodiscard]] loop::Task<Path> find_path(const ftp::Command& command, ftp::Direction direction);
    [[nodiscard]] loop::Task<std::optional<ftp::Reply>> pass_on(const ftp::Command& command);
    [[nodiscard]] loop::Task<base::Result<std::optional<ftp::Reply>>> try_to_pass_on(
        const ftp::Command& command);
    [[nodiscard]] loop::Task<std::optional<ftp::Reply>> say_restart(
        const ftp::Command& command, std::optional<std::uint64_t> offset);
    [[nodiscard]] loop::Task<std::optional<base::Error>> prepare_backend();
    [[nodiscard]] loop::Task<> pass_restart_on(ftp::Command command);
    [[nodiscard]] loop::Task<> refuse(const ftp::Command& command, ftp::Reply reply);
    [[nodiscard]] loop::Task<> refuse(const ftp::Command& command, std::uint16_t code,
                                      std::string_view text);
    [[nodiscard]] MoveTerms move_terms(const ftp::Command& command, ftp::Direction direction);
    [[nodiscard]] loop::Task<bool> kernel_leads_nobody(const ftp::Command& command);
    [[nodiscard]] loop::Task<> relay(const ftp::Command& command, const std::string& file,
                                     ftp::Direction direction, std::optional<std::uint64_t> restart,
                                     std::optional<base::Address> heard_at = {});
    [[nodiscard]] loop::Task<> transfer_directly(const ftp::Command& command,
                                                 const std::string& file, ftp::Direction direction,
                                                 std::optional<std::uint64_t> restart);
    void conclude(const ftp::Command& command, const std::string& file, std::string_view backends,
                  const TransferOutcome& outcome);
    [[nodiscard]] loop::Task<> go_on_after(const TransferOutcome& outcome,
                                           const backend::Leg* former);

    [[nodiscard]] std::string file_of(const ftp::Command& command, ftp::Direction direction) const;
    void record(const ftp::Command& command, const std::string& file, std::string_view backends,
                const TransferOutcome& outcome);
    void report(const ftp::Command& command, const std::string& file,
                const TransferOutcome& outcome);
    void tell(const ftp::Command& command, const std::string& file, const TransferOutcome& outcome);
    void tell_beginning(const ftp::Command& command, const std::string& file);

    Context& context_;
    const Login& login_;
    Failover& failover_;
    std::uint64_t lease_holder_ = 0;
    const Running* running_ = nullptr;
};

}  // namespace ballast::session
