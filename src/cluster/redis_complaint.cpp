// SPDX-License-Identifier: Apache-2.0
#include "cluster/redis_complaint.h"

#include <array>
#include <fmt/format.h>

namespace ballast::cluster {

namespace {

constexpr std::size_t told_bytes_max = 200;

struct Row {
    std::string_view has;
    std::string_view cure;
};
// Redis 7.0, also from within a script: "ERR ... OOM command not allowed ... script: f_...".
constexpr auto rows = std::to_array<Row>({
    {"LOADING", "it reads its data after a start, and will be ready soon"},
    {"READONLY", "it is a replica: name the primary, or its Sentinels, in cluster.store"},
    {"MASTERDOWN", "it is a replica: name the primary, or its Sentinels, in cluster.store"},
    {"OOM", "it is full: raise its maxmemory"},
    {"MISCONF", "it cannot write its files: see its log"},
    {"NOAUTH", "it wants a password: name its file in cluster.password_file"},
    {"WRONGPASS", "correct the user in cluster.store, or the password in cluster.password_file"},
    {"invalid password", "correct the password in cluster.password_file"},
    {"NOPERM", "allow the user what docs/shared-store.md lists"},
    {"without any password configured", "it has no password: remove cluster.password_file"},
    {"no password is set", "it has no password: remove cluster.password_file"},
    {"MOVED", "it is a Redis Cluster, and another of its servers has the keys: name that one"},
    {"CLUSTERDOWN", "its Redis Cluster is incomplete"},
    {"DENIED", "it talks to its own machine only: set its password, or bind and protected-mode"},
    {"max number of clients", "raise its maxclients"},
    {"unknown command", "it is too old: Redis 5 or later, or Valkey"},
    {"DB index is out of range", "name another database in cluster.store, or raise its databases"},
});

/// A store may say anything, in any length.
std::string readable(std::string_view text) {
    std::string shown;
    for (const char c : text.substr(0, told_bytes_max)) shown += c >= ' ' && c <= '~' ? c : '?';
    return shown;
}

}  // namespace

std::string_view cure_of_complaint(std::string_view complaint) {
    for (const auto& row : rows)
        if (complaint.find(row.has) != std::string_view::npos) return row.cure;
    return {};
}

std::string tell_complaint(std::string_view server, std::string_view command,
                           std::string_view complaint) {
    const auto cure = cure_of_complaint(complaint);
    const auto said =
        fmt::format("{} answers {} with \"{}\"", server, command, readable(complaint));
    return cure.empty() ? said : fmt::format("{} ({})", said, cure);
}

}  // namespace ballast::cluster
