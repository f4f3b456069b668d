// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/facts.h"
#include "admin/shape.h"
#include "config/words.h"

#include <array>
#include <tuple>

/// How the structs of facts.h are shown.
namespace ballast::admin {

inline constexpr std::array<std::string_view, 5> backend_states = {"ready", "drain", "drain-move",
                                                                   "drain-idle", "disabled"};
inline constexpr std::array<std::string_view, 4> balancer_states = {"ready", "drain", "drain-idle",
                                                                    "disabled"};
inline constexpr auto failover_words = config::words_of<config::failovers>;
inline constexpr std::array<std::string_view, 3> health_states = {"up", "down", "unknown"};

template <>
struct Shape<Generation> {
    static constexpr auto fields = std::tuple(
        Field{"pid", &Generation::pid, "The process."},
        Field{"sessions", &Generation::sessions, "Its sessions."},
        Field{"transfers", &Generation::transfers, "Those of them that transfer now."},
        Field{"socket", &Generation::socket,
              "The Unix socket where it answers, also of its sessions; empty if there is none."});
};

template <>
struct Shape<NodeState> {
    static constexpr auto fields = std::tuple(
        Field{"name", &NodeState::name, "The node."},
        Field{"self", &NodeState::is_self, "It is the one that answers."},
        Field{"state", &NodeState::state,
              "Whether it takes clients, as for one balancer; replaced: it only finishes its "
              "sessions after an upgrade."},
        Field{"store", &NodeState::store,
              "connected; lost: it goes on with what it knows; none: it shares nothing."},
        Field{"version", &NodeState::version, "Its program."},
        Field{"address", &NodeState::address, "Where other nodes reach it; empty if they do not."},
        Field{"ports", &NodeState::ports,
              "The ports of its data connections with clients, such as 20000-20099 30000; empty "
              "without a store."},
        Field{"since", &NodeState::since, "When it began; null if that is unknown."},
        Field{"heartbeat_age", &NodeState::heartbeat_age,
              "Seconds since it was heard of; null for the one that answers."},
        Field{"sessions", &NodeState::sessions, "Its sessions."},
        Field{"transfers", &NodeState::transfers, "Those of them that transfer now."});
};

template <>
struct Shape<ErrorCount> {
    static constexpr auto fields =
        std::tuple(Field{"cause", &ErrorCount::cause,
                         "connect, tls, greeting, full (421), login, lost or data."},
                   Field{"count", &ErrorCount::count, "How often."});
};

template <>
struct Shape<StickState> {
    static constexpr auto fields = std::tuple(
        Field{"client", &StickState::client,
              "The network of the clients; empty in a pool that sticks by user."},
        Field{"user", &StickState::user, "The user; empty in a pool that sticks by network."},
        Field{"backend", &StickState::backend, "The backend to which they return."},
        Field{"sessions", &StickState::sessions, "The sessions that they have there."},
        Field{"last_used", &StickState::last_used, "When their latest session began or ended."});
};

template <>
struct Shape<BackendState> {
    static constexpr auto fields = std::tuple(
        Field{"pool", &BackendState::pool, "The pool's name."},
        Field{"backend", &BackendState::backend, "The configured name."},
        Field{"address", &BackendState::address,
              "Address and port; empty if the name cannot be resolved."},
        Field{"state", &BackendState::admin, "What an operator has decided.", backend_states},
        Field{"health", &BackendState::health, "What its probes say.", health_states},
        Field{"health_since", &BackendState::health_since,
              "Since when; null if nothing is known yet."},
        Field{"reason", &BackendState::reason,
              "Why it is down or ejected; empty if it is neither."},
        Field{"ejected", &BackendState::is_ejected,
              "Sessions have met failures: it serves only if no other can."},
        Field{"backup", &BackendState::is_backup, "It serves only if no other can."},
        Field{"failover", &BackendState::failover,
              "What moves to other backends of the pool when this one is lost or drained: nothing "
              "(off), sessions (session), or sessions with their downloads (transfer).",
              failover_words},
        Field{"weight", &BackendState::weight, "The weight in force."},
        Field{"max_sessions", &BackendState::max_sessions, "The limit in force; 0 means none."},
        Field{"sessions", &BackendState::sessions, "Sessions that it has now."},
        Field{"transfers", &BackendState::transfers, "Transfers that run now."},
        Field{"sessions_elsewhere", &BackendState::sessions_elsewhere,
              "Sessions that other nodes of the cluster have there, as they last said. The limit "
              "counts them."},
        Field{"transfers_elsewhere", &BackendState::transfers_elsewhere,
              "Transfers that other nodes have there."},
        Field{"bytes_per_second", &BackendState::bytes_per_second,
              "Of its transfers, over the last seconds."},
        Field{"login_seconds", &BackendState::login_seconds,
              "How long a login takes there, on average; 0 if that is unknown."},
        Field{"logins", &BackendState::logins, "Log-ins since the start of the process."},
        Field{"logins_refused", &BackendState::logins_refused, "Those that it refused."},
        Field{"errors", &BackendState::errors, "Failures that sessions met, by cause."});
};

template <>
struct Shape<BalancerState> {
    static constexpr auto fields = std::tuple(
        Field{"state", &BalancerState::admin, "What an operator has decided.", balancer_states},
        Field{"sessions", &BalancerState::sessions,
              "Sessions of all listeners and of replaced processes."});
};

template <>
struct Shape<ListenerState> {
    static constexpr auto fields = std::tuple(
        Field{"name", &ListenerState::name, "Its name."},
        Field{"addresses", &ListenerState::addresses, "Where it listens."},
        Field{"mode", &ListenerState::mode, "ftp, ftps, both or passthrough."},
        Field{"pool", &ListenerState::pool, "The pool of sessions that no route sends elsewhere."},
        Field{"sessions", &ListenerState::sessions, "Sessions that it has now."},
        Field{"max_sessions", &ListenerState::max_sessions, "Its limit; 0 means none of its own."});
};

template <>
struct Shape<PoolState> {
    static constexpr auto fields = std::tuple(
        Field{"pool", &PoolState::name, "Its name."},
        Field{"balance", &PoolState::balance, "The policy."},
        Field{"failover", &PoolState::failover, "What outlives a backend that is lost.",
              failover_words},
        Field{"can_serve", &PoolState::can_serve, "At least one backend is ready and not down."},
        Field{"backends", &PoolState::backends, "Its backends, one for each address."},
        Field{"serving", &PoolState::serving, "Those of them that may get sessions."},
        Field{"sessions", &PoolState::sessions, "Sessions that its backends have now."},
        Field{"transfers", &PoolState::transfers, "Transfers that run now."},
        Field{"waiting", &PoolState::waiting, "Log-ins that wait for a seat."},
        Field{"queue_length", &PoolState::queue_length, "How many may wait."},
        Field{"stick_entries", &PoolState::stick_entries, "Clients whose backend is remembered."});
};

template <>
struct Shape<TlsFacts> {
    static constexpr auto fields =
        std::tuple(Field{"version", &TlsFacts::version, "\"TLSv1.3\"."},
                   Field{"cipher", &TlsFacts::cipher, "The cipher suite."},
                   Field{"server_name", &TlsFacts::server_name,
                         "The name that the client asked for (SNI); empty if none."},
                   Field{"resumed", &TlsFacts::is_resumed, "The session was resumed."});
};

template <>
struct Shape<SessionState> {
    static constexpr auto fields = std::tuple(
        Field{"id", &SessionState::id, "Its id, as in the logs."},
        Field{"listener", &SessionState::listener, "The listener."},
        Field{"client", &SessionState::client, "Address and port."},
        Field{"user", &SessionState::user, "The user that has logged in, or is about to."},
        Field{"backend_user", &SessionState::backend_user, "The name of that user on the backend."},
        Field{"certificate", &SessionState::certificate,
              "The subject of the client's certificate; empty if it showed none."},
        Field{"pool", &SessionState::pool, "The pool of its backend."},
        Field{"backend", &SessionState::backend, "Its backend; empty if it has none yet."},
        Field{"phase", &SessionState::phase, "What it is doing."},
        Field{"phase_since", &SessionState::phase_since, "Since when."},
        Field{"began", &SessionState::began, "When the client connected."},
        Field{"command", &SessionState::command,
              "The command in progress, without a password; empty if none is."},
        Field{"client_tls", &SessionState::client_tls, "TLS of the client; null if there is none."},
        Field{"backend_tls", &SessionState::backend_tls,
              "TLS of the backend; null if there is none."},
        Field{"transferring", &SessionState::is_transferring, "A transfer runs now."},
        Field{"bytes", &SessionState::bytes, "Bytes of its transfers that have ended."},
        Field{"transfers", &SessionState::transfers, "Its transfers that have ended."});
};

template <>
struct Shape<TransferState> {
    static constexpr auto fields = std::tuple(
        Field{"session", &TransferState::session, "The id of its session."},
        Field{"client", &TransferState::client, "Address and port."},
        Field{"user", &TransferState::user, "The user."},
        Field{"listener", &TransferState::listener, "The listener."},
        Field{"pool", &TransferState::pool, "The pool."},
        Field{"backend", &TransferState::backend, "The backend."},
        Field{"verb", &TransferState::verb, "The command, such as RETR."},
        Field{"file", &TransferState::file,
              "The path as far as it is known; empty for a listing of the directory."},
        Field{"direction", &TransferState::direction, "download, upload or unknown."},
        Field{"path", &TransferState::path, "Who carries its data: relay, direct or kernel."},
        Field{"phase", &TransferState::phase, "What it is doing."},
        Field{"began", &TransferState::began,
              "When its data began to move; null if they have not."},
        Field{"bytes", &TransferState::bytes, "Delivered so far."},
        Field{"size", &TransferState::size, "All bytes, if the backend told; else null."},
        Field{"seconds", &TransferState::seconds, "How long its data have been moving."},
        Field{"bytes_per_second", &TransferState::bytes_per_second, "On average."},
        Field{"seconds_left", &TransferState::seconds_left,
              "At that rate; null if the size is unknown or nothing moves."},
        Field{"pauses", &TransferState::pauses, "How often no byte moved for a second or longer."},
        Field{"paused_seconds", &TransferState::paused_seconds, "How long that was in all."});
};

template <>
struct Shape<BanState> {
    static constexpr auto fields = std::tuple(
        Field{"client", &BanState::client, "The address, or the first one of an IPv6 network."},
        Field{"pool", &BanState::pool, "The pool of the user."},
        Field{"user", &BanState::user, "Only this user is banned there; empty for everybody."},
        Field{"until", &BanState::until, "When it ends."},
        Field{"seconds_left", &BanState::seconds_left, "Until then."});
};

template <>
struct Shape<CertificateState> {
    static constexpr auto fields = std::tuple(
        Field{"listener", &CertificateState::listener,
              "The listener that shows it; empty if a backend does."},
        Field{"pool", &CertificateState::pool, "The pool of that backend."},
        Field{"backend", &CertificateState::backend, "The backend that shows it."},
        Field{"file", &CertificateState::file, "Its file."},
        Field{"ocsp", &CertificateState::is_ocsp, "It is an OCSP response."},
        Field{"days_left", &CertificateState::days_left, "Until it expires; negative if it has."});
};

template <>
struct Shape<LimitState> {
    static constexpr auto fields =
        std::tuple(Field{"key", &LimitState::key, "The setting."},
                   Field{"listener", &LimitState::listener,
                         "The listener of that setting; empty if it holds for all."},
                   Field{"value", &LimitState::value, "The limit in force; 0 means none."},
                   Field{"in_use", &LimitState::in_use,
                         "How much of it is used now; null if that cannot be told."},
                   Field{"reached", &LimitState::reached,
                         "How often it was reached, with the limits that share its counter."});
};

template <>
struct Shape<ProbeStep> {
    static constexpr auto fields =
        std::tuple(Field{"name", &ProbeStep::name, "The step: connect, greeting, login, ..."},
                   Field{"seconds", &ProbeStep::seconds, "How long it took."});
};

template <>
struct Shape<ProbeState> {
    static constexpr auto fields =
        std::tuple(Field{"pool", &ProbeState::pool, "The pool."},
                   Field{"backend", &ProbeState::backend, "The backend."},
                   Field{"address", &ProbeState::address, "Address and port."},
                   Field{"at", &ProbeState::at, "When it ended."},
                   Field{"passed", &ProbeState::passed, "Whether it passed."},
                   Field{"seconds", &ProbeState::seconds, "How long it took."},
                   Field{"reason", &ProbeState::reason, "Why it failed; empty if it passed."},
                   Field{"steps", &ProbeState::steps,
                         "Its steps, in order; none if another node made the probe."});
};

template <>
struct Shape<SurveyState> {
    static constexpr auto fields =
        std::tuple(Field{"pool", &SurveyState::pool, "The pool."},
                   Field{"backend", &SurveyState::backend, "The backend."},
                   Field{"address", &SurveyState::address, "Address and port."},
                   Field{"greeting", &SurveyState::greeting, "Its greeting."},
                   Field{"system", &SurveyState::system, "What it answers to SYST."},
                   Field{"features", &SurveyState::features, "What it offers (FEAT)."},
                   Field{"certificate_days_left", &SurveyState::certificate_days_left,
                         "Until its certificate expires; null without TLS."},
                   Field{"prefers_pasv", &SurveyState::prefers_pasv, "It refused EPSV."});
};

}  // namespace ballast::admin
