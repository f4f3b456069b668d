// SPDX-License-Identifier: Apache-2.0
// A session's TLS on the control connection: beginning it, leaving it, and the tickets that data
// connections resume it with.
#include "metrics/counters.h"
#include "session/session.h"

namespace ballast::session {

/// AUTH, RFC 4217 4: the session is as after the greeting. HOST stays: RFC 7151 lets it come before
/// AUTH as well.
loop::Task<> Session::start_tls() {
    const auto proceed = dialog_.answer();
    forget_login_but_host();
    co_await answer(proceed);
    if (!is_over_) (void)co_await secure_control();
}

loop::Task<bool> Session::secure_control() {
    phase_ = Phase::securing;
    const auto deadline = signal_.loop().after(settings_.tls->handshake_timeout);
    const auto done = co_await client_.begin_tls(*surroundings_.tls, bond_,
                                                 loop::sooner(deadline, login_deadline_));
    if (!done) {
        metrics::count(metrics::Counter::tls_handshakes_failed);
        report(log::Level::info, "TLS failed", {{"reason", base::to_string(done.error())}});
        end_because("the TLS handshake failed");
        co_return false;
    }
    metrics::count(metrics::Counter::tls_control_handshakes);
    const auto& tls = *client_.tls();
    const auto server_name = tls.server_name();
    if (surroundings_.begins_with_tls)
        dialog_.tls_began_implicitly(server_name);
    else
        dialog_.tls_began(server_name);
    certificate_subject_ = tls.peer_subject();
    report(log::Level::info, "TLS began",
           {{"version", tls.version()},
            {"cipher", tls.cipher()},
            {"server_name", server_name},
            {"resumed", std::uint64_t{tls.is_resumed()}}});
    co_return true;
}

/// CCC, RFC 4217 6 and 12.2.
loop::Task<> Session::leave_tls() {
    co_await answer(dialog_.answer());
    if (is_over_) co_return;
    phase_ = Phase::securing;
    const auto deadline = signal_.loop().after(settings_.tls->handshake_timeout);
    if (const auto done = co_await client_.end_tls(deadline); !done) {
        report(log::Level::info, "CCC failed", {{"reason", base::to_string(done.error())}});
        end_because("TLS could not be left");
        co_return;
    }
    dialog_.tls_left();
}

/// A client's data connection may come, and begin its handshake, before the command.
void Session::welcome_data() {
    if (!client_data_.lease || !dialog_.protects_data()) return;
    if (client_data_.handshake.is_started() || !client_data_.lease->has_arrived()) return;
    client_data_.begin_tls(client_data_.lease->take(), {surroundings_.tls.get(), &bond_}, signal_);
}

/// Travels with the answer to PASV, EPSV, PORT or EPRT: many clients use a ticket only once, and
/// tickets grow old in long sessions.
void Session::refresh_ticket() {
    if (client_.tls() != nullptr && dialog_.protects_data())
        surroundings_.tls->refresh_ticket(*client_.tls());
}

}  // namespace ballast::session
