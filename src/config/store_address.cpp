// SPDX-License-Identifier: Apache-2.0
#include "config/store_address.h"

#include "config/destination.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace ballast::config {

namespace {

constexpr std::uint16_t store_port = 6379;
constexpr std::uint16_t sentinel_port = 26379;
constexpr std::uint32_t database_max = 65535;

struct Scheme {
    std::string_view begins;
    bool has_tls;
    bool is_sentinel;
};
constexpr auto schemes = std::to_array<Scheme>({
    {"redis://", false, false},
    {"rediss://", true, false},
    {"redis+sentinel://", false, true},
    {"rediss+sentinel://", true, true},
});

/// Refusals go to logs, and any part of the text may be a password. So none of it is repeated.
Refusal no_address() {
    return {
        "this is not the address of a store",
        R"(write "redis://HOST:6379", "rediss://HOST:6379", "redis+sentinel://HOST:26379/MASTER", )"
        R"("unix:/PATH", or "memory" alone)"};
}

std::optional<std::uint32_t> parse_database(std::string_view text) {
    std::uint32_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number > database_max) return std::nullopt;
    return number;
}

/// What follows the host: "/MASTER/DATABASE" or "/DATABASE". False if it is not of this form.
bool take_path(std::string_view path, StoreAddress& address) {
    if (!path.empty()) path.remove_prefix(1);
    if (address.is_sentinel) {
        const auto slash = path.find('/');
        address.master = path.substr(0, slash);
        if (address.master.empty()) return false;
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    }
    if (path.empty()) return true;
    const auto database = parse_database(path);
    if (database) address.database = *database;
    return database.has_value();
}

}  // namespace

std::expected<StoreAddress, Refusal> parse_store_address(std::string_view text) {
    StoreAddress address;
    if (text.starts_with("unix:/")) {
        // "unix://USER:PASSWORD@/PATH" is what other programs read.
        if (text.starts_with("unix://") && !text.starts_with("unix:///"))
            return std::unexpected(no_address());
        address.path = text.substr(text.find('/'));
        return address;
    }
    const Scheme* scheme = nullptr;
    for (const auto& each : schemes)
        if (text.starts_with(each.begins)) scheme = &each;
    if (scheme == nullptr) return std::unexpected(no_address());
    address.has_tls = scheme->has_tls;
    address.is_sentinel = scheme->is_sentinel;
    const auto rest = text.substr(scheme->begins.size());
    const auto path_at = std::min(rest.find('/'), rest.size());
    auto authority = rest.substr(0, path_at);
    if (const auto user_end = authority.rfind('@'); user_end != std::string_view::npos) {
        const auto user = authority.substr(0, user_end);
        if (user.find(':') != std::string_view::npos)
            return std::unexpected(Refusal{"there is a password in the address of the store",
                                           "write it to a file that only Ballast can read, and "
                                           "name that in password_file"});
        address.user = user;
        authority.remove_prefix(user_end + 1);
    }
    auto destination =
        parse_destination(authority, address.is_sentinel ? sentinel_port : store_port);
    if (!destination || !take_path(rest.substr(path_at), address))
        return std::unexpected(no_address());
    address.host = std::move(destination->host);
    address.port = destination->port;
    return address;
}

}  // namespace ballast::config
