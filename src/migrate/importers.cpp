// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy.h"
#include "migrate/importer.h"
#include "migrate/ipvsadm.h"
#include "migrate/keepalived.h"
#include "migrate/proftpd.h"

#include <array>

namespace ballast::migrate {

std::span<const Importer> all_importers() {
    static constexpr auto importers = std::to_array<Importer>({
        {"keepalived", "a keepalived.conf", import_keepalived, true, true},
        {"ipvsadm", "the output of `ipvsadm -Sn`", import_ipvsadm, false, true},
        {"haproxy", "a haproxy.cfg", import_haproxy, false, true},
        {"proftpd", "a proftpd.conf with mod_proxy", import_proftpd, false, true},
    });
    return importers;
}

}  // namespace ballast::migrate
