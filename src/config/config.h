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
/// The numbers of RFC 5424.
enum class LogFacility : std::uint8_t {
    user = 1,
    daemon = 3,
    ftp = 11,
    local0 = 16,
    local1,
    local2,
    local3,
    local4,
    local5,
    local6,
    local7,
};

struct Log {
    LogLevel level = LogLevel::info;
    /// automatic: fields in the journal, text on a terminal, else JSON
    LogFormat format = LogFormat::automatic;
    std::string file;    ///< empty: standard error
    std::string syslog;  ///< "udp://host:514" and the like; empty: none
    LogFacility facility = LogFacility::daemon;
    std::uint32_t repeats_per_second = 50;  ///< lines with one message; 0: no limit
};

struct TransferLog {
    std::string xferlog;  ///< file in wu-ftpd's format; empty: none
    std::string json;     ///< file of JSON lines; empty: none
};

/// TLS settings that listeners, backends and operators have in common.
struct TlsParameters {
    base::TlsVersion min_version = base::TlsVersion::tls_1_2;
    base::TlsVersion max_version = base::TlsVersion::tls_1_3;
    std::string ciphers;       ///< up to TLS 1.2, OpenSSL names; empty: all with forward secrecy
    std::string ciphersuites;  ///< for TLS 1.3; empty: OpenSSL's default
    Duration handshake_timeout = std::chrono::seconds(10);

    friend bool operator==(const TlsParameters&, const TlsParameters&) = default;
};

/// TLS for operators who connect over TCP.
struct AdminTls : TlsParameters {
    Where where;
    std::vector<std::string> certificate;  ///< PEM files: chain, and the key unless `key` is set
    std::vector<std::string> key;          ///< one for each certificate, or none
};

/// How operators reach the running daemon.
struct Admin {
    /// Where the socket is if the configuration names none.
    static constexpr std::string_view default_socket = "/run/ballast/admin.sock";
    static constexpr std::string_view no_socket = "none";

    std::string socket;  ///< empty: the default, if Ballast may write there
    std::string group;   ///< who may use the socket beside Ballast's user; empty: Ballast's group
    std::string state_file;  ///< keeps administrative states over a restart; empty: none
    std::size_t explain_memory = 64UL << 20;  ///< for the stories of sessions; 0: none are kept

    std::vector<base::Address> bind;  ///< TCP; empty: only the socket
    std::vector<std::string> names;   ///< host names by which browsers may reach `bind`
    std::string token_file;           ///< bearer tokens that may do everything; empty: none
    std::string read_token_file;      ///< bearer tokens that may only look; empty: none
    std::optional<AdminTls> tls;      ///< of `bind`
};

/// Who asks the backends how they are, in a cluster of balancers.
enum class Probing : std::uint8_t {
    each,  ///< every node
    one,   ///< one node, for all of them
};

/// What this balancer shares with others. Each balancer is a node.
struct Cluster {
    /// In place of a store: this balancer shares nothing.
    static constexpr std::string_view no_store = "memory";

    std::vector<std::string> store = {std::string(no_store)};  ///< see `parse_store_address`
    std::string name = "ballast";                              ///< nodes with the same one share
    std::string node;           ///< this one's; empty: the host's name
    std::string secret_file;    ///< the same on all nodes
    std::string password_file;  ///< for the store; empty: it asks for none
    std::string ca;             ///< PEM file that the store is verified with; empty: the system
    std::string certificate;    ///< PEM file for the store; empty: none
    std::string key;            ///< PEM file; empty: in the certificate's file
    std::string address;        ///< where other nodes reach this one; empty: they do not
    Duration heartbeat = std::chrono::seconds(1);
    Duration timeout = std::chrono::seconds(2);  ///< for an answer of the store
    Probing probes = Probing::each;

    [[nodiscard]] bool has_store() const { return store.size() > 1 || store.at(0) != no_store; }
};

/// Limits of the whole process. 0 means no limit, unless the field says otherwise.
struct Limits {
    std::uint32_t sessions = 0;                         ///< 0: as many as the descriptors allow
    std::optional<std::uint32_t> sessions_per_address;  ///< empty: a share, see the manual
    std::uint32_t sessions_per_user = 0;
    std::uint32_t session_rate = 0;                         ///< new ones per second
    std::optional<std::uint32_t> session_rate_per_address;  ///< empty: a share of `session_rate`
    std::uint32_t login_rate = 500;  ///< backend connections per second that lead to no login
    std::uint32_t login_rate_per_address = 50;  ///< likewise
    std::uint32_t transfers = 0;
    std::uint32_t failed_logins_per_address = 30;  ///< within `failed_login_window`, then a ban
    std::uint32_t failed_logins_per_user = 10;     ///< from one address
    Duration failed_login_window = std::chrono::minutes(10);
    Duration ban_time = std::chrono::minutes(10);
    std::size_t memory = 0;  ///< resident bytes above which no session begins; 0: see the manual
    std::size_t user_bandwidth = 0;  ///< bytes per second, all sessions of one user together
    std::uint32_t passive_accept_rate = 1000;  ///< connections per second, for each passive port
    std::uint32_t passive_stray_rate = 20;     ///< likewise, of connections that no session expects
};

/// The address that PASV announces. The first rule whose network contains the client decides. If
/// none does, PASV announces the address that the client connected to.
struct AnnounceRule {
    std::optional<base::Subnet> network;  ///< empty: every client ("default")
    std::optional<base::Ip> address;      ///< empty: "local", the address the client connected to
    std::string name = {};                ///< a host name in lower case, instead of `address`

    friend bool operator==(const AnnounceRule&, const AnnounceRule&) = default;
};

/// The source port of active data connections. By RFC 959 3.2 a server uses L-1, the port below its
/// control port.
struct ActiveSource {
    enum class Kind : std::uint8_t { ephemeral, below_control, fixed };
    Kind kind = Kind::ephemeral;
    std::uint16_t port = 0;  ///< only for `fixed`

    friend bool operator==(const ActiveSource&, const ActiveSource&) = default;
};

/// Where an active data connection goes if PORT or EPRT names a private address, but the client
/// connected from a public one.
enum class ActiveAddress : std::uint8_t {
    named,    ///< to the address in PORT or EPRT
    control,  ///< to the client's address on the control connection
};

/// What clients must protect.
enum class TlsRequire : std::uint8_t { none, login, login_and_data };
/// Whether a data connection must resume its control connection's TLS session.
enum class SessionReuse : std::uint8_t { required, preferred, off };
enum class ClientCertificate : std::uint8_t { none, request, require };

/// A listener's TLS for clients (RFC 4217).
struct ListenerTls : TlsParameters {
    Where where;
    std::vector<std::string> certificate;  ///< PEM files: chain, and the key unless `key` is set
    std::vector<std::string> key;          ///< one for each certificate, or none
    std::vector<std::string> ocsp;  ///< DER responses to staple: one for each certificate, or none
    bool explicit_tls = true;       ///< AUTH TLS
    std::vector<base::Address> implicit_bind;
    TlsRequire require = TlsRequire::none;
    SessionReuse session_reuse = SessionReuse::preferred;
    bool strict_close = false;  ///< data that ends without close_notify counts as cut off
    bool ccc = false;           ///< CCC may turn off TLS on the control connection
    std::string client_ca;      ///< PEM file
    ClientCertificate client_certificate = ClientCertificate::none;
    std::string ticket_keys;  ///< file; empty: generated at start
    Duration ticket_key_lifetime = std::chrono::hours(12);
};

/// The addresses that may be the other end of a data connection.
struct DataPeer {
    enum class Kind : std::uint8_t {
        exact,    ///< only the control connection's address
        network,  ///< that address, and all addresses in `network`
        any,
    };
    Kind kind = Kind::exact;
    std::optional<base::Subnet> network;  ///< only for `network`

    friend bool operator==(const DataPeer&, const DataPeer&) = default;
};

/// The source address of connections to backends.
struct Source {
    enum class Kind : std::uint8_t {
        system,     ///< the system's choice
        client,     ///< the client's own: transparent
        addresses,  ///< one of `addresses`, in turn
    };
    Kind kind = Kind::system;
    std::vector<base::Ip> addresses;  ///< only for `addresses`

    friend bool operator==(const Source&, const Source&) = default;
};

/// The way of a pool's data connections.
enum class DataPath : std::uint8_t {
    relay,   ///< through Ballast
    direct,  ///< from client to backend, past Ballast
};

/// Who carries the data of a listener's transfers that may pass Ballast by.
enum class Carrier : std::uint8_t {
    relay,      ///< Ballast
    kernel,     ///< the kernel of this machine
    automatic,  ///< the kernel, where it can
};

/// The conditions of a route. All must hold; an empty one always holds. If a condition lists
/// several patterns, one match is enough. In a pattern '*' stands for any text and '?' for any
/// character.
struct RouteMatch {
    std::vector<std::string> user;
    std::vector<base::Subnet> network;  ///< networks that contain the client's address
    std::vector<std::string> host;      ///< the name in HOST; case is ignored
    std::vector<std::string> sni;       ///< the server name in the TLS handshake; case is ignored
    std::vector<std::string> certificate;  ///< the subject of the client's certificate (RFC 2253)
};

/// What happens to sessions that match. Exactly one of `pool` and `reject` is set.
struct Route {
    Where where;
    RouteMatch match;
    std::string pool;
    std::string reject;              ///< a whole reply: "530 Not from here."
    bool counts_as_failure = false;  ///< `reject` counts towards a ban, like a wrong password
};

enum class ListenerMode : std::uint8_t {
    terminate,    ///< Ballast speaks FTP with the client, and TLS if configured
    passthrough,  ///< the client's TLS ends at a backend
};

/// This as a listener's `greeting` means: greet with a backend's own text, or with the default
/// until that is known.
inline constexpr std::string_view backend_greeting = "backend";
inline constexpr std::string_view default_greeting = "FTP server ready.";

struct Listener {
    std::string name;
    Where where;
    ListenerMode mode = ListenerMode::terminate;
    bool plain = false;      ///< `passthrough`: clients without TLS are served as by `terminate`
    bool free_bind = false;  ///< may bind to addresses that are not local yet
    std::vector<base::Address> bind;           ///< may be empty if `implicit_bind` is set
    std::vector<base::Address> implicit_bind;  ///< for `passthrough`; for `terminate` see `tls`
    std::string pool;           ///< if no route matches; may be empty if there are routes
    std::vector<Route> routes;  ///< the first that matches decides
    bool user_at_pool = false;  ///< "alice@sales" is user alice in pool sales
    bool user_at_host = false;  ///< "alice%HOST" is user alice after the command HOST
    base::PortRange passive_ports{20000, 20099};
    Carrier data_path = Carrier::relay;
    std::vector<base::Subnet> allow_from;      ///< client addresses; empty: all
    std::vector<base::Subnet> deny_from;       ///< overrides `allow_from`
    std::vector<std::string> allow_commands;   ///< verbs; empty: all
    std::vector<std::string> deny_commands;    ///< overrides `allow_commands`
    std::vector<std::string> allow_arguments;  ///< "VERB PATTERN"; other verbs: all
    std::vector<std::string> deny_arguments;   ///< likewise; overrides `allow_arguments`
    bool read_only = false;
    std::vector<base::Subnet> proxy_from;  ///< proxies, whose connections begin with a PROXY header
    bool proxy_data = false;               ///< their data connections begin with one too
    Duration proxy_timeout = std::chrono::seconds(5);  ///< for the header to arrive
    std::uint32_t max_sessions = 0;                    ///< 0: no limit
    std::uint32_t login_attempts = 10;                 ///< USER commands without a successful login
    std::uint32_t command_rate = 5000;  ///< commands per second in one session; 0: no limit
    std::size_t bandwidth = 0;          ///< bytes per second; 0: no limit
    std::size_t session_bandwidth = 0;  ///< likewise, for each session
    bool anonymous = true;              ///< the users anonymous and ftp may log in
    DataPeer data_peer;                 ///< who may connect to a passive port
    bool allow_fxp = false;  ///< PORT and EPRT may name other addresses than the client's
    std::vector<AnnounceRule> public_address;
    Duration resolve_interval = std::chrono::seconds(30);  ///< for names in `public_address`
    ActiveAddress active_address = ActiveAddress::named;
    ActiveSource active_source_port;
    std::string greeting{default_greeting};
    std::string system = "UNIX Type: L8";
    Duration login_timeout = std::chrono::minutes(1);          ///< from the connect to the 230
    Duration client_hello_timeout = std::chrono::seconds(10);  ///< `passthrough`, from the 234
    Duration idle_timeout = std::chrono::minutes(15);   ///< between commands; paused in transfers
    Duration write_timeout = std::chrono::seconds(30);  ///< for a client to receive a reply
    Duration data_connect_timeout = std::chrono::seconds(30);
    Duration data_stall_timeout = std::chrono::minutes(5);
    std::size_t data_stall_bytes = 1024;  ///< fewer than this in that time is a stall
    Duration upload_end_grace = std::chrono::milliseconds(20);  ///< see the manual
    Duration begin_reply_delay{};                               ///< the same; zero: none
    std::size_t command_bytes_max = 8192;
    std::size_t login_bytes_max = 512;  ///< for a line with USER, PASS, ACCT or HOST
    std::size_t pipelined_bytes_max = 65536;
    std::optional<ListenerTls> tls;

    /// Whether clients get ports from `passive_ports`.
    [[nodiscard]] bool lends_ports() const { return mode == ListenerMode::terminate || plain; }
};

enum class ProbeType : std::uint8_t { none, tcp, banner, login, script };
/// The PROXY protocol's header, which comes before anything else.
enum class ProxyHeader : std::uint8_t { off, v1, v2 };

struct Probe {
    ProbeType type = ProbeType::banner;
    std::string user;
    std::string password_file;
    bool pwd = false;    ///< `login` also sends PWD
    std::string list;    ///< `login` lists this directory over a data connection; empty: none
    std::string canary;  ///< `login` downloads this file; empty: none
    std::string canary_sha256;  ///< the file's hash, 64 hexadecimal digits; empty: any
    std::size_t canary_bytes_max = std::size_t{1024} * 1024;
    std::string script;  ///< `script` runs this program; the manual lists its arguments
    bool quiet = false;  ///< many probes share one session, so backends log less
    ProxyHeader proxy = ProxyHeader::off;
    Duration interval = std::chrono::seconds(5);
    std::optional<Duration> fast_interval;  ///< between up and down; empty: `interval`
    std::optional<Duration> down_interval;  ///< while down; empty: `interval`
    Duration timeout = std::chrono::seconds(5);
    std::uint32_t rise = 2;
    std::uint32_t fall = 3;
    std::uint32_t jitter_percent = 10;  ///< random change of the interval, up or down

    friend bool operator==(const Probe&, const Probe&) = default;
};

/// Ejects backends on which live sessions fail: failed connections and bad greetings. Others call
/// this outlier detection.
struct Observe {
    std::uint32_t failures = 3;  ///< in a row before a backend is ejected; 0: never
    Duration ejection_time = std::chrono::seconds(30);  ///< of the first one; repeats are longer
    std::uint32_t panic_threshold = 50;  ///< percent of the pool that is never ejected
};

enum class StickBy : std::uint8_t { none, network, user };
/// What happens to a client if the backend that it sticks to is down, full or gone.
enum class StickOtherwise : std::uint8_t {
    choose,  ///< choose another backend; the client then sticks to that one
    refuse,
};

/// Stickiness: a client comes back to the backend that it had before.
struct Stick {
    StickBy by = StickBy::none;
    Duration timeout = std::chrono::minutes(30);  ///< since a session began or ended
    std::uint32_t ipv4_prefix = 32;               ///< length of the prefix that `network` compares
    std::uint32_t ipv6_prefix = 64;
    std::uint32_t entries_max = 100'000;  ///< beyond this, drop the least recently used
    StickOtherwise otherwise = StickOtherwise::choose;
};

/// The queue in which clients wait while every usable backend is full.
struct Queue {
    std::uint32_t length = 0;  ///< 0: no queue
    Duration timeout = std::chrono::seconds(10);
};

/// How data connections to a backend are made.
enum class BackendData : std::uint8_t {
    automatic,  ///< EPSV, or PASV if the backend refuses EPSV
    as_client,  ///< forward the client's own command at once
    epsv,
    pasv,
    port,
    eprt,
};

enum class BackendTlsMode : std::uint8_t { off, explicit_tls, implicit_tls, as_client };
enum class BackendVerify : std::uint8_t { full, ca, none };
/// Whether data connections to a backend are protected.
enum class BackendDataTls : std::uint8_t { as_client, always, never };

/// TLS to a backend. A backend's own table overrides single settings of its pool.
struct BackendTls : TlsParameters {
    BackendTlsMode mode = BackendTlsMode::off;
    std::string ca;  ///< PEM file; empty: the system's CAs
    BackendVerify verify = BackendVerify::full;
    BackendDataTls data = BackendDataTls::as_client;
    std::string certificate;  ///< PEM file shown to the backend; empty: none
    std::string key;          ///< empty: the key is in the certificate's file
    std::string server_name;  ///< SNI, and the name to verify; empty: the host of `address`

    friend bool operator==(const BackendTls&, const BackendTls&) = default;
};

struct Backend {
    std::string name;
    Where where;
    std::string host;  ///< address or name; each address of a name is a backend
    std::string srv;   ///< a name with SRV records (RFC 2782), instead of `host` and `port`
    std::uint16_t port = 21;
    std::uint32_t weight = 1;        ///< 0..256; 0: no new sessions
    bool has_weight = false;         ///< `weight` was set; it overrides the weight of SRV records
    std::uint32_t max_sessions = 0;  ///< 0: no limit
    bool backup = false;             ///< chosen only if no other backend can serve
    std::size_t bandwidth = 0;       ///< bytes per second of all its transfers; 0: no limit
    /// The server's own ports. Ballast listens on the same ones for `passthrough`.
    std::optional<base::PortRange> passive_ports;
    std::string data_address;  ///< IPv4, for `direct` data; empty: as the backend says
    BackendTls tls;
};

/// Replaces the user name that backends see.
struct UserRule {
    std::string pattern;  ///< for the client's name; '*' is any text, '?' any character
    std::string name;     ///< "{user}" in it stands for the client's name

    friend bool operator==(const UserRule&, const UserRule&) = default;
};

/// What outlives a backend that is lost.
enum class Failover : std::uint8_t {
    off,
    session,   ///< sessions, but none of their transfers
    transfer,  ///< sessions and downloads
};

/// A policy; never null.
using Balance = const balance::NamedPolicy*;

struct Pool {
    std::string name;
    Where where;
    Balance balance = balance::find_policy("least-transfers");
    /// For the hash policies: how many sessions a backend may hold, in percent of its fair share.
    /// Above that, its clients go to their next choice. 0: no bound.
    std::uint32_t hash_load_percent = 150;
    std::string fallback;  ///< pool to use while no backend of this one can serve; empty: none
    Stick stick;
    Queue queue;
    Duration slow_start{0};  ///< time for a backend to ramp up to its full share after it came up
    Failover failover = Failover::off;
    Duration failover_timeout = std::chrono::seconds(30);  ///< for a client to wait, silent
    std::size_t failover_samples = 16UL << 20;  ///< bytes from one sample of a file to the next
    bool failover_trust = false;  ///< what a backend cannot answer is no difference between files
    double failover_rate = 200;   ///< logins of moving sessions, per second
    double rebalance = 0;         ///< idle sessions moved for a fair share, per second; 0: none
    Observe observe;
    Probe probe;
    BackendTls tls;
    std::vector<Backend> backends;
    std::string backends_file;                  ///< a watched file with more backends; empty: none
    bool may_be_empty = false;                  ///< `backends_file` may have no backend
    std::vector<UserRule> backend_user;         ///< the first that matches decides
    ProxyHeader send_proxy = ProxyHeader::off;  ///< for sessions' control connections
    Source source;                              ///< of sessions' connections to the backends
    DataPath data = DataPath::relay;
    BackendData backend_data = BackendData::automatic;
    bool pipelining = true;  ///< several commands in one write, to a backend that reads them
    std::uint32_t warm = 0;  ///< greeted control connections to each backend, for logins to come
    std::optional<base::PortRange> data_ports;  ///< ports for `port`, `eprt` and `as_client`
    bool trust_low_ports = false;               ///< data connections may go to ports below 1024
    bool trust_pasv_address = false;  ///< data connections go to the address in PASV's reply
    DataPeer data_peer;               ///< who may connect to a data port
    Duration connect_timeout = std::chrono::seconds(3);
    Duration greeting_timeout = std::chrono::seconds(10);
    Duration reply_timeout = std::chrono::seconds(60);
    Duration long_reply_timeout = std::chrono::minutes(5);   ///< for verbs that may take long
    Duration reply_time_max = std::chrono::hours(1);         ///< for a whole reply
    Duration final_reply_timeout = std::chrono::minutes(5);  ///< from the data's end to the reply
    Duration tcp_user_timeout = std::chrono::seconds(30);    ///< for a backend to acknowledge
    Duration resolve_interval = std::chrono::seconds(30);
    std::size_t reply_line_bytes_max = 8192;
    std::size_t reply_bytes_max = 65536;
};

struct Config {
    std::uint32_t workers = 0;                             ///< 0: one per core
    Duration shutdown_timeout = std::chrono::seconds(30);  ///< for running transfers at SIGTERM
    bool core_dumps = false;  ///< a dump holds what clients and servers have sent
    Log log;
    TransferLog transfer_log;
    Admin admin;
    Cluster cluster;
    Limits limits;
    std::vector<Listener> listeners;
    std::vector<Pool> pools;
    Places places;  ///< for problems found later: a port in use, a missing file

    [[nodiscard]] const Pool* find_pool(const std::string& name) const;
    /// All pools that the listener can use, including fallbacks.
    [[nodiscard]] std::vector<const Pool*> pools_of(const Listener& listener) const;
};

}  // namespace ballast::config
