// SPDX-License-Identifier: Apache-2.0
#include "admin/gate.h"

#include "admin/page.h"
#include "base/address.h"
#include "base/ascii.h"
#include "config/spelling.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <utility>

namespace ballast::admin {

namespace {

using std::string_view;

/// The host of "host:port", "192.0.2.1" or "[2001:db8::1]:443", without brackets.
string_view host_of(string_view authority) {
    if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
    return authority.substr(0, authority.find(':'));
}

/// The authority of an origin, "https://ballast.example.com:8021" (RFC 6454 6.1). Empty for "null".
string_view authority_of(string_view origin) {
    const auto scheme_end = origin.find("://");
    return scheme_end == string_view::npos ? string_view() : origin.substr(scheme_end + 3);
}

bool only_looks(const Request& request) {
    return request.method == "GET" || request.method == "HEAD";
}

/// They tell nothing but whether Ballast serves, and those who ask cannot always send a token. The
/// page asks its user for one.
bool is_for_all(const Request& request) {
    return only_looks(request) && (request.target == "/livez" || request.target == "/readyz" ||
                                   is_of_page(request.target));
}

/// Who has no token is told that one is needed, without an error that browsers would report.
constexpr string_view rights_path = "/v1/rights";

/// The token of "Bearer TOKEN" (RFC 6750 2.1).
std::optional<string_view> token_of(string_view authorization) {
    constexpr string_view scheme = "bearer ";
    if (!base::is_same_but_for_case(authorization.substr(0, scheme.size()), scheme))
        return std::nullopt;
    return base::trimmed(authorization.substr(scheme.size()));
}

std::unexpected<Answer> unauthorized(string_view what, bool has_token) {
    auto answer = refusal(401, what);
    // RFC 6750 3.1: without a token there is no error code.
    answer.challenge = has_token ? R"(Bearer realm="ballast", error="invalid_token")"
                                 : R"(Bearer realm="ballast")";
    return std::unexpected(std::move(answer));
}

}  // namespace

bool Gate::is_own(string_view authority) const {
    const auto host = host_of(authority);
    const auto is_host = [&](string_view name) { return base::is_same_but_for_case(host, name); };
    return base::Ip::parse(host) || is_host("localhost") ||
           std::ranges::any_of(settings_.names, is_host);
}

/// A web page may let a browser connect to any address: by a name of its own that leads here (DNS
/// rebinding), which Host shows, or by our name, which Origin shows.
std::expected<void, Answer> Gate::check_browser(const Request& request, Way way) const {
    const bool is_over_tcp = way != Way::socket;
    if (!is_over_tcp && request.origin.empty() && request.fetch_site.empty()) return {};
    // Browsers always send Host; HTTP/1.0 need not.
    const bool has_host = !request.host.empty() || !request.origin.empty();
    if (has_host && !is_own(request.host))
        return std::unexpected(refusal(
            403, fmt::format(
                     "Host is {}, which is neither an address nor a name of this Ballast (connect "
                     "to an address, or add the name to admin.names)",
                     config::in_quotes(request.host))));
    // Browsers send no Origin with the GET of an image or a script, but say whose page it is.
    const auto& site = request.fetch_site;
    // A link from a chat or a ticket may lead to the page.
    const bool is_document = only_looks(request) && path_of(request.target) == "/";
    if (!is_document && !site.empty() && site != "same-origin" && site != "none")
        return std::unexpected(refusal(403, "pages from elsewhere may not operate Ballast"));
    if (request.origin.empty()) return {};
    const auto authority = authority_of(request.origin);
    if (!authority.empty() && base::is_same_but_for_case(authority, request.host)) return {};
    return std::unexpected(
        refusal(403, fmt::format("Origin is {}: pages from elsewhere may not operate Ballast",
                                 config::in_quotes(request.origin))));
}

std::expected<Admitted, Answer> Gate::check_token(const Request& request, Way way) const {
    if (way == Way::socket)
        return Admitted{.token = {}, .rights = {.may_look = true, .may_change = true}};
    if (is_for_all(request)) return {};
    const bool may_sign_in = !settings_.all.is_empty();
    const bool has_tokens = !settings_.all.is_empty() || !settings_.read.is_empty();
    const auto token = token_of(request.authorization);
    if (token && has_tokens) {
        auto fingerprint = fingerprint_of(*token);
        const bool may_do_all = settings_.all.hold(*token);
        const bool may_look = settings_.read.hold(*token);
        const Rights rights{
            .may_look = true, .may_change = may_do_all, .may_sign_in = may_sign_in && !may_do_all};
        if (may_do_all || (may_look && only_looks(request)))
            return Admitted{std::move(fingerprint), rights};
        if (may_look)
            return std::unexpected(
                refusal(403, "this token may only look (use one of admin.token_file)"));
        return unauthorized("this token is not known here (use one of admin.token_file)", true);
    }
    if (!only_looks(request)) {
        if (!settings_.all.is_empty())
            return unauthorized("changes need a token (send Authorization: Bearer TOKEN)", false);
        return std::unexpected(refusal(
            403, "nothing can be changed over TCP without admin.token_file (use the Unix socket)"));
    }
    const bool may_look = way == Way::loopback && settings_.read.is_empty();
    if (may_look || path_of(request.target) == rights_path)
        return Admitted{
            .token = {},
            .rights = {.may_look = may_look, .may_sign_in = may_look ? may_sign_in : has_tokens}};
    return unauthorized("a token is needed (send Authorization: Bearer TOKEN)", false);
}

std::expected<Admitted, Answer> Gate::admit(const Request& request, Way way) const {
    if (auto checked = check_browser(request, way); !checked)
        return std::unexpected(std::move(checked.error()));
    return check_token(request, way);
}

}  // namespace ballast::admin
