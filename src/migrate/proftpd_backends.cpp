// SPDX-License-Identifier: Apache-2.0
#include "migrate/proftpd_backends.h"

#include "base/ascii.h"
#include "base/port_range.h"

#include <algorithm>
#include <optional>

namespace ballast::migrate::proftpd {

namespace {

using std::string_view;

constexpr std::size_t urls_max = 10'000;
constexpr string_view json_blanks = " \t\r\n";
constexpr std::uint16_t ftp_port = 21;

void skip_blanks(string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(json_blanks), text.size()));
}

/// URLs need only the escapes of quotes, backslashes and slashes.
std::optional<std::string> take_string(string_view& text) {
    if (!text.starts_with('"')) return std::nullopt;
    std::string result;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return result;
        }
        if (text[i] == '\\') {
            ++i;
            if (i == text.size() || !string_view("\"\\/").contains(text[i])) return std::nullopt;
        }
        result += text[i];
    }
    return std::nullopt;
}

}  // namespace

std::expected<BackendUrl, string_view> parse_url(string_view url) {
    const auto end = url.find("://");
    if (end == string_view::npos)
        return std::unexpected("it is not a URL, such as ftp://HOST:PORT");
    const auto scheme = base::lower(url.substr(0, end));
    auto rest = url.substr(end + 3);
    rest = rest.substr(0, rest.find('/'));
    if (scheme == "sftp") return std::unexpected("Ballast speaks FTP and FTPS, not SFTP");
    if (scheme.ends_with("+txt"))
        return std::unexpected("Ballast looks up addresses and SRV records, not TXT records");
    BackendUrl result;
    result.is_srv = scheme.ends_with("+srv");
    const auto plain = string_view(scheme).substr(0, scheme.find('+'));
    result.has_tls = plain == "ftps";
    if (plain != "ftp" && plain != "ftps")
        return std::unexpected("it is not a URL of FTP, such as ftp://HOST:PORT");
    if (rest.contains('@'))
        return std::unexpected("clients log in to the servers with their own names");
    const auto colon = rest.rfind(':');
    const auto bracket = rest.rfind(']');
    const bool has_port =
        colon != string_view::npos && (bracket == string_view::npos || bracket < colon);
    auto host = has_port ? rest.substr(0, colon) : rest;
    const auto port = has_port ? base::parse_port(rest.substr(colon + 1)) : std::optional(ftp_port);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.empty() || !port || *port == 0) return std::unexpected("it has no valid host or port");
    result.host = host;
    if (!result.is_srv) result.port = *port;
    return result;
}

std::expected<std::vector<std::string>, string_view> parse_json_list(string_view text) {
    constexpr string_view wrong = "the file is not a JSON array of URLs";
    std::vector<std::string> urls;
    skip_blanks(text);
    if (!text.starts_with('[')) return std::unexpected(wrong);
    text.remove_prefix(1);
    skip_blanks(text);
    while (!text.starts_with(']')) {
        if (urls.size() == urls_max) return std::unexpected("the file has too many URLs");
        auto url = take_string(text);
        if (!url) return std::unexpected(wrong);
        urls.push_back(std::move(*url));
        skip_blanks(text);
        if (text.starts_with(',')) {
            text.remove_prefix(1);
            skip_blanks(text);
            if (text.starts_with(']')) return std::unexpected(wrong);
        } else if (!text.starts_with(']')) {
            return std::unexpected(wrong);
        }
    }
    return urls;
}

}  // namespace ballast::migrate::proftpd
