// SPDX-License-Identifier: Apache-2.0
#include "session/view.h"

#include "session/session.h"
#include "session/transfer_outcome.h"

#include <chrono>
#include <fmt/format.h>

namespace ballast::session {

namespace {

View::Tls facts_of(const net::TlsStream& tls) {
    return {.version = std::string(tls.version()),
            .cipher = std::string(tls.cipher()),
            .server_name = tls.server_name(),
            .is_resumed = tls.is_resumed()};
}

/// Of the transfer that runs.
std::string_view path_of(const Context& context) {
    if (context.client_data.passage) return kernel_path;
    return context.data_is_direct() ? direct_path : relay_path;
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
                         .path = std::string(path_of(context_)),
                         .progress = running->transfer.progress()};
    view.bytes = context_.totals.bytes;
    view.transfers = context_.totals.transfers;
    return view;
}

std::string Session::story() const {
    if (!context_.story.is_kept()) return {};
    auto bytes = context_.story.copy();
    const auto now = context_.now();
    const auto* const running = data_.running();
    const auto transfer = running != nullptr ? std::optional(running->transfer.progress())
                                             : std::optional<TransferProgress>();
    const std::string phase =
        transfer ? fmt::format("{} ({})", to_string(context_.phase()), to_string(transfer->phase))
                 : std::string(to_string(context_.phase()));
    append_entry(bytes,
                 std::chrono::duration_cast<std::chrono::microseconds>(now - context_.began_at),
                 Fact::now,
                 {phase, context_.current_command, now - context_.phase_since(),
                  transfer ? transfer->bytes : 0, transfer ? transfer->size.value_or(0) : 0});
    return bytes;
}

}  // namespace ballast::session
