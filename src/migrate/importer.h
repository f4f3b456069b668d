// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/draft.h"
#include "migrate/machine.h"
#include "migrate/place.h"
#include "migrate/report.h"

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Reads the configurations of other balancers, and writes what Ballast needs to take their place.
namespace ballast::migrate {

/// What an importer reads.
struct Source {
    std::string file;  ///< its name, for messages and for files beside it
    std::string text;
    Machine machine = empty_machine();
    std::string id = {};  ///< which machine of several that share the file; empty: the host's name
    std::string certificate = {};  ///< PEM file with which Ballast shall end TLS; empty: none
};

/// What an importer makes.
struct Import {
    Draft draft;
    Report report;
    std::string remainder;  ///< the configuration that keepalived still needs; empty: none
};
using Imported = std::expected<Import, std::vector<SyntaxError>>;

/// A language that can be imported.
struct Importer {
    std::string_view name;     ///< as in `ballast import NAME`
    std::string_view summary;  ///< what it reads, in a few words
    Imported (*read)(const Source& source);
    bool has_remainder = false;      ///< and config-ids
    bool takes_certificate = false;  ///< it balances TLS that it does not end
};

[[nodiscard]] std::span<const Importer> all_importers();

/// The texts that an import ends in.
struct Written {
    std::string configuration;
    Report report;
    std::string remainder;
};

/// Imports and writes. What `ballast check` would refuse in the configuration is in the report.
[[nodiscard]] std::expected<Written, std::vector<SyntaxError>> run(const Importer& importer,
                                                                   const Source& source);

}  // namespace ballast::migrate
