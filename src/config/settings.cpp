// SPDX-License-Identifier: Apache-2.0
#include "config/settings.h"

#include "config/limits.h"
#include "config/tls_settings.h"
#include "config/words.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <string_view>
#include <vector>

namespace ballast::config {

namespace {

using namespace std::chrono_literals;
using std::string_view;

constexpr auto config_settings = std::to_array<Setting>({
    {"workers",
     Number{at<&Config::workers>, 0, 256},
     "Threads that carry sessions and transfers. 0 means one per core.",
     false,
     {},
     "threads begin at the start, and sessions stay on theirs"},
    {"shutdown_timeout", Time{at<&Config::shutdown_timeout>, 0s, time_max},
     "How long running transfers may take to finish after SIGTERM before they are reset."},
    {"core_dumps",
     Flag{at<&Config::core_dumps>},
     "Whether a crash may dump the memory, and other programs of the same user may read it. It may "
     "contain everything that clients and servers sent, including passwords.",
     false,
     {},
     "the system is told at the start"},
});
constexpr std::array<string_view, 7> config_tables = {"log",    "transfer_log", "admin", "cluster",
                                                      "limits", "listener",     "pool"};

constexpr auto log_settings = std::to_array<Setting>({
    {"level", word<&Log::level, log_levels>, "The least urgent level that is written."},
    {"format", word<&Log::format, log_formats>,
     "`automatic` is entries with fields if standard error is systemd's journal, readable text on "
     "a "
     "terminal, and one JSON object per line otherwise. The others are lines, in the journal too."},
    {"file", Text{at<&Log::file>, 0, path_bytes_max},
     "Empty means standard error. It may be a FIFO. If nobody reads it, or the disk cannot keep "
     "up, "
     "the oldest lines are lost and counted (`log_lines_lost`)."},
    {"syslog", Formed{at<&Log::syslog>, &syslog_server},
     "A syslog server that gets every line as well, in the form of RFC 5424 with the fields as "
     "structured data. Lines wait for a TCP server or a Unix socket that cannot be reached; the "
     "oldest ones are lost and counted. Empty means none."},
    {"facility", word<&Log::facility, log_facilities>,
     "The facility of lines in the journal and for `syslog`."},
    {"repeats_per_second", Number{at<&Log::repeats_per_second>, 0, 1'000'000},
     "How many lines with the same message are written per second. Events that anybody can cause "
     "without an account, such as refused connections, have one line per second for each reason. "
     "Further lines are left out, and the next line says how many in `left_out`. 0 means no limit. "
     "`debug` has no limit."},
});

constexpr auto transfer_log_settings = std::to_array<Setting>({
    {"xferlog", Text{at<&TransferLog::xferlog>, 0, path_bytes_max},
     "File with one line per transfer in wu-ftpd's xferlog format. Empty means none."},
    {"json", Text{at<&TransferLog::json>, 0, path_bytes_max},
     "File with one JSON object per transfer: user, file, bytes, seconds, direction, backend, "
     "result and reason. Empty means none."},
});

constexpr std::size_t socket_path_bytes_max = 103;  // unix(7), with room for ".new"
constexpr std::size_t host_bytes_max = 253;         // RFC 1035 2.3.4

constexpr auto admin_settings = std::to_array<Setting>({
    {"socket",
     Text{at<&Admin::socket>, 0, socket_path_bytes_max},
     "Path of a Unix socket with the HTTP API, which `ballast reload`, `ballast drain` and the "
     "like "
     "speak with. Only Ballast's user and `group` may use it. Empty means "
     "`/run/ballast/admin.sock` "
     "if Ballast may write to that folder, and no socket otherwise. `\"none\"` means no socket.",
     false,
     {},
     "the socket opens at the start"},
    {"group",
     Text{at<&Admin::group>, 0, 64},
     "Group whose members may use the socket. Ballast's user must belong to it. Empty means the "
     "main "
     "group of Ballast's user.",
     false,
     {},
     "the socket opens at the start"},
    {"state_file",
     Text{at<&Admin::state_file>, 0, path_bytes_max},
     "File that keeps administrative states (`ballast drain`, `ballast disable`) over a restart. "
     "Ballast replaces it with each change. Empty means none: a restart makes every backend ready.",
     false,
     {},
     "it is read at the start"},
    {"bind", Addresses{at<&Admin::bind>},
     "Where the HTTP API is reached over TCP, such as `127.0.0.1:8021`. An address that other "
     "machines can reach needs `[admin.tls]` and a token. Empty is nowhere: the socket alone "
     "serves the API."},
    {"names", Texts{at<&Admin::names>, 1, host_bytes_max},
     "Host names under which `bind` is reached. Addresses and `localhost` are known without this. "
     "Requests for other names are refused, so that no web page can reach the API by a name of its "
     "own (DNS rebinding)."},
    {"token_file", Text{at<&Admin::token_file>, 0, path_bytes_max},
     "File with the tokens that may do everything over TCP, one in each line; empty lines and "
     "those that begin with `#` do not count. It is read again at each reload. Empty means none: "
     "then "
     "nothing can be changed over TCP."},
    {"read_token_file", Text{at<&Admin::read_token_file>, 0, path_bytes_max},
     "The same for tokens that may only look. Empty means none: then everybody who can connect to "
     "a "
     "loopback address may look without a token."},
    {"explain_memory", Size{at<&Admin::explain_memory>, 0, 1024 * 1024 * mib},
     "Memory for what `explain` tells of sessions, running and ended ones. When it is used up, the "
     "stories of sessions that ended long ago go first. A running session may have 10 KiB in any "
     "case. `0B` keeps no stories."},
});
constexpr std::array<string_view, 1> admin_tables = {"tls"};

constexpr auto admin_tls_settings = with_tls_parameters<AdminTls>(std::to_array<Setting>({
    {"certificate", Texts{at<&AdminTls::certificate>, 1, path_bytes_max},
     "PEM files, each with the server's certificate, then intermediate certificates, and the key "
     "unless `key` is given. A file that changes is read again, for later connections.",
     true},
    {"key", Texts{at<&AdminTls::key>, 1, path_bytes_max},
     "PEM files with the keys, one for each certificate and in the same order. Empty means that "
     "each certificate's file contains its key."},
}));

constexpr string_view store_opens = "the store is opened at the start";

constexpr auto cluster_settings = std::to_array<Setting>({
    {"store",
     Texts{at<&Cluster::store>, 1, 512},
     "A Redis-compatible store (Redis 5 or later, Valkey) that all nodes use: "
     "`redis://[USER@]HOST[:PORT][/DATABASE]`, `rediss://` with TLS, or `unix:/PATH`. A list names "
     "several addresses of one store, of which the first that answers and may be written is used. "
     "`redis+sentinel://HOST[:PORT]/MASTER[/DATABASE]` asks a Sentinel where the store is. "
     "`\"memory\"` shares nothing.",
     false,
     {},
     store_opens},
    {"name",
     Name{at<&Cluster::name>},
     "The cluster's name. Nodes with the same name and store share; one store can serve several "
     "clusters.",
     false,
     {},
     store_opens},
    {"node",
     Name{at<&Cluster::node>, true},
     "This balancer's name among the nodes, which must differ on each of them. Empty means the "
     "host's name.",
     false,
     {},
     store_opens},
    {"secret_file",
     Text{at<&Cluster::secret_file>, 0, path_bytes_max},
     "File with at least 32 random bytes in base64 (`openssl rand -base64 48`), the same on all "
     "nodes. What Ballast keeps in the store is encrypted with it: names and addresses are "
     "there only encrypted or as keyed hashes. Needed with a store.",
     false,
     {},
     store_opens},
    {"password_file",
     Text{at<&Cluster::password_file>, 0, path_bytes_max},
     "File with the password of the store, on its first line. Empty means that it asks for none.",
     false,
     {},
     store_opens},
    {"ca",
     Text{at<&Cluster::ca>, 0, path_bytes_max},
     "PEM file with the authorities that the store's certificate is verified with. Empty means "
     "those of the system.",
     false,
     {},
     store_opens},
    {"certificate",
     Text{at<&Cluster::certificate>, 0, path_bytes_max},
     "PEM file with a certificate that Ballast shows to the store, if the store asks for one.",
     false,
     {},
     store_opens},
    {"key",
     Text{at<&Cluster::key>, 0, path_bytes_max},
     "PEM file with its key. Empty means that the certificate's file contains it.",
     false,
     {},
     store_opens},
    {"address",
     Formed{at<&Cluster::address>, &own_addresses},
     "This node's own address for the other nodes, or one of each family: data connections that "
     "arrive at the wrong node are sent there, see [scaling.md](scaling.md). Empty means that they "
     "are not.",
     false,
     {},
     store_opens},
    {"heartbeat",
     Time{at<&Cluster::heartbeat>, 100ms, 60s},
     "How often this node tells the others its sessions and transfers. Until it has heard of "
     "sessions that others let in, limits may be exceeded by that many. A node that is silent for "
     "five times as long is taken for dead.",
     false,
     {},
     store_opens},
    {"timeout",
     Time{at<&Cluster::timeout>, 100ms, 60s},
     "How long to wait for an answer of the store. After that Ballast goes on with what it knows, "
     "and tries the store again.",
     false,
     {},
     store_opens},
    {"probes",
     word<&Cluster::probes, probings>,
     "`each`: every node probes the backends itself. `one`: one node probes for all, and the "
     "others take over if its results stop coming.",
     false,
     {},
     store_opens},
});

constexpr std::uint32_t rate_max = 1'000'000;

constexpr auto limits_settings = std::to_array<Setting>({
    {"sessions", Number{at<&Limits::sessions>, 0, 1'000'000},
     "Concurrent sessions of all listeners. Each needs two descriptors (three with `backend_data = "
     "\"as-client\"`), and a transfer up to four more. 0 means as many as the process's "
     "descriptors "
     "allow, with some left for transfers."},
    {"sessions_per_address",
     OptionalNumber{at<&Limits::sessions_per_address>, 0, 1'000'000, "a quarter"},
     "Concurrent sessions of one client address; of IPv6 addresses the first 64 bits count. 0 "
     "means no limit. The default is a quarter of all possible sessions, at least 8 and at most "
     "1000; at "
     "a listener with `max_sessions` also a quarter of those, at least 8. With a `store` in "
     "`[cluster]`, the sessions at all nodes count, unless it is the default."},
    {"sessions_per_user", Number{at<&Limits::sessions_per_user>, 0, 1'000'000},
     "Concurrent sessions of one user in a pool, at all nodes of a cluster that share a store. "
     "Further ones are answered with 530. 0 means no limit."},
    {"session_rate", Number{at<&Limits::session_rate>, 0, rate_max},
     "New sessions per second of all listeners. 0 means no limit."},
    {"session_rate_per_address",
     OptionalNumber{at<&Limits::session_rate_per_address>, 0, rate_max, "200"},
     "New sessions per second of one client address, counted like `sessions_per_address`. 0 means "
     "no limit. The default is 200, or a quarter of `session_rate`, at least 8, if that is less."},
    {"login_rate", Number{at<&Limits::login_rate>, 0, rate_max},
     "Connections per second to backends, for all logins together. Further ones wait for their "
     "turn. The first login of a session does not count once it has succeeded. 0 means no limit."},
    {"login_rate_per_address", Number{at<&Limits::login_rate_per_address>, 0, rate_max},
     "The same for one client address, counted like `sessions_per_address`. 0 means no limit."},
    {"transfers", Number{at<&Limits::transfers>, 0, 1'000'000},
     "Concurrent transfers. Further ones are answered with 425. 0 means no limit."},
    {"failed_logins_per_address", Number{at<&Limits::failed_logins_per_address>, 0, rate_max},
     "Failed logins of any users from one client address within `failed_login_window`, after which "
     "the address is banned: its new sessions are answered with 421. 0 means no ban."},
    {"failed_logins_per_user", Number{at<&Limits::failed_logins_per_user>, 0, rate_max},
     "Failed logins as one user from one client address within `failed_login_window`, after which "
     "this user is banned there: answered with 530, without asking a backend. 0 means no ban."},
    {"failed_login_window", Time{at<&Limits::failed_login_window>, 1ms, time_max},
     "How long a failed login counts."},
    {"ban_time", Time{at<&Limits::ban_time>, 1ms, 168h}, "How long a ban lasts."},
    {"memory", Size{at<&Limits::memory>, 0, 1024 * 1024 * mib},
     "When the process uses more memory than this, no new session begins; existing ones go on. "
     "`0B` means nine "
     "tenths of the memory of the machine, or of the process's control group."},
    {"user_bandwidth", Size{at<&Limits::user_bandwidth>, 0, 1024 * 1024 * mib},
     "Combined bandwidth of one user's transfers in a pool, in bytes per second. `0B` means no "
     "limit."},
    {"passive_accept_rate", Number{at<&Limits::passive_accept_rate>, 1, rate_max},
     "Connections accepted per second at one passive port. Further ones wait."},
    {"passive_stray_rate", Number{at<&Limits::passive_stray_rate>, 1, rate_max},
     "Unexpected connections per second to one passive port. Beyond that no client gets the port "
     "for a while, as long as others are free."},
});

constexpr auto top_sections = std::to_array<Section>({
    {defaults<Config>, "", "Top of the file", "These keys come before the first table.",
     config_settings, config_tables},
    {defaults<Log>, "log", "[log]", "Ballast's own log. Passwords are never written.",
     log_settings},
    {defaults<TransferLog>, "transfer_log", "[transfer_log]",
     "Logs of transfers. Both may be written at the same time.", transfer_log_settings},
    {defaults<Admin>, "admin", "[admin]",
     "How operators reach the running daemon, see [admin-api.md](admin-api.md).", admin_settings,
     admin_tables},
    {defaults<AdminTls>, "admin.tls", "[admin.tls]",
     "TLS for operators. With this table every address of `bind` speaks HTTPS.",
     admin_tls_settings},
    {defaults<Cluster>, "cluster", "[cluster]",
     "What several balancers share, see [high-availability.md](high-availability.md).",
     cluster_settings},
    {defaults<Limits>, "limits", "[limits]",
     "Limits of the whole process. Each time that a limit is reached is counted.", limits_settings},
});

}  // namespace

std::span<const Section> all_sections() {
    static const auto all = [] {
        std::vector<Section> sections;
        for (const auto part :
             {std::span<const Section>(top_sections), listener_sections(), pool_sections()})
            sections.insert(sections.end(), part.begin(), part.end());
        return sections;
    }();
    return all;
}

const Section& section_of(ConstRecord values) {
    const auto found = std::ranges::find_if(
        all_sections(), [&](const auto& section) { return section.defaults().is_like(values); });
    assert(found != all_sections().end());
    return *found;
}

}  // namespace ballast::config
