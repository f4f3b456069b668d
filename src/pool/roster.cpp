// SPDX-License-Identifier: Apache-2.0
#include "pool/roster.h"

#include "pool/hash.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::pool {

namespace {

/// Whether a backend's table still means the same server.
bool is_same_server(const config::Backend& a, const config::Backend& b) {
    return a.name == b.name && a.host == b.host && a.srv == b.srv && a.port == b.port;
}

/// A backend with a literal address keeps its configured name. For a host name, each address
/// becomes part of the name.
std::string name_at(const config::Backend& backend, const base::Address& address) {
    if (base::Ip::parse(backend.host)) return backend.name;
    const auto where = backend.srv.empty() ? base::to_string(address.ip) : base::to_string(address);
    return backend.name + '/' + where;
}

}  // namespace

BackendId Roster::id_of(std::string_view name, const base::Address& address) {
    return Hash().mix(name).mix("@").mix(base::to_string(address)).value();
}

Roster::Roster(std::shared_ptr<const config::Pool> settings) { configure(std::move(settings)); }

void Roster::configure(std::shared_ptr<const config::Pool> settings) {
    settings_ = std::move(settings);
    for (auto& member : members_) member.configure(*settings_);
    std::vector<BackendSettings> configured;
    // Each is a part of the snapshot, and keeps all of it alive.
    for (const auto& backend : settings_->backends) configured.emplace_back(settings_, &backend);
    if (settings_->backends_file.empty()) replace(configured_, backends_.size(), {});
    replace(0, configured_, configured);
    configured_ = configured.size();
}

void Roster::set_literal(const BackendSettings& backend) {
    if (const auto ip = base::Ip::parse(backend->host))
        set_targets(backend, {{Target{{*ip, backend->port}}}});
}

void Roster::set_file_backends(const std::vector<BackendSettings>& backends) {
    replace(configured_, backends_.size(), backends);
}

void Roster::replace(std::size_t first, std::size_t last,
                     const std::vector<BackendSettings>& backends) {
    for (auto& member : members_) {
        const auto order = member.order();
        if (order < first) continue;
        if (order >= last) {
            member.move(order - (last - first) + backends.size());
            continue;
        }
        const auto same = std::ranges::find_if(backends, [&](const auto& each) {
            return is_same_server(*each, *member.backend().settings);
        });
        if (same == backends.end())
            member.lost();
        else
            member.follow(*same, first + static_cast<std::size_t>(same - backends.begin()));
    }
    const auto place = backends_.erase(backends_.begin() + static_cast<std::ptrdiff_t>(first),
                                       backends_.begin() + static_cast<std::ptrdiff_t>(last));
    backends_.insert(place, backends.begin(), backends.end());
    forget_empty();
    sort();
    for (const auto& backend : backends) set_literal(backend);
}

void Roster::set_targets(const BackendSettings& backend, std::span<const Target> targets) {
    const auto place = std::ranges::find(backends_, backend);
    // The file may have changed while the name was looked up.
    if (place == backends_.end()) return;
    const auto order = static_cast<std::size_t>(place - backends_.begin());
    for (auto& member : members_)
        if (member.order() == order) member.lost();
    for (const auto& target : targets) {
        const auto id = id_of(backend->name, target.address);
        if (Member* const known = find(id)) {
            known->follow(backend, order);
            known->found(target);
            continue;
        }
        members_.emplace_back(
            Backend{id, name_at(*backend, target.address), target.address, backend}, order, target,
            *settings_, administration_.cell(backend->name));
        members_.back().tune(administration_.tuning(backend->name));
        count_elsewhere(members_.back());
    }
    forget_empty();
    sort();
}

void Roster::tune(const std::string& name, const Tuning& tuning) {
    administration_.tune(name, tuning);
    for (auto& member : members_)
        if (member.name() == name) member.tune(tuning);
}

Member* Roster::find(BackendId id) {
    const auto found = std::ranges::find(members_, id, &Member::id);
    return found == members_.end() ? nullptr : &*found;
}

const Member* Roster::find(BackendId id) const {
    const auto found = std::ranges::find(members_, id, &Member::id);
    return found == members_.end() ? nullptr : &*found;
}

bool Roster::knows(std::string_view name) const {
    return administration_.knows(name) ||
           std::ranges::any_of(backends_, [&](const auto& each) { return each->name == name; });
}

void Roster::set_elsewhere(std::span<const Elsewhere> loads) {
    elsewhere_.clear();
    for (const auto& load : loads)
        elsewhere_.insert_or_assign(id_of(load.backend, load.address), load);
    for (auto& member : members_) count_elsewhere(member);
}

void Roster::count_elsewhere(Member& member) const {
    const auto found = elsewhere_.find(member.id());
    if (found == elsewhere_.end())
        member.set_elsewhere(0, 0);
    else
        member.set_elsewhere(found->second.sessions, found->second.transfers);
}

std::set<std::string> Roster::used_elsewhere() const {
    std::set<std::string> names;
    for (const auto& [id, load] : elsewhere_)
        if (load.sessions > 0) names.insert(load.backend);
    return names;
}

bool Roster::is_empty(std::string_view name) const {
    return sessions(name) == 0 && std::ranges::none_of(elsewhere_, [&](const auto& each) {
               return each.second.sessions > 0 && each.second.backend == name;
           });
}

std::uint32_t Roster::sessions(std::string_view name) const {
    std::uint32_t sessions = 0;
    for (const auto& member : members_)
        if (member.name() == name) sessions += member.sessions();
    return sessions;
}

void Roster::forget_empty() {
    std::erase_if(members_, &Member::may_be_forgotten);
    administration_.forget_unused();
}

void Roster::sort() { std::ranges::sort(members_, {}, &Member::place); }

bool Roster::can_spare(const Member& member, std::uint32_t percent, loop::Time now) const {
    std::size_t present = 0;
    std::size_t left = 0;
    for (const auto& each : members_) {
        const auto standing = each.standing(now);
        if (standing == Standing::gone) continue;
        ++present;
        if (&each != &member && standing == Standing::serving) ++left;
    }
    return left > 0 && left * 100 >= present * percent;
}

}  // namespace ballast::pool
