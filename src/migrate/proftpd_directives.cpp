// SPDX-License-Identifier: Apache-2.0
#include "migrate/proftpd_directives.h"

#include "base/ascii.h"

#include <algorithm>
#include <array>

namespace ballast::migrate::proftpd {

namespace {

using std::string_view;
using enum Outcome;

constexpr string_view by_servers = "the servers decide that";
constexpr string_view by_unit = "the systemd unit does this, see docs/installing.md";
constexpr string_view no_sftp = "Ballast speaks FTP and FTPS, not SFTP";
constexpr string_view no_forward =
    "Ballast sends clients to its pools only, not where they ask for";
constexpr string_view own_resumption = "Ballast resumes TLS sessions by itself";
constexpr string_view no_crl = "Ballast reads no revocation lists: replace certificates instead";
constexpr string_view no_table = "Ballast keeps what it counts in memory";

constexpr auto known = std::to_array<Known>({
    // mod_proxy.
    {"ProxyEngine", not_needed, without_effect},
    {"ProxyRole", not_needed, without_effect},
    {"ProxyReverseServers", not_needed, without_effect},
    {"ProxyReverseConnectPolicy", not_needed, without_effect},
    {"ProxyReverseConnectGateway", unsupported, "Ballast connects to backends directly"},
    {"ProxyForwardEnabled", unsupported, no_forward},
    {"ProxyForwardMethod", unsupported, no_forward},
    {"ProxyForwardTo", unsupported, no_forward},
    {"ProxySourceAddress", not_needed, without_effect},
    {"ProxyDataTransferPolicy", not_needed, without_effect},
    {"ProxyDirectoryListPolicy", not_needed, without_effect},
    {"ProxyTimeoutConnect", not_needed, without_effect},
    {"ProxyTimeoutLinger", not_needed, without_effect},
    {"ProxyRetryCount", approximated, "Ballast tries each backend of the pool once"},
    {"ProxyTables", not_needed, no_table},
    {"ProxyDatastore", not_needed, no_table},
    {"ProxyLog", approximated, "Ballast's log tells of backends, too, see [log]"},
    {"ProxyOptions", not_needed, without_effect},
    {"ProxySFTP*", unsupported, no_sftp},
    {"ProxyTLSPreSharedKey", unsupported, "Ballast has no pre-shared keys: use certificates"},
    {"ProxyTLSCACertificatePath", unsupported,
     "write the authorities into one file, and name it in `ca`"},
    {"ProxyTLSCARevocation*", unsupported, no_crl},
    {"ProxyTLS*", not_needed, "no backend has TLS"},
    // The server around it.
    {"Port", not_needed, without_effect},
    {"DefaultAddress", not_needed, without_effect},
    {"ServerName", mapped, "the listener's name"},
    {"ServerAdmin", not_needed, "it is a comment"},
    {"ServerAlias", unsupported,
     "routes with `host` lead clients of one listener to several pools"},
    {"ServerType", not_needed, "Ballast is a daemon"},
    {"DefaultServer", not_needed, "each listener has addresses of its own"},
    {"ServerIdent", not_needed, without_effect},
    {"UseIPv6", not_needed, without_effect},
    {"SocketBindTight", not_needed, "each listener has addresses of its own"},
    {"SocketOptions", not_needed, "Ballast needs no such tuning"},
    {"tcpBackLog", not_needed, "Ballast needs no such tuning"},
    {"tcpNoDelay", not_needed, "Ballast needs no such tuning"},
    {"UseSendfile", not_needed, "Ballast moves data with splice(2)"},
    {"UseReverseDNS", not_needed, "Ballast does not look up clients' names"},
    {"IdentLookups", not_needed, "Ballast does not ask clients' machines who they are"},
    {"IdentEngine", not_needed, "Ballast does not ask clients' machines who they are"},
    {"User", not_needed, by_unit},
    {"Group", not_needed, by_unit},
    {"PidFile", not_needed, by_unit},
    {"ScoreboardFile", not_needed, "`ballast sessions` shows who is there"},
    {"ScoreboardMutex", not_needed, "`ballast sessions` shows who is there"},
    {"ControlsEngine", not_needed, "`ballast` commands take its place"},
    {"Controls*", not_needed, "`ballast` commands take its place"},
    {"AdminControls*", not_needed, "`ballast` commands take its place"},
    {"LoadModule", not_needed, "Ballast has no modules"},
    {"ModulePath", not_needed, "Ballast has no modules"},
    {"ModuleControls*", not_needed, "Ballast has no modules"},
    {"Define", not_needed, "in the conditions that use it"},
    {"SetEnv", not_needed, "Ballast needs no variables"},
    {"TraceLog", not_needed, "`ballast explain` tells what happened"},
    {"Trace*", not_needed, "`ballast explain` tells what happened"},
    {"DebugLevel", not_needed, "`level` in [log]"},
    {"SystemLog", not_needed, without_effect},
    {"TransferLog", not_needed, without_effect},
    {"ExtendedLog", approximated,
     "`json` in [transfer_log] and the log have more, see docs/log.md"},
    {"LogFormat", not_needed, "Ballast's logs have forms of their own, see docs/log.md"},
    {"LogOptions", not_needed, "Ballast's logs have forms of their own, see docs/log.md"},
    {"ServerLog", approximated, "one log for all listeners, see [log]"},
    {"SyslogFacility", not_needed, without_effect},
    {"SyslogLevel", not_needed, without_effect},
    {"WtmpLog", not_needed, "nobody logs in to this machine"},
    {"PassivePorts", not_needed, without_effect},
    {"MasqueradeAddress", not_needed, without_effect},
    {"AllowForeignAddress", not_needed, without_effect},
    {"MaxInstances", not_needed, without_effect},
    {"MaxClients", not_needed, without_effect},
    {"MaxClientsPerHost", not_needed, without_effect},
    {"MaxClientsPerUser", not_needed, without_effect},
    {"MaxClientsPerClass", unsupported, "limits are for an address, a user, a listener or all"},
    {"MaxHostsPerUser", unsupported, "limits are for an address, a user, a listener or all"},
    {"MaxConnectionsPerHost", not_needed, without_effect},
    {"MaxConnectionRate", not_needed, without_effect},
    {"MaxLoginAttempts", not_needed, without_effect},
    {"MaxPasswordSize", approximated, "login_bytes_max"},
    {"MaxCommandRate", not_needed, without_effect},
    {"CommandBufferSize", not_needed, without_effect},
    {"TimeoutIdle", not_needed, without_effect},
    {"TimeoutLogin", not_needed, without_effect},
    {"TimeoutStalled", not_needed, without_effect},
    {"TimeoutNoTransfer", approximated, "idle_timeout, which any command starts anew"},
    {"TimeoutSession", unsupported, "a session may last as long as it is not idle"},
    {"TimeoutLinger", not_needed, "Ballast knows when data have arrived"},
    {"TransferRate", not_needed, without_effect},
    {"TransferOptions", not_needed, by_servers},
    {"AllowFilter", unsupported,
     "allow_arguments has patterns with * and ?, not regular expressions"},
    {"DenyFilter", unsupported,
     "deny_arguments has patterns with * and ?, not regular expressions"},
    {"PathAllowFilter", unsupported, "allow_arguments has patterns with * and ?"},
    {"PathDenyFilter", unsupported, "deny_arguments has patterns with * and ?"},
    {"DisplayConnect", unsupported, "`greeting` is a line of text"},
    {"Display*", not_needed, by_servers},
    {"AccessGrantMsg", not_needed, by_servers},
    {"AccessDenyMsg", not_needed, by_servers},
    {"DeferWelcome", not_needed, "Ballast greets at once, and tells nothing about the servers"},
    {"MultilineRFC2228", not_needed, by_servers},
    {"TLSEngine", not_needed, without_effect},
    {"TLSLog", not_needed, "Ballast's log has TLS errors, too"},
    {"TLSDHParamFile", not_needed, "Ballast uses elliptic curves"},
    {"TLSECDHCurve", not_needed, "OpenSSL's curves are used"},
    {"TLSRenegotiate", not_needed, "Ballast never renegotiates"},
    {"TLSSessionCache", not_needed, own_resumption},
    {"TLSSessionTickets", not_needed, own_resumption},
    {"TLSSessionTicketKeys", approximated,
     "`ticket_keys` names a file with keys that several balancers share"},
    {"TLSServerCipherPreference", not_needed, "OpenSSL's order is used"},
    {"TLSNextProtocol", not_needed, "FTP clients negotiate no protocol"},
    {"TLSCryptoDevice", not_needed, "OpenSSL finds its devices by itself"},
    {"TLSRandomSeed", not_needed, "OpenSSL has its own"},
    {"TLSCACertificatePath", unsupported,
     "write the authorities into one file, and name it in `client_ca`"},
    {"TLSCARevocation*", unsupported, no_crl},
    {"TLSCertificateChainFile", unsupported,
     "append the intermediate certificates to the certificate's file"},
    {"TLSPKCS12File", unsupported, "convert it: openssl pkcs12 -in FILE -nodes"},
    {"TLSDSA*", unsupported, "DSA is not used any more: make an RSA or ECDSA key"},
    {"TLSPassPhraseProvider", unsupported, "the key must have no passphrase"},
    {"TLSPreSharedKey", unsupported, "Ballast has no pre-shared keys: use certificates"},
    {"TLSStapling*", unsupported, "`ocsp` names a file with the response"},
    {"TLSUserName", unsupported, "routes match certificates; users log in with a password"},
    {"TLSVerifyDepth", not_needed, "OpenSSL's depth is used"},
    {"TLSVerifyOrder", unsupported, no_crl},
    {"TLS*", not_needed, "the listener has no TLS"},
    {"SFTP*", unsupported, no_sftp},
    {"BanEngine", approximated, "[limits] bans addresses and users that fail to log in"},
    {"Ban*", approximated, "[limits] bans addresses and users that fail to log in"},
    {"DelayEngine", not_needed, "Ballast limits guessing: failed_logins_per_address in [limits]"},
    {"Delay*", not_needed, "Ballast limits guessing: failed_logins_per_address in [limits]"},
    {"Wrap*", unsupported, "write allow_from and deny_from"},
    {"GeoIP*", unsupported, "write allow_from and deny_from"},
    {"RLimit*", not_needed, "the systemd unit has limits"},
    // What files and accounts are like.
    {"Auth*", not_needed, by_servers},
    {"SQL*", not_needed, by_servers},
    {"LDAP*", not_needed, by_servers},
    {"Radius*", not_needed, by_servers},
    {"Quota*", not_needed, by_servers},
    {"Ratio*", not_needed, by_servers},
    {"Create*", not_needed, by_servers},
    {"Hide*", not_needed, by_servers},
    {"Hidden*", not_needed, by_servers},
    {"Show*", not_needed, by_servers},
    {"List*", not_needed, by_servers},
    {"DirFake*", not_needed, by_servers},
    {"Default*", not_needed, by_servers},
    {"Delete*", not_needed, by_servers},
    {"Umask", not_needed, by_servers},
    {"AllowOverwrite", not_needed, by_servers},
    {"AllowStoreRestart", not_needed, by_servers},
    {"AllowRetrieveRestart", not_needed, by_servers},
    {"AllowOverride", not_needed, by_servers},
    {"AllowLogSymlinks", not_needed, by_servers},
    {"AllowChrootSymlinks", not_needed, by_servers},
    {"RequireValidShell", not_needed, by_servers},
    {"RootLogin", not_needed, by_servers},
    {"RootRevoke", not_needed, by_servers},
    {"PersistentPasswd", not_needed, by_servers},
    {"UseFtpUsers", not_needed, by_servers},
    {"UserAlias", approximated, "backend_user changes names for the servers"},
    {"User*", not_needed, by_servers},
    {"Group*", not_needed, by_servers},
    {"Anonymous", not_needed, by_servers},
    {"Directory", not_needed, by_servers},
    {"Lang*", not_needed, by_servers},
    {"UseEncoding", not_needed, "names pass byte for byte"},
    {"UseUTF8", not_needed, "names pass byte for byte"},
    {"TimesGMT", not_needed, by_servers},
    {"Facts*", not_needed, by_servers},
    {"StoreUniquePrefix", not_needed, by_servers},
    {"MaxRetrieveFileSize", not_needed, by_servers},
    {"MaxStoreFileSize", not_needed, by_servers},
    {"MaxTransfersPer*", unsupported, "`transfers` in [limits] is for all together"},
    {"Class", mapped, "in the rules that use it"},
    {"Limit", unsupported, "a listener has allow_from, deny_from, deny_commands and read_only"},
    {"Redis*", not_needed, no_table},
    {"Memcache*", not_needed, no_table},
});

bool matches(string_view pattern, string_view name) {
    if (!pattern.ends_with('*')) return base::is_same_but_for_case(pattern, name);
    pattern.remove_suffix(1);
    return base::is_same_but_for_case(pattern, name.substr(0, pattern.size()));
}

/// A longer name fits better, and a whole one better than a beginning of that length.
std::size_t fit(const Known& each) {
    return each.name.ends_with('*') ? 2 * each.name.size() - 2 : 2 * each.name.size() + 1;
}

}  // namespace

const Known* find_directive(string_view name) {
    const Known* best = nullptr;
    for (const auto& each : known)
        if (matches(each.name, name) && (best == nullptr || fit(each) > fit(*best))) best = &each;
    return best;
}

}  // namespace ballast::migrate::proftpd
