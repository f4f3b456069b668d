// SPDX-License-Identifier: Apache-2.0
#include "migrate/proftpd.h"

#include "migrate/proftpd_translation.h"

#include <fmt/format.h>
#include <utility>
#include <vector>

namespace ballast::migrate {

Imported import_proftpd(const Source& source) {
    using namespace proftpd;
    const auto file = proftpd::read_file(source);
    if (!file) return std::unexpected(file.error());
    const auto servers = servers_of(*file);
    if (!servers) return std::unexpected(std::vector{servers.error()});

    Translation it{.source = source,
                   .file = *file,
                   .servers = *servers,
                   .draft = {},
                   .ledger = {},
                   .listener_names = {},
                   .pool_names = {}};
    it.draft.preface = {
        fmt::format(
            "Imported from {} (ProFTPD with mod_proxy). Comments say where each setting came "
            "from.",
            shown(source.file)),
        "`ballast check` says whether this machine has all that it needs."};
    // Some directives of the main server are for all of them.
    translate_process(it, servers->all.front());
    for (const auto& server : servers->all) {
        if (!server.is_reverse_proxy()) continue;
        translate_listener(it, server);
        translate_process(it, server);
    }
    report_rest(it);
    auto report = it.ledger.report();
    if (it.draft.listeners.empty())
        report.add({source.file, 0}, "the whole file", Outcome::unsupported,
                   "no server in it is a reverse proxy");
    return Import{std::move(it.draft), std::move(report), {}};
}

}  // namespace ballast::migrate
