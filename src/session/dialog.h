// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ftp/command.h"
#include "ftp/reply.h"
#include "ftp/verb.h"

#include <cstdint>

namespace ballast::session {

/// What the session shall do with a command.
enum class Step : std::uint8_t {
    answer,          ///< `Dialog::answer()`, nothing else
    answer_noted,    ///< the same, and the journal keeps the command for the backend
    features,        ///< FEAT
    log_in,          ///< USER: choose a backend
    credential,      ///< PASS, ACCT, and USER after login: forwarded, the login may change
    passive,         ///< PASV, EPSV
    active,          ///< PORT, EPRT
    restart,         ///< REST
    transfer,        ///< a verb that moves data
    maybe_transfer,  ///< a verb nobody knows while a data address is pending
    abort,           ///< ABOR while nothing moves
    reinitialize,    ///< REIN
    forward,
    quit,
};

/// Decides, from the verb and the state of the login, what to do with a command. No I/O: a table
/// with a memory.
class Dialog {
public:
    enum class Login : std::uint8_t {
        none,         ///< no USER yet, or the last one failed
        in_progress,  ///< 331 or 332 was said
        done,         ///< 230
    };

    [[nodiscard]] Step next(const ftp::Command& command, bool has_data_address);
    /// What to say after `Step::answer` and `answer_noted`.
    [[nodiscard]] const ftp::Reply& answer() const { return answer_; }

    [[nodiscard]] Login login() const { return login_; }
    void set_login(Login login) { login_ = login; }
    /// REIN: as after the greeting.
    void reinitialize();

private:
    Step say(std::uint16_t code, std::string_view text);
    Step before_login(const ftp::Command& command, const ftp::Verb* verb);
    Step data_setup(const ftp::Command& command);
    Step control(const ftp::Command& command);

    Login login_ = Login::none;
    bool epsv_all_ = false;  // RFC 2428 4
    ftp::Reply answer_;
};

}  // namespace ballast::session
