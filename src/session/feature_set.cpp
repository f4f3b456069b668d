// SPDX-License-Identifier: Apache-2.0
#include "session/feature_set.h"

#include "ftp/verb.h"

#include <optional>

namespace ballast::session {

ftp::Features feature_set(std::span<const std::shared_ptr<const backend::Survey>> surveys,
                          Offer offer) {
    std::optional<ftp::Features> common;
    for (const auto& survey : surveys)
        common = common ? common->intersect(survey->features) : survey->features;
    auto features = common.value_or(ftp::Features());
    // HOST is supported, but not offered because backends offer it. lftp sends HOST to any server
    // that lists it, with the balancer's name, which a backend may not know.
    for (const char* const label : {"AUTH", "PBSZ", "PROT", "CCC", "ESTA", "ESTP", "RANG", "HOST"})
        features.remove(label);
    for (const auto& verb : ftp::verbs())
        if (verb.handling == ftp::Handling::refused) features.remove(verb.name);
    if (!offer.active)
        features.remove("EPRT");
    else if (offer.relays)
        features.add("EPRT");
    // A client would take a 229's port for one of Ballast's.
    if (offer.relays)
        features.add("EPSV");
    else
        features.remove("EPSV");
    if (offer.auth) features.add("AUTH", "TLS");
    if (offer.prot) features.add("PBSZ");
    if (offer.prot) features.add("PROT");
    if (offer.ccc) features.add("CCC");
    if (offer.host) features.add("HOST");
    return features;
}

}  // namespace ballast::session
