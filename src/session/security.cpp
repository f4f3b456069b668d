// SPDX-License-Identifier: Apache-2.0
#include "session/security.h"

#include "metrics/counters.h"

namespace ballast::session {

loop::Task<bool> secure_control(Context& context) {
    context.set_phase(Phase::securing);
    const auto began = context.now();
    const auto deadline = began + context.settings.tls->handshake_timeout;
    const auto done = co_await context.client.begin_tls(
        *context.surroundings.tls, context.bond, loop::sooner(deadline, context.login_deadline));
    if (!done) {
        metrics::count(metrics::Counter::tls_handshakes_failed);
        const auto reason = base::to_string(done.error());
        context.report(log::Level::info, "TLS failed", {{"reason", reason}});
        context.story.note(context.now(), Fact::tls_failed, {reason, context.now() - began});
        context.end_because("the TLS handshake failed");
        co_return false;
    }
    const auto& tls = *context.client.tls();
    metrics::count(metrics::Counter::tls_control_handshakes);
    if (tls.is_resumed()) metrics::count(metrics::Counter::tls_control_handshakes_resumed);
    metrics::count(tls.version() == "TLSv1.3"   ? metrics::Counter::tls_1_3
                   : tls.version() == "TLSv1.2" ? metrics::Counter::tls_1_2
                                                : metrics::Counter::tls_older);
    const auto server_name = tls.server_name();
    if (context.surroundings.begins_with_tls)
        context.dialog.tls_began_implicitly(server_name);
    else
        context.dialog.tls_began(server_name);
    context.identity.certificate = tls.peer_subject();
    context.report(log::Level::info, "TLS began",
                   {{"version", tls.version()},
                    {"cipher", tls.cipher()},
                    {"server_name", server_name},
                    {"resumed", std::uint64_t{tls.is_resumed()}}});
    context.story.note(context.now(), Fact::tls_began,
                       {tls.version(), tls.cipher(), server_name, tls.is_resumed(),
                        context.identity.certificate, context.now() - began});
    co_return true;
}

loop::Task<> leave_tls(Context& context) {
    context.set_phase(Phase::securing);
    const auto deadline = context.loop().after(context.settings.tls->handshake_timeout);
    if (const auto done = co_await context.client.end_tls(deadline); !done) {
        context.report(log::Level::info, "CCC failed", {{"reason", base::to_string(done.error())}});
        context.end_because("TLS could not be left");
        co_return;
    }
    context.dialog.tls_left();
    context.story.note(context.now(), Fact::tls_left);
}

void welcome_data(Context& context) {
    auto& data = context.client_data;
    if (!data.lease || !context.dialog.protects_data()) return;
    if (data.handshake.is_started() || !data.lease->has_arrived()) return;
    data.begin_tls(data.lease->take(), {context.surroundings.tls.get(), &context.bond},
                   context.signal);
}

void refresh_ticket(Context& context) {
    if (context.client.tls() != nullptr && context.dialog.protects_data())
        context.surroundings.tls->refresh_ticket(*context.client.tls());
}

}  // namespace ballast::session
