// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policies.h"
#include "base/tls_version.h"
#include "config/config.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

/// The words that the configuration file may use, and their values.
namespace ballast::config {

template <typename E>
struct Spelling {
    std::string_view word;
    E value;
};

/// The word for `value`, which must be in the table.
template <typename Spellings, typename E>
[[nodiscard]] constexpr std::string_view word_of(const Spellings& spellings, E value) {
    return std::ranges::find(spellings, value, &Spelling<E>::value)->word;
}

/// Only the words of a table.
template <const auto& Spellings>
inline constexpr auto words_of = [] {
    std::array<std::string_view, Spellings.size()> words;
    std::ranges::transform(Spellings, words.begin(), [](const auto& each) { return each.word; });
    return words;
}();

inline constexpr auto listener_modes = std::to_array<Spelling<ListenerMode>>({
    {"terminate", ListenerMode::terminate},
    {"passthrough", ListenerMode::passthrough},
});
inline constexpr auto active_addresses = std::to_array<Spelling<ActiveAddress>>({
    {"named", ActiveAddress::named},
    {"control", ActiveAddress::control},
});
inline constexpr auto log_levels = std::to_array<Spelling<LogLevel>>({
    {"error", LogLevel::error},
    {"warning", LogLevel::warning},
    {"info", LogLevel::info},
    {"debug", LogLevel::debug},
});
inline constexpr auto log_formats = std::to_array<Spelling<LogFormat>>({
    {"automatic", LogFormat::automatic},
    {"text", LogFormat::text},
    {"json", LogFormat::json},
});
inline constexpr auto log_facilities = std::to_array<Spelling<LogFacility>>({
    {"user", LogFacility::user},
    {"daemon", LogFacility::daemon},
    {"ftp", LogFacility::ftp},
    {"local0", LogFacility::local0},
    {"local1", LogFacility::local1},
    {"local2", LogFacility::local2},
    {"local3", LogFacility::local3},
    {"local4", LogFacility::local4},
    {"local5", LogFacility::local5},
    {"local6", LogFacility::local6},
    {"local7", LogFacility::local7},
});
inline constexpr auto probe_types = std::to_array<Spelling<ProbeType>>({
    {"none", ProbeType::none},
    {"tcp", ProbeType::tcp},
    {"banner", ProbeType::banner},
    {"login", ProbeType::login},
    {"script", ProbeType::script},
});
inline constexpr auto balances = [] {
    std::array<Spelling<Balance>, balance::policies.size()> result;
    for (std::size_t i = 0; i < result.size(); ++i)
        result[i] = {balance::policies[i].name, &balance::policies[i]};
    return result;
}();
inline constexpr auto proxy_headers = std::to_array<Spelling<ProxyHeader>>({
    {"off", ProxyHeader::off},
    {"v1", ProxyHeader::v1},
    {"v2", ProxyHeader::v2},
});
inline constexpr auto stick_bys = std::to_array<Spelling<StickBy>>({
    {"none", StickBy::none},
    {"network", StickBy::network},
    {"user", StickBy::user},
});
inline constexpr auto stick_otherwises = std::to_array<Spelling<StickOtherwise>>({
    {"choose", StickOtherwise::choose},
    {"refuse", StickOtherwise::refuse},
});
inline constexpr auto failovers = std::to_array<Spelling<Failover>>({
    {"off", Failover::off},
    {"session", Failover::session},
    {"transfer", Failover::transfer},
});
inline constexpr auto probings = std::to_array<Spelling<Probing>>({
    {"each", Probing::each},
    {"one", Probing::one},
});
inline constexpr auto carriers = std::to_array<Spelling<Carrier>>({
    {"relay", Carrier::relay},
    {"auto", Carrier::automatic},
    {"kernel", Carrier::kernel},
});
inline constexpr auto data_paths = std::to_array<Spelling<DataPath>>({
    {"relay", DataPath::relay},
    {"direct", DataPath::direct},
});

inline constexpr auto backend_data_modes = std::to_array<Spelling<BackendData>>({
    {"auto", BackendData::automatic},
    {"as-client", BackendData::as_client},
    {"epsv", BackendData::epsv},
    {"pasv", BackendData::pasv},
    {"port", BackendData::port},
    {"eprt", BackendData::eprt},
});

inline constexpr auto tls_versions = std::to_array<Spelling<base::TlsVersion>>({
    {"1.0", base::TlsVersion::tls_1_0},
    {"1.1", base::TlsVersion::tls_1_1},
    {"1.2", base::TlsVersion::tls_1_2},
    {"1.3", base::TlsVersion::tls_1_3},
});
inline constexpr auto tls_requires = std::to_array<Spelling<TlsRequire>>({
    {"none", TlsRequire::none},
    {"login", TlsRequire::login},
    {"login-and-data", TlsRequire::login_and_data},
});
inline constexpr auto session_reuses = std::to_array<Spelling<SessionReuse>>({
    {"required", SessionReuse::required},
    {"preferred", SessionReuse::preferred},
    {"off", SessionReuse::off},
});
inline constexpr auto client_certificates = std::to_array<Spelling<ClientCertificate>>({
    {"none", ClientCertificate::none},
    {"request", ClientCertificate::request},
    {"require", ClientCertificate::require},
});
inline constexpr auto backend_tls_modes = std::to_array<Spelling<BackendTlsMode>>({
    {"off", BackendTlsMode::off},
    {"explicit", BackendTlsMode::explicit_tls},
    {"implicit", BackendTlsMode::implicit_tls},
    {"as-client", BackendTlsMode::as_client},
});
inline constexpr auto backend_verifies = std::to_array<Spelling<BackendVerify>>({
    {"full", BackendVerify::full},
    {"ca", BackendVerify::ca},
    {"none", BackendVerify::none},
});
inline constexpr auto backend_data_tls_words = std::to_array<Spelling<BackendDataTls>>({
    {"as-client", BackendDataTls::as_client},
    {"always", BackendDataTls::always},
    {"never", BackendDataTls::never},
});

}  // namespace ballast::config
