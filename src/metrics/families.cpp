// SPDX-License-Identifier: Apache-2.0
#include "metrics/families.h"

#include <exception>
#include <fmt/format.h>

namespace ballast::metrics {

namespace {

using F = Family;
constexpr auto counter = Type::counter;
constexpr auto gauge = Type::gauge;
constexpr auto histogram = Type::histogram;

// clang-format off
constexpr auto rows = std::to_array<FamilyRow>({
    {F::build_info, "ballast_build_info", gauge, {"version"}, "1; the label is the program's version."},
    {F::process_start_time, "process_start_time_seconds", gauge, {}, "When the process started, in Unix time."},
    {F::process_cpu, "process_cpu_seconds_total", counter, {}, "Processor time of all threads."},
    {F::process_memory, "process_resident_memory_bytes", gauge, {}, "Memory that the process has in use."},
    {F::process_open_fds, "process_open_fds", gauge, {}, "Open descriptors; a session has two to four."},
    {F::process_max_fds, "process_max_fds", gauge, {}, "How many descriptors may be open."},
    {F::state, "ballast_state", gauge, {"state"}, "1 for the administrative state of the whole balancer, 0 for the other states."},
    {F::replaced_processes, "ballast_replaced_processes", gauge, {}, "Processes that upgrades have replaced and that still finish their sessions."},
    {F::replaced_process_sessions, "ballast_replaced_process_sessions", gauge, {}, "Sessions of those processes; no other metric but the backends' sessions and transfers counts them."},
    {F::reloads, "ballast_reloads_total", counter, {"result"}, "Reloads that were applied, and that were refused because of a problem."},
    {F::last_reload_successful, "ballast_config_last_reload_successful", gauge, {}, "1 if the last reload was applied, or there was none."},
    {F::last_reload_success_time, "ballast_config_last_reload_success_timestamp_seconds", gauge, {}, "When the configuration in force was taken into use, in Unix time."},
    {F::upgrades_failed, "ballast_upgrades_failed_total", counter, {}, "Upgrades that failed: this process went on."},
    {F::log_lines_lost, "ballast_log_lines_lost_total", counter, {}, "Log lines that could not be written fast enough, or not at all."},

    {F::worker_sessions, "ballast_worker_sessions", gauge, {"worker"}, "Sessions on a worker now."},
    {F::worker_transfers, "ballast_worker_transfers", gauge, {"worker"}, "Transfers of a worker's sessions now."},
    {F::worker_lag, "ballast_worker_lag_seconds", histogram, {"worker"}, "How long work waited for its turn on a worker's event loop, measured once a second."},
    {F::worker_turn, "ballast_worker_turn_seconds", gauge, {"worker"}, "How long the worker's present turn has taken: all its sessions wait meanwhile."},
    {F::worker_turns_long, "ballast_worker_turns_long_total", counter, {}, "Turns of a worker that took 100 ms or more."},
    {F::worker_stuck, "ballast_worker_stuck_seconds_total", counter, {}, "Seconds in which a worker's turn had already taken a second or more."},

    {F::sessions, "ballast_sessions", gauge, {}, "Sessions now."},
    {F::sessions_max, "ballast_sessions_max", gauge, {}, "How many sessions there may be: limits.sessions."},
    {F::sessions_begun, "ballast_sessions_begun_total", counter, {}, "Sessions that were let in."},
    {F::sessions_refused, "ballast_sessions_refused_total", counter, {"reason"}, "Sessions and logins that were refused, but not by a limit, or ended for want of a backend or of resources."},
    {F::sessions_queued, "ballast_sessions_queued_total", counter, {}, "Sessions that waited for a seat."},
    {F::sessions_fallen_back, "ballast_sessions_fallen_back_total", counter, {}, "Sessions that went to a fallback pool."},
    {F::sessions_passed_through, "ballast_sessions_passed_through_total", counter, {}, "Sessions whose TLS was passed through to a backend."},
    {F::sessions_moved, "ballast_sessions_moved_total", counter, {"cause"}, "Sessions that went on with another backend, and why they left theirs."},
    {F::sessions_not_moved, "ballast_sessions_not_moved_total", counter, {}, "How often a session should have moved to another backend and could not."},
    {F::seats_recalled, "ballast_seats_recalled_total", counter, {}, "Sessions that had not logged in and lost their seat to another."},
    {F::accepts_paused, "ballast_accepts_paused_total", counter, {}, "How often accepting paused because no descriptor was left."},
    {F::listener_sessions, "ballast_listener_sessions", gauge, {"listener"}, "Sessions of a listener now."},
    {F::listener_transfers, "ballast_listener_transfers", gauge, {"listener"}, "Transfers of a listener's sessions now."},
    {F::listener_sessions_begun, "ballast_listener_sessions_begun_total", counter, {"listener"}, "Sessions that a listener let in."},
    {F::limits_reached, "ballast_limits_reached_total", counter, {"limit"}, "How often a limit was reached."},
    {F::bans, "ballast_bans", gauge, {}, "Addresses, and users at an address, that are banned now."},
    {F::bans_begun, "ballast_bans_begun_total", counter, {}, "Bans that began."},
    {F::logins, "ballast_logins_total", counter, {"result"}, "Logins that a backend accepted or refused."},
    {F::commands, "ballast_commands_total", counter, {"verb", "class"}, "Clients' commands by the class of the reply that ended them; \"none\" got no reply, \"in_transfer\" are ABOR and STAT during a transfer."},
    {F::commands_delayed, "ballast_commands_delayed_total", counter, {}, "Commands that waited for the listener's command_rate."},
    {F::commands_refused, "ballast_commands_refused_total", counter, {}, "Commands that the listener's policy refused."},

    {F::transfers_running, "ballast_transfers", gauge, {}, "Transfers now."},
    {F::transfers_max, "ballast_transfers_max", gauge, {}, "How many transfers there may be: limits.transfers; absent without a limit."},
    {F::transfers, "ballast_transfers_total", counter, {"direction", "result"}, "Ended transfers, listings included."},
    {F::transfer_size, "ballast_transfer_size_bytes", histogram, {"direction"}, "Bytes that an ended transfer has delivered."},
    {F::transfer_duration, "ballast_transfer_duration_seconds", histogram, {"direction"}, "How long an ended transfer took, from its command to the last reply."},
    {F::transfer_rate, "ballast_transfer_rate_bytes_per_second", histogram, {"direction"}, "Delivered bytes of an ended transfer, divided by its duration."},
    {F::transfers_lent, "ballast_transfers_lent_total", counter, {}, "How often another worker began to carry the bytes of a long transfer."},
    {F::transfers_resumed, "ballast_transfers_resumed_total", counter, {}, "How often a download went on with another backend."},
    {F::transfers_not_resumed, "ballast_transfers_not_resumed_total", counter, {"reason"}, "Downloads that lost their backend and did not go on: no other backend could be had, the file there was not shown to be the same, or no backend could have gone on."},
    {F::resumed_bytes, "ballast_resumed_bytes_total", counter, {}, "Bytes that downloads had received before they went on with another backend."},
    {F::resumption_pause, "ballast_resumption_pause_seconds", histogram, {}, "How long a client got no byte because its download moved to another backend."},
    {F::transferred_bytes, "ballast_transferred_bytes_total", counter, {"leg"}, "Bytes that ended transfers have delivered to clients and to backends."},
    {F::relayed_bytes, "ballast_relayed_bytes_total", counter, {"path"}, "Bytes of data by the way they took, running transfers included."},
    {F::forwardings_refused, "ballast_forwardings_refused_total", counter, {}, "Transfers that Ballast relayed because the kernel refused to forward them."},
    {F::openssl_bytes, "ballast_openssl_bytes_total", counter, {"operation"}, "Bytes that OpenSSL encrypted and decrypted on data connections."},
    {F::passive_ports, "ballast_passive_ports", gauge, {"listener", "state"}, "Passive ports of a listener: with a client that is expected, kept from one client for a while, and neither."},
    {F::passive_ports_lent, "ballast_passive_ports_lent_total", counter, {}, "Passive ports that clients were given."},
    {F::passive_ports_exhausted, "ballast_passive_ports_exhausted_total", counter, {}, "Transfers that were refused because no passive port was free for the client."},
    {F::passive_ports_spared, "ballast_passive_ports_spared_total", counter, {}, "How often a passive port was not lent for a while: too many unexpected connections came to it."},
    {F::passive_accepts_delayed, "ballast_passive_accepts_delayed_total", counter, {}, "How often too many connections came to one passive port at once."},
    {F::data_connections_stray, "ballast_data_connections_stray_total", counter, {}, "Unexpected connections to passive ports."},
    {F::data_connections_missing, "ballast_data_connections_missing_total", counter, {}, "Data connections that clients never opened."},
    {F::data_connections_passed_through, "ballast_data_connections_passed_through_total", counter, {}, "Data connections whose TLS was passed through to a backend."},
    {F::data_ends_without_close_notify, "ballast_data_ends_without_close_notify_total", counter, {}, "Data under TLS that ended by TCP alone."},
    {F::private_addresses_announced, "ballast_private_addresses_announced_total", counter, {}, "How often PASV told a public client a private address."},
    {F::active_source_port_busy, "ballast_active_source_port_busy_total", counter, {}, "How often the fixed source port was in use, and another was taken."},

    {F::tls_handshakes, "ballast_tls_handshakes_total", counter, {"leg", "connection"}, "TLS handshakes with clients and backends."},
    {F::tls_resumptions, "ballast_tls_resumptions_total", counter, {"leg", "connection"}, "Those of them that resumed an earlier session."},
    {F::tls_handshakes_failed, "ballast_tls_handshakes_failed_total", counter, {"leg"}, "TLS handshakes that failed."},
    {F::tls_versions, "ballast_tls_versions_total", counter, {"leg", "version"}, "TLS handshakes on control connections by the version agreed on."},
    {F::tls_tickets_of_others, "ballast_tls_tickets_of_others_total", counter, {}, "Data connections that offered the ticket of another session."},
    {F::tls_kernel_connections, "ballast_tls_kernel_connections_total", counter, {}, "Data connections on which the kernel encrypts what is sent."},
    {F::certificate_expiry, "ballast_certificate_expiry_timestamp_seconds", gauge, {"listener", "file"}, "When a listener's certificate, or its OCSP response, expires, in Unix time."},

    {F::nodes, "ballast_nodes", gauge, {}, "Nodes of the cluster that live, this one included; absent without a store."},
    {F::store_reachable, "ballast_store_reachable", gauge, {}, "1 if the cluster's store can be used, else 0; absent without a store."},
    {F::store_failures, "ballast_store_failures_total", counter, {}, "How often the cluster's store could not be opened or did not answer as it should."},
    {F::store_entries_unreadable, "ballast_store_entries_unreadable_total", counter, {}, "What other nodes keep in the store and this node cannot read: another secret, or forged."},

    {F::pool_backends, "ballast_pool_backends", gauge, {"pool"}, "Backends of a pool; each address of a name is one."},
    {F::pool_serving_backends, "ballast_pool_serving_backends", gauge, {"pool"}, "Backends of a pool that get sessions: neither down, nor ejected, nor withdrawn."},
    {F::pool_queue, "ballast_pool_queued_sessions", gauge, {"pool"}, "Sessions that wait for a seat now."},

    {F::backend_health, "ballast_backend_health", gauge, {"pool", "backend", "address", "health"}, "1 for what the probes say of a backend, 0 for the rest."},
    {F::backend_state, "ballast_backend_state", gauge, {"pool", "backend", "address", "state"}, "1 for the administrative state of a backend, 0 for the other states."},
    {F::backend_ejected, "ballast_backend_ejected", gauge, {"pool", "backend", "address"}, "1 while a backend is ejected because of what sessions met there."},
    {F::backend_serving, "ballast_backend_serving", gauge, {"pool", "backend", "address"}, "1 if a backend gets sessions."},
    {F::backend_sessions, "ballast_backend_sessions", gauge, {"pool", "backend", "address"}, "Sessions on a backend now, those of replaced processes included."},
    {F::backend_sessions_max, "ballast_backend_sessions_max", gauge, {"pool", "backend", "address"}, "Its max_sessions, as an operator has set it or as configured; absent without a limit."},
    {F::backend_weight, "ballast_backend_weight", gauge, {"pool", "backend", "address"}, "Its weight, as an operator has set it or as configured."},
    {F::backend_transfers_running, "ballast_backend_transfers", gauge, {"pool", "backend", "address"}, "Transfers on a backend now, those of replaced processes included."},
    {F::backend_certificate_expiry, "ballast_backend_certificate_expiry_timestamp_seconds", gauge, {"pool", "backend", "address"}, "When a backend's certificate expires, in Unix time; absent without TLS."},
    {F::backend_logins, "ballast_backend_logins_total", counter, {"pool", "backend", "address", "result"}, "Logins that a backend accepted or refused."},
    {F::backend_transfers, "ballast_backend_transfers_total", counter, {"pool", "backend", "address", "direction", "result"}, "Ended transfers of a backend, listings included."},
    {F::backend_transferred_bytes, "ballast_backend_transferred_bytes_total", counter, {"pool", "backend", "address", "direction"}, "Bytes that a backend's transfers have delivered, running ones included."},
    {F::backend_errors, "ballast_backend_errors_total", counter, {"pool", "backend", "address", "cause"}, "How often a backend failed a session, and at what."},
    {F::backend_probes, "ballast_backend_probes_total", counter, {"pool", "backend", "address", "result"}, "Probes of a backend."},
    {F::backend_probe, "ballast_backend_probe_seconds", histogram, {"pool", "backend", "address"}, "How long a probe took that the backend passed."},
    {F::backend_connect, "ballast_backend_connect_seconds", histogram, {"pool", "backend", "address"}, "How long a session's connection to a backend took."},
    {F::backend_greeting, "ballast_backend_greeting_seconds", histogram, {"pool", "backend", "address"}, "How long a backend took to greet, once it was connected."},
    {F::backend_login, "ballast_backend_login_seconds", histogram, {"pool", "backend", "address"}, "How long a backend kept a client waiting until it was logged in, in all."},
    {F::backend_first_byte, "ballast_backend_first_byte_seconds", histogram, {"pool", "backend", "address"}, "How long a backend took from a download's command to its first byte."},
    {F::backend_attempts_failed, "ballast_backend_attempts_failed_total", counter, {}, "How often a backend failed a login's attempt, and the next one was tried."},
    {F::backend_connections_lost, "ballast_backend_connections_lost_total", counter, {}, "Logged-in sessions that lost their backend."},
    {F::backend_connections_warm, "ballast_backend_connections_warm_total", counter, {}, "Logins that found a backend's control connection open and greeted (`warm`)."},
    {F::backend_replies_unasked, "ballast_backend_replies_unasked_total", counter, {}, "Replies of backends that no command was waiting for."},
    {F::probes, "ballast_probes_total", counter, {"result"}, "Probes of all backends; a probe for several pools is one."},
    {F::surveys_failed, "ballast_surveys_failed_total", counter, {}, "How often a backend could not be asked what it can do."},
});
// clang-format on
static_assert(
    [] {
        for (std::size_t i = 0; i < rows.size(); ++i)
            if (static_cast<std::size_t>(rows[i].family) != i) return false;
        return true;
    }(),
    "each row stands where its family's value says");

}  // namespace

std::string_view to_string(Type type) {
    switch (type) {
        case Type::counter: return "counter";
        case Type::gauge: return "gauge";
        case Type::histogram: return "histogram";
    }
    std::terminate();
}

std::span<const FamilyRow> all_families() { return rows; }

const FamilyRow& row_of(Family family) { return rows[static_cast<std::size_t>(family)]; }

std::string families_as_markdown() {
    std::string text = "| metric | type | labels | help |\n| --- | --- | --- | --- |\n";
    for (const auto& row : rows) {
        std::string labels;
        for (const auto label : row.labels)
            if (!label.empty()) labels += fmt::format("{}`{}`", labels.empty() ? "" : ", ", label);
        text += fmt::format("| `{}` | {} | {} | {} |\n", row.name, to_string(row.type), labels,
                            row.help);
    }
    return text;
}

}  // namespace ballast::metrics
