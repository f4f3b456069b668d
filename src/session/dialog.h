// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "ftp/command.h"
#include "ftp/reply.h"
#include "ftp/verb.h"

#include <cstdint>
#include <string>

namespace ballast::session {

/// What the session shall do with a command.
enum class Step : std::uint8_t {
    answer,          ///< say `Decision::reply`, nothing else
    refuse,          ///< the same, for a command that the listener does not allow
    answer_noted,    ///< the same, and the journal keeps the command for the backend
    features,        ///< FEAT
    start_tls,       ///< AUTH: say `Decision::reply`, then the handshake
    pass_through,    ///< AUTH: say `Decision::reply`, then the handshake is a backend's
    leave_tls,       ///< CCC: say `Decision::reply`, then plain text
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

struct Decision {
    Step step;
    ftp::Reply reply = {};  ///< for the steps that name it, else empty
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

    explicit Dialog(const config::Listener& settings) : settings_(settings) {}

    [[nodiscard]] Decision next(const ftp::Command& command, bool has_data_address);

    [[nodiscard]] Login login() const { return login_; }
    void set_login(Login login) { login_ = login; }
    /// REIN and AUTH: as after the greeting.
    void reinitialize();

    /// The handshake that AUTH began is done. `server_name` is what the client asked for (SNI).
    void tls_began(std::string server_name);
    /// The same on a connection that began with TLS.
    void tls_began_implicitly(std::string server_name) {
        auth_protects_data_ = true;
        tls_began(std::move(server_name));
    }
    void tls_left() { control_ = Control::left_tls; }
    /// FEAT lists AUTH: it may be said, or it was. RFC 4217 leaves open what FEAT says under TLS;
    /// servers list AUTH there too, and clients look for it.
    [[nodiscard]] bool offers_auth() const {
        return passes_through() ||
               (settings_.tls && settings_.tls->explicit_tls && control_ != Control::left_tls);
    }
    [[nodiscard]] bool passes_through() const {
        return settings_.mode == config::ListenerMode::passthrough;
    }
    /// What the TLS handshake asked for (SNI); empty: nothing.
    [[nodiscard]] const std::string& server_name() const { return server_name_; }
    /// Data connections are under TLS (PROT P).
    [[nodiscard]] bool protects_data() const { return protects_data_; }

private:
    enum class Control : std::uint8_t { plain, tls, left_tls };

    [[nodiscard]] Decision auth(const ftp::Command& command);
    [[nodiscard]] Decision protection_buffer(const ftp::Command& command);
    [[nodiscard]] Decision protection(const ftp::Command& command);
    [[nodiscard]] Decision clear_control() const;
    [[nodiscard]] Decision host(const ftp::Command& command) const;
    [[nodiscard]] Decision user(const ftp::Command& command) const;
    [[nodiscard]] Decision before_login(const ftp::Command& command, const ftp::Verb* verb) const;
    [[nodiscard]] bool is_too_long(const ftp::Command& command, const ftp::Verb& verb) const;
    [[nodiscard]] Decision data_setup(const ftp::Command& command);
    [[nodiscard]] static Decision control(const ftp::Command& command);

    [[nodiscard]] bool requires_login_tls() const;
    [[nodiscard]] bool requires_data_tls() const;

    const config::Listener& settings_;
    Control control_ = Control::plain;
    std::string server_name_;
    bool auth_protects_data_ = false;     // the AUTH that is being followed implies PROT P
    bool has_protection_buffer_ = false;  // PBSZ
    bool protects_data_ = false;
    Login login_ = Login::none;
    bool epsv_all_ = false;  // RFC 2428 4
};

}  // namespace ballast::session
