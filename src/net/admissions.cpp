// SPDX-License-Identifier: Apache-2.0
#include "net/admissions.h"

#include <algorithm>

namespace ballast::net {

std::shared_ptr<DataTraffic> Admissions::admit(const Range& range, const base::Ip& client,
                                               const Taker& taker) {
    auto& guest = ranges_[range][client];
    guest.takers.push_back(taker);
    auto traffic = guest.traffic.lock();
    if (!traffic) guest.traffic = traffic = std::make_shared<DataTraffic>();
    return traffic;
}

void Admissions::dismiss(const Range& range, const base::Ip& client, Id id) {
    const auto guests = ranges_.find(range);
    if (guests == ranges_.end()) return;
    const auto guest = guests->second.find(client);
    if (guest == guests->second.end()) return;
    std::erase_if(guest->second.takers, [id](const Taker& taker) { return taker.id == id; });
    if (guest->second.takers.empty()) guests->second.erase(guest);
    if (guests->second.empty()) ranges_.erase(guests);
}

std::optional<Admissions::Taker> Admissions::arrived(const base::Address& local,
                                                     const base::Ip& client) {
    for (auto& [range, guests] : ranges_) {
        if (range.local != local.ip || !range.ports.contains(local.port)) continue;
        const auto guest = guests.find(client);
        if (guest == guests.end()) return std::nullopt;
        auto& takers = guest->second.takers;
        std::ranges::rotate(takers, takers.begin() + 1);
        return takers.back();
    }
    return std::nullopt;
}

}  // namespace ballast::net
