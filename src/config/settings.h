// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/kinds.h"

#include <cstdint>
#include <span>
#include <string_view>

/// All settings, once: the loader reads by this table and the manual prints it. Defaults are not
/// in it; they are those of the structs in config.h.
namespace ballast::config {

/// When a change in the file takes effect.
enum class Applies : std::uint8_t { restart, reload };

template <typename S>
struct Setting {
    std::string_view key;
    Kind<S> kind;
    std::string_view meaning;  ///< one or two sentences for the manual
    bool required = false;
    std::string_view advice = {};  ///< said besides the range when a value is outside of it
    Applies applies = Applies::restart;
};

/// A struct of config.h as a table of the file.
template <typename S>
struct Section {
    std::string_view path;     ///< "listener.NAME"; empty for the top of the file
    std::string_view header;   ///< as the file writes it: "[listener.NAME]"
    std::string_view meaning;  ///< for the manual
    std::span<const Setting<S>> settings;
    std::span<const std::string_view> tables;  ///< keys that hold further sections
    /// Keys of which at least one has to be there, for the schema; why is the checks' business.
    std::span<const std::string_view> alternatives = {};
};

template <typename S>
[[nodiscard]] const Section<S>& section();

template <>
const Section<Config>& section<Config>();
template <>
const Section<Log>& section<Log>();
template <>
const Section<TransferLog>& section<TransferLog>();
template <>
const Section<Limits>& section<Limits>();
template <>
const Section<Listener>& section<Listener>();
template <>
const Section<ListenerTls>& section<ListenerTls>();
template <>
const Section<Route>& section<Route>();
template <>
const Section<RouteMatch>& section<RouteMatch>();
template <>
const Section<Pool>& section<Pool>();
template <>
const Section<Stick>& section<Stick>();
template <>
const Section<Queue>& section<Queue>();
template <>
const Section<Observe>& section<Observe>();
template <>
const Section<Probe>& section<Probe>();
template <>
const Section<BackendTls>& section<BackendTls>();
template <>
const Section<Backend>& section<Backend>();

/// Calls `visit` with every Section, in the manual's order.
template <typename Visit>
void for_each_section(Visit&& visit) {
    visit(section<Config>());
    visit(section<Log>());
    visit(section<TransferLog>());
    visit(section<Limits>());
    visit(section<Listener>());
    visit(section<ListenerTls>());
    visit(section<Route>());
    visit(section<RouteMatch>());
    visit(section<Pool>());
    visit(section<Stick>());
    visit(section<Queue>());
    visit(section<Observe>());
    visit(section<Probe>());
    visit(section<BackendTls>());
    visit(section<Backend>());
}

}  // namespace ballast::config
