// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived.h"

#include "config/load.h"
#include "demand.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace ballast::migrate;

namespace {

/// Every file has the same content, and every pattern matches two files.
Machine machine_of(const std::string& text) {
    auto machine = empty_machine();
    machine.read_file = [text](const std::string& path) -> ballast::base::Result<std::string> {
        if (path.size() % 2 == 0) return text;
        return std::unexpected(
            ballast::base::Error{ballast::base::Fault::internal, {}, "cannot read " + path});
    };
    machine.files_like = [](const std::string& pattern) {
        return std::vector<std::string>{pattern + "1", pattern + "12"};
    };
    machine.variable = [text](const std::string& name) -> std::optional<std::string> {
        return name.empty() ? std::nullopt : std::optional(text.substr(0, name.size()));
    };
    machine.host_name = "main.example.com";
    return machine;
}

/// Whatever was imported, the file is TOML, and its lines say what is wrong with it.
void is_written_well(const Import& import) {
    const auto text = written(import.draft);
    // A file that is too large is refused before its syntax is.
    constexpr std::size_t text_bytes_max = std::size_t{1024} * 1024;
    demand(text.size() > text_bytes_max || ballast::config::read(text).config.has_value());
    for (const auto& line : {text_of(import.report), json_of(import.report)})
        for (const char c : line)
            demand(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
}

}  // namespace

/// Any bytes are imported into a well-formed configuration, or refused with places. What remains
/// for keepalived can be read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto imported =
        import_keepalived({.file = "k.conf", .text = text, .machine = machine_of(text)});
    if (!imported) {
        demand(!imported.error().empty() && imported.error().size() <= 20);
        for (const auto& error : imported.error())
            demand(!error.what.empty() && !error.fix.empty());
        return 0;
    }
    is_written_well(*imported);
    if (imported->remainder.empty()) return 0;
    demand(imported->remainder.contains("ballast health"));
    const auto again = import_keepalived({.file = "remains.conf", .text = imported->remainder});
    // Lines of a parameter may become longer than a file's may be.
    if (!again) {
        for (const auto& error : again.error()) demand(error.what.contains("bytes"));
        return 0;
    }
    demand(!again->remainder.empty() && again->draft.listeners.empty());
    return 0;
}
