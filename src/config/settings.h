// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/kinds.h"
#include "config/record.h"

#include <cstdint>
#include <span>
#include <string_view>

/// All settings, once: the loader reads by this table and the manual prints it. Defaults are not
/// in it; they are those of the structs in config.h.
namespace ballast::config {

/// When a change in the file takes effect.
enum class Applies : std::uint8_t { restart, reload };

struct Setting {
    std::string_view key;
    Kind kind;
    std::string_view meaning;  ///< one or two sentences for the manual
    bool required = false;
    std::string_view advice = {};  ///< said besides the range when a value is outside of it
    Applies applies = Applies::restart;
};

/// A struct of config.h as a table of the file.
struct Section {
    ConstRecord (*defaults)();  ///< such a struct as it is when the file says nothing
    std::string_view path;      ///< "listener.NAME"; empty for the top of the file
    std::string_view header;    ///< as the file writes it: "[listener.NAME]"
    std::string_view meaning;   ///< for the manual
    std::span<const Setting> settings;
    std::span<const std::string_view> tables = {};  ///< keys that hold further sections
    /// Keys of which at least one has to be there, for the schema; why is the checks' business.
    std::span<const std::string_view> alternatives = {};
};

template <typename S>
[[nodiscard]] ConstRecord defaults() {
    static const S values;
    return ConstRecord(values);
}

/// In the manual's order.
[[nodiscard]] std::span<const Section> all_sections();
/// The one for structs of this type.
[[nodiscard]] const Section& section_of(ConstRecord values);

/// The parts of `all_sections`, each in a file of its own.
[[nodiscard]] std::span<const Section> listener_sections();
[[nodiscard]] std::span<const Section> pool_sections();

}  // namespace ballast::config
