// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/named_policy.h"
#include "base/address.h"
#include "base/port_range.h"
#include "base/subnet.h"
#include "base/tls_version.h"
#include "config/places.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What an operator can set: plain structs that hold their defaults. Loaded once, then never
/// changed; every part of the daemon shares one snapshot.
namespace ballast::config {

using Duration = std::chrono::milliseconds;

enum class LogLevel : std::uint8_t { error, warning, info, debug };
enum class LogFormat : std::uint8_t { automatic, text, json };

struct Log {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::automatic;  ///< automatic: text on a terminal, else JSON
    std::string file;                         ///< empty: standard error
    std::uint32_t repeats_per_second = 50;    ///< lines with one message; 0: no limit
};

struct TransferLog {
    std::string xferlog;  ///< file in wu-ftpd's format; empty: none
    std::string json;     ///< file of JSON lines; empty: none
};

/// What the whole process carries at most. 0 is no limit of this kind, unless it says otherwise.
struct Limits {
    std::uint32_t sessions = 0;                         ///< 0: as many as the descriptors allow
    std::optional<std::uint32_t> sessions_per_address;  ///< empty: a part of all, see the manual
    std::uint32_t sessions_per_user = 0;
    std::uint32_t session_rate = 0;                         ///< new ones per second
    std::optional<std::uint32_t> session_rate_per_address;  ///< likewise
    std::uint32_t login_rate = 500;  ///< connections to backends per second without a log-in
    std::uint32_t login_rate_per_address = 50;  ///< likewise
    std::uint32_t transfers = 0;
    std::uint32_t failed_logins_per_address = 30;  ///< within `failed_login_window`, then a ban
    std::uint32_t failed_logins_per_user = 10;     ///< from one address
    Duration failed_login_window = std::chrono::minutes(10);
    Duration ban_time = std::chrono::minutes(10);
    std::size_t memory = 0;                    ///< resident bytes beyond which no session begins
    std::size_t user_bandwidth = 0;            ///< bytes per second of all sessions of one user
    std::uint32_t passive_accept_rate = 1000;  ///< connections per second and passive port
    std::uint32_t passive_stray_rate = 20;     ///< likewise, of those that nobody waits for
};

/// Which address PASV announces to whom. The first rule whose network holds the client decides;
/// without a rule it is the address that the client connected to.
struct AnnounceRule {
    std::optional<base::Subnet> network;  ///< empty: every client ("default")
    std::optional<base::Ip> address;      ///< empty: "local", the address the client connected to
    std::string name = {};                ///< instead of `address`: a host name, in lower case

    friend bool operator==(const AnnounceRule&, const AnnounceRule&) = default;
};

/// The source port of active data connections (RFC 959 3.2: the server's is L-1).
struct ActiveSource {
    enum class Kind : std::uint8_t { ephemeral, below_control, fixed };
    Kind kind = Kind::ephemeral;
    std::uint16_t port = 0;  ///< only for `fixed`

    friend bool operator==(const ActiveSource&, const ActiveSource&) = default;
};

/// Where an active data connection goes when PORT or EPRT names a private address and the client
/// comes from a public one.
enum class ActiveAddress : std::uint8_t {
    named,    ///< there
    control,  ///< to the address that the control connection comes from
};

/// What clients must protect.
enum class TlsRequire : std::uint8_t { none, login, login_and_data };
/// Whether a data connection must resume its control connection's TLS session.
enum class SessionReuse : std::uint8_t { required, preferred, off };
enum class ClientCertificate : std::uint8_t { none, request, require };

/// What both ends of TLS have to agree on.
struct TlsParameters {
    base::TlsVersion min_version = base::TlsVersion::tls_1_2;
    base::TlsVersion max_version = base::TlsVersion::tls_1_3;
    std::string ciphers;       ///< up to TLS 1.2, as OpenSSL names them; empty: forward secrecy
    std::string ciphersuites;  ///< TLS 1.3; empty: OpenSSL's
    Duration handshake_timeout = std::chrono::seconds(10);

    friend bool operator==(const TlsParameters&, const TlsParameters&) = default;
};

/// A listener's TLS towards clients (RFC 4217).
struct ListenerTls : TlsParameters {
    Where where;
    std::vector<std::string> certificate;  ///< PEM files: chain, and the key unless `key` is set
    std::vector<std::string> key;          ///< one for each certificate, or none
    std::vector<std::string> ocsp;         ///< DER responses to staple: one for each, or none
    bool explicit_tls = true;              ///< AUTH TLS
    std::vector<base::Address> implicit_bind;
    TlsRequire require = TlsRequire::none;
    SessionReuse session_reuse = SessionReuse::preferred;
    bool strict_close = false;  ///< data that ends without close_notify was cut off
    bool ccc = false;           ///< CCC may take the control connection back to plain text
    std::string client_ca;      ///< PEM file
    ClientCertificate client_certificate = ClientCertificate::none;
    std::string ticket_keys;  ///< file; empty: made at start
    Duration ticket_key_lifetime = std::chrono::hours(12);
};

/// From which addresses the other end of a data connection may come.
struct DataPeer {
    enum class Kind : std::uint8_t {
        exact,    ///< only that of the control connection
        network,  ///< that, and those of `network`
        any,
    };
    Kind kind = Kind::exact;
    std::optional<base::Subnet> network;  ///< only for `network`

    friend bool operator==(const DataPeer&, const DataPeer&) = default;
};

/// What a route asks for; what is empty is not asked. Of several patterns for one thing any may
/// match. In patterns '*' stands for any text and '?' for any character.
struct RouteMatch {
    std::vector<std::string> user;
    std::vector<base::Subnet> network;     ///< of the client's address
    std::vector<std::string> host;         ///< what HOST said; letters of either case
    std::vector<std::string> sni;          ///< what the TLS handshake asked for; either case
    std::vector<std::string> certificate;  ///< the subject of the client's certificate (RFC 2253)
};

/// Where sessions that match go: exactly one of `pool` and `reject` is set.
struct Route {
    Where where;
    RouteMatch match;
    std::string pool;
    std::string reject;              ///< a whole reply: "530 Not from here."
    bool counts_as_failure = false;  ///< `reject` counts toward a ban, as a wrong password does
};

enum class ListenerMode : std::uint8_t {
    terminate,    ///< Ballast speaks FTP with the client, and TLS if it has to
    passthrough,  ///< the client's TLS ends at a backend
};

/// As a listener's `greeting`: what its backends say themselves, or the default until they have.
inline constexpr std::string_view backend_greeting = "backend";
inline constexpr std::string_view default_greeting = "FTP server ready.";

struct Listener {
    std::string name;
    Where where;
    ListenerMode mode = ListenerMode::terminate;
    bool plain = false;      ///< `passthrough` serves those without TLS as `terminate` does
    bool free_bind = false;  ///< also to addresses that are not local yet
    std::vector<base::Address> bind;           ///< empty only if an `implicit_bind` is not
    std::vector<base::Address> implicit_bind;  ///< of `passthrough`; else it is in `tls`
    std::string pool;           ///< where no route matches; empty only if there are routes
    std::vector<Route> routes;  ///< the first that matches decides
    bool user_at_pool = false;  ///< "alice@sales" is alice of the pool sales
    bool user_at_host = false;  ///< "alice%ftp.example.com" is alice after that HOST
    base::PortRange passive_ports{20000, 20099};
    std::vector<base::Subnet> allow_from;      ///< clients' addresses; empty: all
    std::vector<base::Subnet> deny_from;       ///< before `allow_from`
    std::vector<std::string> allow_commands;   ///< verbs; empty: all
    std::vector<std::string> deny_commands;    ///< before `allow_commands`
    std::vector<std::string> allow_arguments;  ///< "VERB PATTERN"; verbs without one: all
    std::vector<std::string> deny_arguments;   ///< likewise, before `allow_arguments`
    bool read_only = false;
    std::vector<base::Subnet> proxy_from;  ///< whose connections begin with a PROXY header
    bool proxy_data = false;               ///< their data connections too
    Duration proxy_timeout = std::chrono::seconds(5);  ///< for the header to come
    std::uint32_t max_sessions = 0;                    ///< 0: no limit
    std::uint32_t login_attempts = 10;                 ///< USERs in a row without a log-in
    std::uint32_t command_rate = 5000;                 ///< of one session, per second; 0: no limit
    std::size_t bandwidth = 0;                         ///< bytes per second; 0: no limit
    std::size_t session_bandwidth = 0;                 ///< likewise, of each session
    bool anonymous = true;   ///< USER anonymous and ftp go on to a backend
    DataPeer data_peer;      ///< who may connect to a passive port
    bool allow_fxp = false;  ///< PORT and EPRT may name others than the client
    std::vector<AnnounceRule> public_address;
    Duration resolve_interval = std::chrono::seconds(30);  ///< of names in `public_address`
    ActiveAddress active_address = ActiveAddress::named;
    ActiveSource active_source_port;
    std::string greeting{default_greeting};
    std::string system = "UNIX Type: L8";
    Duration login_timeout = std::chrono::minutes(1);          ///< from connect to the 230
    Duration client_hello_timeout = std::chrono::seconds(10);  ///< `passthrough`, from the 234
    Duration idle_timeout = std::chrono::minutes(15);   ///< between commands; not in transfers
    Duration write_timeout = std::chrono::seconds(30);  ///< for a client to take a reply
    Duration data_connect_timeout = std::chrono::seconds(30);
    Duration data_stall_timeout = std::chrono::minutes(5);
    std::size_t data_stall_bytes = 1024;  ///< a transfer has to move so many in that time
    Duration upload_end_grace = std::chrono::milliseconds(20);  ///< see the manual
    std::size_t command_bytes_max = 8192;
    std::size_t login_bytes_max = 512;  ///< of a line with USER, PASS, ACCT or HOST
    std::size_t pipelined_bytes_max = 65536;
    std::optional<ListenerTls> tls;

    /// Whether clients are told ports of `passive_ports`.
    [[nodiscard]] bool lends_ports() const { return mode == ListenerMode::terminate || plain; }
};

enum class ProbeType : std::uint8_t { none, tcp, banner, login, script };
/// The PROXY protocol's header, before anything else is said.
enum class ProxyHeader : std::uint8_t { off, v1, v2 };

struct Probe {
    ProbeType type = ProbeType::banner;
    std::string user;
    std::string password_file;
    bool pwd = false;           ///< `login` asks PWD as well
    std::string list;           ///< `login` lists this directory over a data connection; empty: no
    std::string canary;         ///< `login` reads this file whole; empty: none
    std::string canary_sha256;  ///< what it must hold, 64 hexadecimal digits; empty: anything
    std::size_t canary_bytes_max = std::size_t{1024} * 1024;
    std::string script;  ///< `script` runs this program; the manual says with what
    bool quiet = false;  ///< one session for many probes, so that backends log little
    ProxyHeader proxy = ProxyHeader::off;
    Duration interval = std::chrono::seconds(5);
    std::optional<Duration> fast_interval;  ///< between up and down; empty: `interval`
    std::optional<Duration> down_interval;  ///< while down; empty: `interval`
    Duration timeout = std::chrono::seconds(5);
    std::uint32_t rise = 2;
    std::uint32_t fall = 3;
    std::uint32_t jitter_percent = 10;  ///< of the interval, either way

    friend bool operator==(const Probe&, const Probe&) = default;
};

/// What live sessions see of a backend: failed connections and bad greetings (the outlier rule).
struct Observe {
    std::uint32_t failures = 3;  ///< in a row, after which a backend is ejected; 0: never
    Duration ejection_time = std::chrono::seconds(30);  ///< the first time; longer if it goes on
    std::uint32_t panic_threshold = 50;  ///< percent of the pool that no ejection may go below
};

enum class StickBy : std::uint8_t { none, network, user };
/// What becomes of a client whose backend is down, full or gone.
enum class StickOtherwise : std::uint8_t {
    choose,  ///< another is chosen, and the client sticks to that
    refuse,
};

/// Stickiness: clients come back to the backend that they had.
struct Stick {
    StickBy by = StickBy::none;
    Duration timeout = std::chrono::minutes(30);  ///< since a session of it began or ended
    std::uint32_t ipv4_prefix = 32;               ///< of a client's address, for `network`
    std::uint32_t ipv6_prefix = 64;
    std::uint32_t entries_max = 100'000;  ///< beyond it the one unused for longest is forgotten
    StickOtherwise otherwise = StickOtherwise::choose;
};

/// Where clients wait while every usable backend is full.
struct Queue {
    std::uint32_t length = 0;  ///< 0: nobody waits
    Duration timeout = std::chrono::seconds(10);
};

/// How data connections to a backend are made.
enum class BackendData : std::uint8_t {
    automatic,  ///< EPSV, or PASV where that is refused
    as_client,  ///< the client's own verb, at once
    epsv,
    pasv,
    port,
    eprt,
};

enum class BackendTlsMode : std::uint8_t { off, explicit_tls, implicit_tls, as_client };
enum class BackendVerify : std::uint8_t { full, ca, none };
/// Whether data connections to a backend are protected.
enum class BackendDataTls : std::uint8_t { as_client, always, never };

/// TLS towards a backend. The pool's, and each backend's own: the pool's but for what it says.
struct BackendTls : TlsParameters {
    BackendTlsMode mode = BackendTlsMode::off;
    std::string ca;  ///< PEM file; empty: the system's
    BackendVerify verify = BackendVerify::full;
    BackendDataTls data = BackendDataTls::as_client;
    std::string certificate;  ///< PEM file shown to the backend; empty: none
    std::string key;          ///< empty: in the certificate's file
    std::string server_name;  ///< SNI, and the name to verify; empty: the host of `address`

    friend bool operator==(const BackendTls&, const BackendTls&) = default;
};

struct Backend {
    std::string name;
    Where where;
    std::string host;  ///< an address or a name; every address of a name is a backend
    std::string srv;   ///< instead of `host`: a name with SRV records (RFC 2782), without port
    std::uint16_t port = 21;
    std::uint32_t weight = 1;        ///< 1..256
    bool has_weight = false;         ///< `weight` was said: it holds instead of SRV records' too
    std::uint32_t max_sessions = 0;  ///< 0: no limit
    bool backup = false;             ///< chosen only when no other backend can be
    std::size_t bandwidth = 0;       ///< bytes per second of all its transfers; 0: no limit
    /// Those of the server itself; clients of `passthrough` listeners reach them here.
    std::optional<base::PortRange> passive_ports;
    BackendTls tls;
};

/// Another name toward the backends.
struct UserRule {
    std::string pattern;  ///< of the client's name; '*' any text, '?' any character
    std::string name;     ///< "{user}" in it stands for the client's name

    friend bool operator==(const UserRule&, const UserRule&) = default;
};

/// A policy; never null.
using Balance = const balance::NamedPolicy*;

struct Pool {
    std::string name;
    Where where;
    Balance balance = balance::find_policy("least-transfers");
    /// For the hashes: how much of its fair share of sessions a backend may hold, in percent,
    /// before its clients go to their next choice. 0: without bound.
    std::uint32_t hash_load_percent = 150;
    std::string fallback;  ///< the pool that serves while no backend of this one can; empty: none
    Stick stick;
    Queue queue;
    Duration slow_start{0};  ///< from a rise until a backend has its whole share
    Observe observe;
    Probe probe;
    BackendTls tls;
    std::vector<Backend> backends;
    std::string backends_file;                  ///< more of them, watched; empty: none
    bool may_be_empty = false;                  ///< `backends_file` may hold no backend
    std::vector<UserRule> backend_user;         ///< the first that matches decides
    ProxyHeader send_proxy = ProxyHeader::off;  ///< with the client's address, on sessions' control
    BackendData backend_data = BackendData::automatic;
    std::optional<base::PortRange> data_ports;  ///< for `port`, `eprt` and `as_client`
    bool trust_low_ports = false;               ///< data may go to ports below 1024
    bool trust_pasv_address = false;            ///< data go where PASV says
    DataPeer data_peer;  ///< who may connect to a data port: the backend, or others too
    Duration connect_timeout = std::chrono::seconds(3);
    Duration greeting_timeout = std::chrono::seconds(10);
    Duration reply_timeout = std::chrono::seconds(60);
    Duration long_reply_timeout = std::chrono::minutes(5);   ///< for verbs that may take long
    Duration reply_time_max = std::chrono::hours(1);         ///< for all lines of one reply
    Duration final_reply_timeout = std::chrono::minutes(5);  ///< from the data's end to the reply
    Duration tcp_user_timeout = std::chrono::seconds(30);    ///< for a backend to acknowledge
    Duration resolve_interval = std::chrono::seconds(30);
    std::size_t reply_line_bytes_max = 8192;
    std::size_t reply_bytes_max = 65536;
};

struct Config {
    std::uint32_t workers = 0;                             ///< 0: one for each core
    Duration shutdown_timeout = std::chrono::seconds(30);  ///< for running transfers at SIGTERM
    bool core_dumps = false;  ///< they hold what clients and servers have said
    Log log;
    TransferLog transfer_log;
    Limits limits;
    std::vector<Listener> listeners;
    std::vector<Pool> pools;
    Places places;  ///< for what is found wrong only later: a port in use, a file that is missing

    [[nodiscard]] const Pool* find_pool(const std::string& name) const;
};

}  // namespace ballast::config
