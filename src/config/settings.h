// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/kinds.h"
#include "config/record.h"

#include <span>
#include <string_view>

/// The table of all settings. The loader reads by it and the manual prints it. Defaults are in the
/// structs of config.h instead.
namespace ballast::config {

struct Setting {
    std::string_view key;
    Kind kind;
    std::string_view meaning;  ///< one or two sentences for the manual
    bool required = false;
    std::string_view advice = {};  ///< added to the range when a value is outside of it
    /// Why a change takes effect only at the next start. Empty: a reload is enough.
    std::string_view restart_reason = {};
};

/// A struct of config.h as a table of the file.
struct Section {
    ConstRecord (*defaults)();  ///< a struct with all defaults
    std::string_view path;      ///< "listener.NAME"; empty for the top of the file
    std::string_view header;    ///< as the file writes it: "[listener.NAME]"
    std::string_view meaning;   ///< for the manual
    std::span<const Setting> settings;
    std::span<const std::string_view> tables = {};  ///< keys that hold further sections
    /// Keys of which at least one is required, for the schema. The checks say why.
    std::span<const std::string_view> alternatives = {};
};

template <typename S>
[[nodiscard]] ConstRecord defaults() {
    static const S values;
    return ConstRecord(values);
}

/// In the manual's order.
[[nodiscard]] std::span<const Section> all_sections();
/// The section for structs of this type.
[[nodiscard]] const Section& section_of(ConstRecord values);

/// The parts of `all_sections`, each in its own file.
[[nodiscard]] std::span<const Section> listener_sections();
[[nodiscard]] std::span<const Section> pool_sections();

}  // namespace ballast::config
