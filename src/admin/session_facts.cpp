// SPDX-License-Identifier: Apache-2.0
#include "admin/session_facts.h"

#include "base/address.h"

namespace ballast::admin {

namespace {

std::optional<TlsFacts> facts_of(const std::optional<session::View::Tls>& tls) {
    if (!tls) return std::nullopt;
    return TlsFacts{tls->version, tls->cipher, tls->server_name, tls->is_resumed};
}

double seconds(loop::Time::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

SessionState state_of(const session::View& view, const Now& now) {
    return {.id = view.id,
            .listener = view.listener,
            .client = base::to_string(view.client),
            .user = view.user,
            .backend_user = view.backend_user,
            .certificate = view.certificate,
            .pool = view.pool,
            .backend = view.backend,
            .phase = std::string(to_string(view.phase)),
            .phase_since = now.wall_of(view.phase_since),
            .began = now.wall_of(view.began_at),
            .command = view.command,
            .client_tls = facts_of(view.client_tls),
            .backend_tls = facts_of(view.backend_tls),
            .is_transferring = view.transfer.has_value(),
            .bytes = view.bytes,
            .transfers = view.transfers};
}

std::optional<TransferState> transfer_of(const session::View& view, const Now& now) {
    if (!view.transfer) return std::nullopt;
    const auto& progress = view.transfer->progress;
    TransferState state{.session = view.id,
                        .client = base::to_string(view.client),
                        .user = view.user,
                        .listener = view.listener,
                        .pool = view.pool,
                        .backend = view.backend,
                        .verb = view.transfer->verb,
                        .file = view.transfer->file,
                        .direction = std::string(to_string(progress.direction)),
                        .path = view.transfer->path,
                        .phase = std::string(to_string(progress.phase)),
                        .began = {},
                        .bytes = progress.bytes,
                        .size = progress.size,
                        .seconds_left = {},
                        .pauses = progress.pauses,
                        .paused_seconds = seconds(progress.paused)};
    if (!progress.moving_since) return state;
    state.began = now.wall_of(*progress.moving_since);
    state.seconds = seconds(now.loop - *progress.moving_since);
    if (state.seconds <= 0 || progress.bytes == 0) return state;
    state.bytes_per_second = static_cast<double>(progress.bytes) / state.seconds;
    if (progress.size && *progress.size >= progress.bytes)
        state.seconds_left =
            static_cast<double>(*progress.size - progress.bytes) / state.bytes_per_second;
    return state;
}

}  // namespace ballast::admin
