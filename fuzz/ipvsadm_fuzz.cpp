// SPDX-License-Identifier: Apache-2.0
#include "migrate/ipvsadm.h"

#include "config/load.h"
#include "demand.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace ballast::migrate;

/// Any bytes are imported into a well-formed configuration, or refused with places.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto imported = import_ipvsadm({.file = "rules", .text = text});
    if (!imported) {
        demand(!imported.error().empty());
        for (const auto& error : imported.error())
            demand(error.place.line > 0 && !error.what.empty() && !error.fix.empty());
        return 0;
    }
    const auto configuration = written(imported->draft);
    constexpr std::size_t text_bytes_max = std::size_t{1024} * 1024;
    demand(configuration.size() > text_bytes_max ||
           ballast::config::read(configuration).config.has_value());
    return 0;
}
