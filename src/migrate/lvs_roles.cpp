// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_roles.h"

#include "base/ascii.h"

#include <algorithm>
#include <array>
#include <map>

namespace ballast::migrate {

namespace {

constexpr std::uint16_t ftp_port = 21;
constexpr std::uint16_t active_data_port = 20;
constexpr std::uint16_t ftps_port = 990;
constexpr std::uint16_t ftps_data_port = 989;
constexpr std::uint16_t first_free_port = 1024;
/// Where FTP servers without the rights of root often listen.
constexpr auto other_ftp_ports = std::to_array<std::uint16_t>({2021, 2121, 8021, 10021});

bool is_ftp_port(std::uint16_t port) {
    return port == ftp_port || std::ranges::find(other_ftp_ports, port) != other_ftp_ports.end();
}

bool uses_tcp(const LvsService& service) {
    const auto* const protocol = service.options.find("protocol");
    return protocol == nullptr || base::is_same_but_for_case(protocol->value, "TCP");
}

bool is_any_server(const LvsService& service, auto&& condition) {
    return std::ranges::any_of(service.servers, condition);
}

/// Whether the servers of `part` are all among those of `whole`.
bool has_servers_of(const LvsService& part, const LvsService& whole) {
    return !part.servers.empty() && std::ranges::all_of(part.servers, [&](const auto& server) {
        return is_any_server(whole, [&](const auto& each) { return each.ip == server.ip; });
    });
}

/// By the ports alone.
Role role_of(const LvsService& service, const base::Address& address) {
    if (address.port == 0) return Role::every;
    if (address.port == ftps_port) return Role::implicit;
    if (address.port == active_data_port || address.port == ftps_data_port) return Role::data;
    const auto leads_to = [&](std::uint16_t port) {
        return is_any_server(service, [&](const auto& server) { return server.port == port; });
    };
    if (leads_to(ftps_port)) return Role::implicit;
    const bool leads_to_ftp =
        is_any_server(service, [](const auto& server) { return is_ftp_port(server.port); });
    return is_ftp_port(address.port) || leads_to_ftp ? Role::control : Role::foreign;
}

bool has_control(const base::Ip& ip, const Part& part) {
    const auto& addresses = part.service->addresses;
    for (std::size_t i = 0; i < addresses.size(); ++i)
        if (addresses[i].ip == ip && part.roles[i] == Role::control) return true;
    return false;
}

/// A high port that leads to the servers of an FTP service at the same address.
bool is_data_of(const LvsService& service, const base::Address& address, const Part& other) {
    if (address.port < first_free_port) return false;
    const auto& addresses = other.service->addresses;
    for (std::size_t i = 0; i < addresses.size(); ++i)
        if (addresses[i].ip == address.ip && other.roles[i] != Role::foreign &&
            other.roles[i] != Role::data)
            return has_servers_of(service, *other.service);
    return false;
}

/// Only parts with a common address can be one FTP service.
std::map<base::Ip, std::vector<const Part*>> parts_by_address(const std::vector<Part>& parts) {
    std::map<base::Ip, std::vector<const Part*>> result;
    for (const auto& part : parts)
        for (const auto& address : part.service->addresses) {
            auto& same = result[address.ip];
            if (same.empty() || same.back() != &part) same.push_back(&part);
        }
    return result;
}

}  // namespace

bool Part::has(Role role) const { return std::ranges::find(roles, role) != roles.end(); }

std::vector<Part> parts_of(const std::vector<LvsService>& services) {
    std::vector<Part> parts;
    for (const auto& service : services) {
        Part part{&service, {}};
        for (const auto& address : service.addresses)
            part.roles.push_back(uses_tcp(service) ? role_of(service, address) : Role::foreign);
        if (service.addresses.empty() && !service.marks.empty())
            part.roles.push_back(uses_tcp(service) ? Role::every : Role::foreign);
        parts.push_back(std::move(part));
    }
    const auto before = parts;
    const auto by_address = parts_by_address(before);
    for (auto& part : parts) {
        const auto& service = *part.service;
        for (std::size_t i = 0; i < service.addresses.size(); ++i) {
            const auto& others = by_address.at(service.addresses[i].ip);
            const auto is_data = [&](const Part* other) {
                return is_data_of(service, service.addresses[i], *other);
            };
            // Every port of an address that has port 21 apart is for the data connections.
            const bool is_rest =
                part.roles[i] == Role::every && std::ranges::any_of(others, [&](const Part* other) {
                    return has_control(service.addresses[i].ip, *other) &&
                           has_servers_of(service, *other->service);
                });
            const bool is_high = part.roles[i] == Role::foreign && uses_tcp(service) &&
                                 std::ranges::any_of(others, is_data);
            if (is_rest || is_high) part.roles[i] = Role::data;
        }
    }
    return parts;
}

}  // namespace ballast::migrate
