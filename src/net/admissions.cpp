// SPDX-License-Identifier: Apache-2.0
#include "net/admissions.h"

#include <algorithm>

namespace ballast::net {

Admissions::Admitted Admissions::admit(const Range& range, const base::Ip& client,
                                       const Taker& taker) {
    auto& guest = ranges_[range][client];
    Admitted admitted{guest.traffic.lock(), std::make_shared<DataShare>(0)};
    if (!admitted.traffic) guest.traffic = admitted.traffic = std::make_shared<DataTraffic>();
    guest.places.push_back({taker, admitted.share});
    return admitted;
}

void Admissions::dismiss(const Range& range, const base::Ip& client, Id id) {
    const auto guests = ranges_.find(range);
    if (guests == ranges_.end()) return;
    const auto guest = guests->second.find(client);
    if (guest == guests->second.end()) return;
    std::erase_if(guest->second.places, [id](const Place& each) { return each.taker.id == id; });
    if (guest->second.places.empty()) guests->second.erase(guest);
    if (guests->second.empty()) ranges_.erase(guests);
}

std::vector<Admissions::Standing> Admissions::standing() const {
    std::vector<Standing> all;
    for (const auto& [range, guests] : ranges_)
        for (const auto& [client, guest] : guests)
            for (const auto& place : guest.places) all.push_back({place.taker.id, range, client});
    return all;
}

std::optional<Admissions::Taker> Admissions::arrived_elsewhere(Id id) {
    for (auto& [range, guests] : ranges_) {
        for (auto& [client, guest] : guests) {
            for (auto& place : guest.places) {
                if (place.taker.id != id) continue;
                ++*place.share;
                return place.taker;
            }
        }
    }
    return std::nullopt;
}

bool Admissions::cover(const base::Address& local) const {
    return std::ranges::any_of(ranges_, [&](const auto& entry) {
        return entry.first.local == local.ip && entry.first.ports.contains(local.port);
    });
}

std::optional<Admissions::Taker> Admissions::arrived(const base::Address& local,
                                                     const base::Ip& client) {
    for (auto& [range, guests] : ranges_) {
        if (range.local != local.ip || !range.ports.contains(local.port)) continue;
        const auto guest = guests.find(client);
        if (guest == guests.end()) return std::nullopt;
        auto& places = guest->second.places;
        auto next = std::ranges::find_if(
            places, [](const Place& each) { return each.share->load() < open_max; });
        if (next == places.end()) next = places.begin();
        std::rotate(next, next + 1, places.end());
        ++*places.back().share;
        return places.back().taker;
    }
    return std::nullopt;
}

}  // namespace ballast::net
