// SPDX-License-Identifier: Apache-2.0
#include "metrics/counters.h"

#include "metrics/per_thread.h"

#include <array>
#include <cstddef>

namespace ballast::metrics {

namespace {

constexpr auto rows = std::to_array<CounterRow>({
    {Counter::sessions_accepted, "sessions_accepted", "A client connected."},
    {Counter::sessions_not_admitted, "sessions_not_admitted",
     "A client came from a network that the listener does not admit, or while the balancer "
     "drained."},
    {Counter::sessions_from_ourselves, "sessions_from_ourselves",
     "A backend leads back to a listener: the session was refused."},
    {Counter::limit_sessions, "limit_sessions",
     "A session was refused: the process or the listener had too many."},
    {Counter::limit_session_rate, "limit_session_rate",
     "A session was refused: too many came at once."},
    {Counter::limit_sessions_per_address, "limit_sessions_per_address",
     "A session was refused: its address had too many."},
    {Counter::limit_session_rate_per_address, "limit_session_rate_per_address",
     "A session was refused: too many came at once from its address."},
    {Counter::limit_sessions_per_user, "limit_sessions_per_user",
     "A login was refused: its user had too many sessions."},
    {Counter::limit_memory, "limit_memory", "A session was refused for lack of memory."},
    {Counter::limit_login_rate, "limit_login_rate",
     "A login waited: too many connections to backends were begun."},
    {Counter::limit_login_rate_per_address, "limit_login_rate_per_address",
     "A login waited: one address had begun too many connections to backends."},
    {Counter::limit_transfers, "limit_transfers",
     "A transfer was refused with 425: too many were running."},
    {Counter::limit_command_bytes, "limit_command_bytes",
     "A command was refused with 500: its line was too long."},
    {Counter::limit_pipelined_bytes, "limit_pipelined_bytes",
     "A client sent so much ahead that reading from it paused."},
    {Counter::limit_reply_bytes, "limit_reply_bytes",
     "A backend was dropped because its reply did not end."},
    {Counter::limit_bandwidth, "limit_bandwidth", "A transfer slept until its turn came."},
    {Counter::bans_begun, "bans_begun", "An address, or a user at an address, was banned."},
    {Counter::refused_by_ban, "refused_by_ban", "A session or a login was refused by a ban."},
    {Counter::sessions_broken, "sessions_broken",
     "A session was ended because there was no memory for it."},
    {Counter::sessions_without_backend, "sessions_without_backend",
     "A session ended with 421: no backend was available."},
    {Counter::sessions_without_route, "sessions_without_route",
     "A login was refused: no route matched."},
    {Counter::sessions_rejected, "sessions_rejected", "A route with `reject` refused a session."},
    {Counter::sessions_queued, "sessions_queued", "A session waited for a seat."},
    {Counter::seats_recalled, "seats_recalled",
     "A session that had not logged in lost its seat to another."},
    {Counter::sessions_fallen_back, "sessions_fallen_back", "A session went to a fallback pool."},
    {Counter::sessions_passed_through, "sessions_passed_through",
     "A session's TLS was passed through to a backend."},
    {Counter::sessions_moved_lost, "sessions_moved_lost",
     "A session outlived its backend: it went on with another one."},
    {Counter::sessions_moved_down, "sessions_moved_down",
     "A session moved away from a backend that its probes called down."},
    {Counter::sessions_moved_drained, "sessions_moved_drained",
     "A session moved away from a backend that an operator drains."},
    {Counter::sessions_moved_disabled, "sessions_moved_disabled",
     "A session moved away from a backend that an operator has disabled."},
    {Counter::sessions_moved_rebalanced, "sessions_moved_rebalanced",
     "An idle session moved to a backend that had fewer sessions than its share."},
    {Counter::sessions_not_moved, "sessions_not_moved",
     "A session should have moved to another backend and could not."},
    {Counter::commands_delayed, "commands_delayed",
     "A command waited for the listener's `command_rate`."},
    {Counter::commands_refused, "commands_refused", "The listener's policy refused a command."},
    {Counter::logins, "logins", "A backend answered a login with 230."},
    {Counter::logins_refused, "logins_refused", "A backend answered a login with 530."},
    {Counter::backend_attempts_failed, "backend_attempts_failed",
     "A backend failed a login's attempt, and the next one was tried."},
    {Counter::backend_connections_warm, "backend_connections_warm",
     "A login found a backend's control connection open and greeted (`warm`)."},
    {Counter::backend_replies_unasked, "backend_replies_unasked",
     "A backend's reply was dropped: no command was waiting for it."},
    {Counter::limit_replies_unasked, "limit_replies_unasked",
     "A backend was dropped because it sent too many unexpected replies."},
    {Counter::backend_connections_lost, "backend_connections_lost",
     "A backend went away under a session that had logged in."},
    {Counter::transfers_whole, "transfers_whole", "A transfer was complete."},
    {Counter::transfers_failed, "transfers_failed", "A transfer failed."},
    {Counter::transfers_aborted, "transfers_aborted", "A client's ABOR ended a transfer."},
    {Counter::transfers_refused, "transfers_refused",
     "A backend refused a transfer before any data."},
    {Counter::transfers_lent, "transfers_lent",
     "Another worker began to carry the bytes of a long transfer."},
    {Counter::transfers_resumed, "transfers_resumed", "A download went on with another backend."},
    {Counter::transfers_without_other_backend, "transfers_without_other_backend",
     "A download lost its backend, and no other backend could be had in time."},
    {Counter::transfers_that_differ, "transfers_that_differ",
     "A download lost its backend, and the file on the others was not shown to be the same."},
    {Counter::transfers_not_resumable, "transfers_not_resumable",
     "A download lost its backend, and no other backend could have gone on with it."},
    {Counter::bytes_resumed, "bytes_resumed",
     "Bytes that downloads had received before they went on with another backend."},
    {Counter::bytes_downloaded, "bytes_downloaded", "Bytes delivered to clients."},
    {Counter::bytes_uploaded, "bytes_uploaded", "Bytes delivered to backends."},
    {Counter::bytes_spliced, "bytes_spliced", "Bytes of data moved inside the kernel."},
    {Counter::bytes_spliced_into_tls, "bytes_spliced_into_tls",
     "Bytes of data moved inside the kernel, which encrypted them."},
    {Counter::bytes_copied, "bytes_copied", "Bytes of data moved through memory."},
    {Counter::bytes_copied_by_tls, "bytes_copied_by_tls",
     "Bytes of data moved through memory and OpenSSL."},
    {Counter::bytes_forwarded, "bytes_forwarded",
     "Bytes of data that the kernel forwarded past Ballast."},
    {Counter::forwardings_refused, "forwardings_refused",
     "A transfer was relayed because the kernel refused to forward it."},
    {Counter::passive_ports_lent, "passive_ports_lent", "A client was given a passive port."},
    {Counter::passive_ports_exhausted, "passive_ports_exhausted",
     "A transfer was refused with 425: no passive port was free for the client."},
    {Counter::data_connections_stray, "data_connections_stray",
     "An unexpected connection came to a passive port."},
    {Counter::passive_accepts_delayed, "passive_accepts_delayed",
     "Too many connections came to one passive port at once."},
    {Counter::passive_ports_spared, "passive_ports_spared",
     "A passive port was not lent for a while: too many unexpected connections came to it."},
    {Counter::data_connections_missing, "data_connections_missing",
     "A client never opened its data connection."},
    {Counter::data_connections_passed_through, "data_connections_passed_through",
     "A data connection's TLS was passed through to a backend."},
    {Counter::private_addresses_announced, "private_addresses_announced",
     "PASV told a public client a private address."},
    {Counter::active_source_port_busy, "active_source_port_busy",
     "The fixed source port was in use, and another was taken."},
    {Counter::log_lines_lost, "log_lines_lost",
     "A log could not be written fast enough, or not at all."},
    {Counter::worker_turns_long, "worker_turns_long",
     "A turn of a worker's loop took 100 ms or more: all its sessions waited."},
    {Counter::worker_turns_stuck, "worker_turns_stuck",
     "Seconds in which a worker's turn had already taken a second or more."},
    {Counter::accepts_paused, "accepts_paused", "Accepting paused: there was no descriptor left."},
    {Counter::accepts_refused, "accepts_refused",
     "A client was answered 421 with the reserve descriptor."},
    {Counter::proxy_headers_refused, "proxy_headers_refused",
     "A PROXY header was missing, malformed or late."},
    {Counter::probes_passed, "probes_passed", "A backend passed a probe."},
    {Counter::probes_failed, "probes_failed", "A backend failed a probe."},
    {Counter::probes_not_made, "probes_not_made",
     "A probe was not made for lack of descriptors, source ports or memory."},
    {Counter::surveys_failed, "surveys_failed", "A backend could not be asked what it can do."},
    {Counter::tls_control_handshakes, "tls_control_handshakes",
     "TLS handshakes with clients on control connections."},
    {Counter::tls_control_handshakes_resumed, "tls_control_handshakes_resumed",
     "Those of them that resumed an earlier session."},
    {Counter::tls_1_3, "tls_1_3", "Control connections of clients that speak TLS 1.3."},
    {Counter::tls_1_2, "tls_1_2", "Control connections of clients that speak TLS 1.2."},
    {Counter::tls_older, "tls_older", "Control connections of clients that speak an older TLS."},
    {Counter::tls_data_handshakes_resumed, "tls_data_handshakes_resumed",
     "TLS handshakes with clients on data connections that resumed the control connection's "
     "session."},
    {Counter::tls_data_handshakes_full, "tls_data_handshakes_full",
     "TLS handshakes with clients on data connections that resumed nothing."},
    {Counter::tls_handshakes_failed, "tls_handshakes_failed",
     "A TLS handshake with a client failed."},
    {Counter::tls_tickets_of_others, "tls_tickets_of_others",
     "A client's data connection offered the ticket of another session."},
    {Counter::tls_backend_control_handshakes, "tls_backend_control_handshakes",
     "TLS handshakes with backends on control connections."},
    {Counter::tls_backend_1_3, "tls_backend_1_3",
     "Control connections to backends that speak TLS 1.3."},
    {Counter::tls_backend_1_2, "tls_backend_1_2",
     "Control connections to backends that speak TLS 1.2."},
    {Counter::tls_backend_older, "tls_backend_older",
     "Control connections to backends that speak an older TLS."},
    {Counter::tls_backend_data_handshakes_resumed, "tls_backend_data_handshakes_resumed",
     "TLS handshakes with backends on data connections that resumed a session."},
    {Counter::tls_backend_data_handshakes_full, "tls_backend_data_handshakes_full",
     "TLS handshakes with backends on data connections that resumed nothing."},
    {Counter::tls_backend_handshakes_failed, "tls_backend_handshakes_failed",
     "A TLS handshake with a backend failed."},
    {Counter::tls_data_connections_in_kernel, "tls_data_connections_in_kernel",
     "Data connections on which the kernel encrypts what is sent."},
    {Counter::bytes_encrypted, "bytes_encrypted",
     "Bytes that OpenSSL encrypted on data connections."},
    {Counter::bytes_decrypted, "bytes_decrypted",
     "Bytes that OpenSSL decrypted on data connections."},
    {Counter::data_ends_without_close_notify, "data_ends_without_close_notify",
     "The data of a TLS connection ended without close_notify."},
    {Counter::reloads, "reloads", "A reload was applied."},
    {Counter::reloads_refused, "reloads_refused", "A reload changed nothing: it had problems."},
    {Counter::upgrades_failed, "upgrades_failed",
     "An upgrade failed, and this process went on serving."},
    {Counter::store_failures, "store_failures",
     "The cluster's store could not be opened, or did not answer as it should."},
    {Counter::store_entries_unreadable, "store_entries_unreadable",
     "Something in the cluster's store was sealed with another secret, or is forged."},
});

constexpr std::size_t counter_count = rows.size();
static_assert(
    [] {
        for (std::size_t i = 0; i < counter_count; ++i)
            if (static_cast<std::size_t>(rows[i].counter) != i) return false;
        return true;
    }(),
    "each row stands where its counter's value says");

struct OfCounters;
using Numbers = PerThread<OfCounters, counter_count>;

}  // namespace

void count(Counter counter, std::uint64_t by) {
    Numbers::add(static_cast<std::size_t>(counter), by);
}

std::uint64_t total(Counter counter) {
    return Numbers::totals()[static_cast<std::size_t>(counter)];
}

std::vector<std::uint64_t> totals() {
    const auto all = Numbers::totals();
    return {all.begin(), all.end()};
}

std::span<const CounterRow> all_counters() { return rows; }

}  // namespace ballast::metrics
