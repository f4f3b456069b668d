// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy.h"

#include "migrate/haproxy_translation.h"

#include <fmt/format.h>
#include <utility>

namespace ballast::migrate {

Imported import_haproxy(const Source& source) {
    using namespace haproxy;
    const auto file = haproxy::read_file(source.text, source.file, source.machine.variable);
    if (!file) return std::unexpected(file.error());
    const auto proxies = read_proxies(*file, source.file);
    if (!proxies) return std::unexpected(proxies.error());
    const auto services = find_services(*proxies);

    Translation it{.source = source,
                   .file = *file,
                   .proxies = *proxies,
                   .services = services,
                   .draft = {},
                   .notes = Notes(source.file),
                   .listener_names = {},
                   .pool_names = {},
                   .used = {},
                   .refused = {},
                   .pools = {}};
    it.draft.preface = {
        fmt::format("Imported from {} (HAProxy). Comments say where each setting came from.",
                    shown(source.file)),
        "`ballast check` says whether this machine has all that it needs."};
    for (const auto& service : services.all) translate_service(it, service);
    translate_global(it);
    report_rest(it);
    auto report = it.notes.report();
    if (it.draft.listeners.empty())
        report.add({source.file, 0}, "the whole file", Outcome::unsupported,
                   "no proxy in it serves FTP");
    return Import{std::move(it.draft), std::move(report), {}};
}

}  // namespace ballast::migrate
