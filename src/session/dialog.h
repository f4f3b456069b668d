// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "ftp/command.h"
#include "ftp/reply.h"
#include "ftp/verb.h"

#include <cstdint>
#include <string>

namespace ballast::session {

/// What the session must do with a command.
enum class Step : std::uint8_t {
    answer,          ///< send `Decision::reply`, nothing else
    refuse,          ///< the same; the listener does not allow the command
    answer_noted,    ///< the same; the journal keeps the command for the backend
    features,        ///< FEAT
    start_tls,       ///< AUTH: send `Decision::reply`, then the handshake
    pass_through,    ///< AUTH: send `Decision::reply`, then a backend's handshake
    leave_tls,       ///< CCC: send `Decision::reply`, then plain text
    log_in,          ///< USER: choose a backend
    credential,      ///< PASS, ACCT, and USER after login: forwarded, the login may change
    passive,         ///< PASV, EPSV
    active,          ///< PORT, EPRT
    restart,         ///< REST
    transfer,        ///< a verb that moves data
    maybe_transfer,  ///< an unknown verb while a data address is pending
    abort,           ///< ABOR while nothing moves
    reinitialize,    ///< REIN
    forward,
    quit,
};

struct Decision {
    Step step;
    ftp::Reply reply = {};  ///< for the steps that name it, else empty
};

/// Decides what to do with a command, by its verb and the state of the login. No I/O.
class Dialog {
public:
    enum class Login : std::uint8_t {
        none,         ///< no USER yet, or the last one failed
        in_progress,  ///< after 331 or 332
        done,         ///< after 230
    };

    explicit Dialog(const config::Listener& settings) : settings_(settings) {}

    /// `data_is_direct`: EPSV cannot name the backend's address, so it is never in force.
    [[nodiscard]] Decision next(const ftp::Command& command, bool has_data_address,
                                bool data_is_direct = false);

    [[nodiscard]] Login login() const { return login_; }
    void set_login(Login login) { login_ = login; }
    /// REIN and AUTH: returns to the state after the greeting.
    void reinitialize();

    /// The handshake after AUTH is done. `server_name` is what the client asked for (SNI).
    void tls_began(std::string server_name);
    /// The same on a connection that began with TLS.
    void tls_began_implicitly(std::string server_name) {
        auth_protects_data_ = true;
        tls_began(std::move(server_name));
    }
    void tls_left() { control_ = Control::left_tls; }
    /// FEAT lists AUTH if it is possible or was used. RFC 4217 does not say what FEAT lists under
    /// TLS. Servers list AUTH there too, and clients look for it.
    [[nodiscard]] bool offers_auth() const {
        return passes_through() ||
               (settings_.tls && settings_.tls->explicit_tls && control_ != Control::left_tls);
    }
    [[nodiscard]] bool passes_through() const {
        return settings_.mode == config::ListenerMode::passthrough;
    }
    /// The server name in the TLS handshake (SNI). Empty: none.
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
    [[nodiscard]] Decision data_setup(const ftp::Command& command, bool data_is_direct);
    [[nodiscard]] static Decision control(const ftp::Command& command);

    [[nodiscard]] bool requires_login_tls() const;
    [[nodiscard]] bool requires_data_tls() const;

    const config::Listener& settings_;
    Control control_ = Control::plain;
    std::string server_name_;
    bool auth_protects_data_ = false;     // the current AUTH implies PROT P
    bool has_protection_buffer_ = false;  // PBSZ was used
    bool protects_data_ = false;
    Login login_ = Login::none;
    bool epsv_all_ = false;  // RFC 2428 4
};

}  // namespace ballast::session
