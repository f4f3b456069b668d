// SPDX-License-Identifier: Apache-2.0
#include "events/kind.h"

#include <algorithm>

namespace ballast::events {

namespace {

constexpr auto rows = std::to_array<KindRow>({
    {Kind::backend_up,
     "backend_up",
     "A backend that was down, or not known, answers its probes.",
     {"pool", "backend", "address", "reason"}},
    {Kind::backend_down,
     "backend_down",
     "A backend fails its probes and gets no sessions.",
     {"pool", "backend", "address", "reason"}},
    {Kind::backend_ejected,
     "backend_ejected",
     "A backend fails sessions and gets no new ones for a while.",
     {"pool", "backend", "seconds", "reason"}},
    {Kind::backend_state,
     "backend_state",
     "An operator has changed a backend's state: ready, drain, drain-move, drain-idle or disabled.",
     {"pool", "backend", "state"}},
    {Kind::backend_drained,
     "backend_drained",
     "The last session has left a backend that an operator has taken out.",
     {"pool", "backend", "state"}},
    {Kind::balancer_state,
     "balancer_state",
     "An operator has changed the state of the whole balancer.",
     {"state"}},
    {Kind::queue_full,
     "queue_full",
     "A pool has no free seat and no room in its queue, or a client waited there in vain. At most "
     "one event per second and pool.",
     {"pool", "reason"}},
    {Kind::limit_reached,
     "limit_reached",
     "A client was held back or turned away by a limit. At most one event per second and limit.",
     {"limit", "client", "listener", "key", "value", "cure"}},
    {Kind::ban_begun,
     "ban_begun",
     "An address, or a user at an address, is banned for failed logins.",
     {"of", "client", "user", "listener", "seconds"}},
    {Kind::listener_opened,
     "listener_opened",
     "Clients can connect to this address.",
     {"listener", "address"}},
    {Kind::listener_closed,
     "listener_closed",
     "Clients cannot connect to this address any more.",
     {"listener", "address"}},
    {Kind::certificate_replaced,
     "certificate_replaced",
     "A certificate file has changed and is in use.",
     {"listener"}},
    {Kind::certificate_expires,
     "certificate_expires",
     "A certificate or OCSP response expires soon, or has expired. Once a day.",
     {"listener", "file", "days_left"}},
    {Kind::reload_applied, "reload_applied", "A new configuration is in force.", {"file"}},
    {Kind::reload_refused,
     "reload_refused",
     "A configuration has problems, so the former one stays in force.",
     {"file", "problems", "reason"}},
    {Kind::upgrade_done,
     "upgrade_done",
     "This process has taken over from another one, which finishes its sessions.",
     {"pid"}},
    {Kind::upgrade_failed, "upgrade_failed", "No other process could take over.", {"reason"}},
    {Kind::store_lost,
     "store_lost",
     "The cluster's store has failed: this node goes on with what it knows.",
     {"node", "problem"}},
    {Kind::store_found,
     "store_found",
     "The cluster's store can be used, for the first time or again.",
     {"node"}},
    {Kind::node_joined, "node_joined", "Another node of the cluster was heard of.", {"node"}},
    {Kind::node_left,
     "node_left",
     "Another node of the cluster has ended, or is silent.",
     {"node", "reason"}},
    {Kind::session_began,
     "session_began",
     "A client is admitted.",
     {"session", "listener", "client"}},
    {Kind::session_logged_in,
     "session_logged_in",
     "A user has logged in at a backend.",
     {"session", "listener", "client", "user", "pool", "backend"}},
    {Kind::login_refused,
     "login_refused",
     "A user was not let in.",
     {"session", "listener", "client", "user", "pool", "backend", "code", "reason"}},
    {Kind::session_moved,
     "session_moved",
     "A session went on with another backend of its pool.",
     {"session", "listener", "client", "user", "pool", "from", "backend", "cause", "seconds"}},
    {Kind::session_ended,
     "session_ended",
     "A client's session is over.",
     {"session", "listener", "client", "user", "pool", "backend", "seconds", "bytes", "transfers",
      "reason"}},
    {Kind::transfer_began,
     "transfer_began",
     "A client has asked for a file or a listing.",
     {"session", "listener", "client", "user", "pool", "backend", "verb", "file"}},
    {Kind::transfer_ended,
     "transfer_ended",
     "A transfer is over.",
     {"session", "listener", "client", "user", "pool", "backend", "verb", "file", "bytes",
      "seconds", "result", "reason"}},
});

static_assert(rows.size() == kind_count);
static_assert(
    [] {
        for (std::size_t i = 0; i < kind_count; ++i)
            if (static_cast<std::size_t>(rows.at(i).kind) != i) return false;
        return true;
    }(),
    "each row stands where its kind's value says");

}  // namespace

std::span<const KindRow> all_kinds() { return rows; }

const KindRow& row_of(Kind kind) { return rows.at(static_cast<std::size_t>(kind)); }

std::optional<Kind> kind_from(std::string_view name) {
    const auto* const row = std::ranges::find(rows, name, &KindRow::name);
    if (row == rows.end()) return std::nullopt;
    return row->kind;
}

}  // namespace ballast::events
