// SPDX-License-Identifier: Apache-2.0
#pragma once

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
};

struct TransferLog {
    std::string xferlog;  ///< file in wu-ftpd's format; empty: none
    std::string json;     ///< file of JSON lines; empty: none
};

/// Which address PASV announces to whom. The first rule whose network holds the client decides;
/// without a rule it is the address that the client connected to.
struct AnnounceRule {
    std::optional<base::Subnet> network;  ///< empty: every client ("default")
    std::optional<base::Ip> address;      ///< empty: "local", the address the client connected to

    friend bool operator==(const AnnounceRule&, const AnnounceRule&) = default;
};

/// The source port of active data connections (RFC 959 3.2: the server's is L-1).
struct ActiveSource {
    enum class Kind : std::uint8_t { ephemeral, below_control, fixed };
    Kind kind = Kind::ephemeral;
    std::uint16_t port = 0;  ///< only for `fixed`

    friend bool operator==(const ActiveSource&, const ActiveSource&) = default;
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

struct Listener {
    std::string name;
    Where where;
    std::vector<base::Address> bind;  ///< empty only if `tls->implicit_bind` is not
    std::string pool;
    base::PortRange passive_ports{20000, 20099};
    std::vector<AnnounceRule> public_address;
    ActiveSource active_source_port;
    std::string greeting = "FTP server ready.";
    Duration login_timeout = std::chrono::minutes(1);   ///< from connect to the 230
    Duration idle_timeout = std::chrono::minutes(15);   ///< between commands; not in transfers
    Duration write_timeout = std::chrono::seconds(30);  ///< for a client to take a reply
    Duration data_connect_timeout = std::chrono::seconds(30);
    Duration data_stall_timeout = std::chrono::minutes(5);      ///< a transfer without a byte moved
    Duration upload_end_grace = std::chrono::milliseconds(20);  ///< see the manual
    std::size_t command_bytes_max = 8192;
    std::size_t pipelined_bytes_max = 65536;
    std::optional<ListenerTls> tls;
};

enum class ProbeType : std::uint8_t { none, tcp, login };

struct Probe {
    ProbeType type = ProbeType::tcp;
    std::string user;
    std::string password_file;
    Duration interval = std::chrono::seconds(5);
    Duration timeout = std::chrono::seconds(5);
    std::uint32_t rise = 2;
    std::uint32_t fall = 3;
    std::uint32_t jitter_percent = 10;  ///< of the interval, either way
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
};

struct Backend {
    std::string name;
    Where where;
    std::string host;  ///< an address or a name; every address of a name is a backend
    std::uint16_t port = 21;
    std::uint32_t weight = 1;        ///< 1..256
    std::uint32_t max_sessions = 0;  ///< 0: no limit
    bool backup = false;             ///< chosen only when no other backend can be
    BackendTls tls;
};

enum class Balance : std::uint8_t { round_robin, least_transfers };

struct Pool {
    std::string name;
    Where where;
    Balance balance = Balance::least_transfers;
    Probe probe;
    BackendTls tls;
    std::vector<Backend> backends;
    Duration connect_timeout = std::chrono::seconds(3);
    Duration greeting_timeout = std::chrono::seconds(10);
    Duration reply_timeout = std::chrono::seconds(60);
    Duration final_reply_timeout = std::chrono::minutes(5);  ///< from the data's end to the reply
    Duration resolve_interval = std::chrono::seconds(30);
    std::size_t reply_line_bytes_max = 8192;
    std::size_t reply_bytes_max = 65536;
};

struct Config {
    std::uint32_t workers = 0;                             ///< 0: one for each core
    Duration shutdown_timeout = std::chrono::seconds(30);  ///< for running transfers at SIGTERM
    Log log;
    TransferLog transfer_log;
    std::vector<Listener> listeners;
    std::vector<Pool> pools;
    Places places;  ///< for what is found wrong only later: a port in use, a file that is missing

    [[nodiscard]] const Pool* find_pool(const std::string& name) const;
};

}  // namespace ballast::config
