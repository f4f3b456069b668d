// SPDX-License-Identifier: Apache-2.0
#include "session/view.h"

#include "session/session.h"

namespace ballast::session {

namespace {

View::Tls facts_of(const net::TlsStream& tls) {
    return {.version = std::string(tls.version()),
            .cipher = std::string(tls.cipher()),
            .server_name = tls.server_name(),
            .is_resumed = tls.is_resumed()};
}

}  // namespace

View Session::view() const {
    View view;
    view.id = context_.id;
    view.listener = context_.settings.name;
    view.client = context_.client.peer();
    view.user = context_.identity.user;
    view.backend_user = context_.user_at_backend();
    view.certificate = context_.identity.certificate;
    view.phase = context_.phase();
    view.phase_since = context_.phase_since();
    view.began_at = context_.began_at;
    view.command = context_.current_command;
    if (const auto* const tls = context_.client.tls()) view.client_tls = facts_of(*tls);
    if (context_.assignment) {
        view.pool = context_.assignment.settings().name;
        view.backend = context_.assignment.backend().name;
        const auto* const leg = context_.assignment.leg();
        if (leg != nullptr && leg->tls() != nullptr) {
            view.backend_tls = facts_of(*leg->tls());
            view.backend_tls->server_name.clear();
        }
    }
    if (const auto* const running = data_.running())
        view.transfer = {.verb = std::string(running->verb),
                         .file = std::string(running->file),
                         .progress = running->transfer.progress()};
    view.bytes = context_.totals.bytes;
    view.transfers = context_.totals.transfers;
    return view;
}

}  // namespace ballast::session
