// SPDX-License-Identifier: Apache-2.0
#include "config/misplaced.h"

#include "config/settings.h"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
#include <functional>
#include <string>
#include <vector>

namespace ballast::config {

namespace {

/// A section that knows the key.
struct Home {
    std::string_view path;    ///< "pool.NAME"
    std::string_view header;  ///< "[pool.NAME]"
    bool is_table;            ///< the key is a table, not a setting
};

std::vector<Home> homes_of(std::string_view key) {
    std::vector<Home> homes;
    for (const auto& section : all_sections()) {
        const bool is_table = std::ranges::find(section.tables, key) != section.tables.end();
        const bool is_setting = std::ranges::any_of(
            section.settings, [&](const auto& setting) { return setting.key == key; });
        if (is_table || is_setting) homes.push_back({section.path, section.header, is_table});
    }
    return homes;
}

/// "pool.NAME" is inside "", and "pool.NAME.tls" is inside "pool.NAME".
bool is_inside(std::string_view inner, std::string_view outer) {
    if (outer.empty()) return !inner.empty();
    return inner.size() > outer.size() && inner.starts_with(outer) && inner[outer.size()] == '.';
}

std::ptrdiff_t depth(std::string_view path) { return std::ranges::count(path, '.'); }

/// Chooses the nearest section around this one. Otherwise the nearest one inside it, if there is
/// only one such. Otherwise the only one at all. Never the section itself.
std::optional<Home> home_of(std::string_view section, std::string_view key) {
    auto homes = homes_of(key);
    std::erase_if(homes, [&](const Home& home) {
        // `passive_ports` in a pool more likely means the listener's than one backend's.
        const bool is_of_server = key == "passive_ports" && home.path == "pool.NAME.backend";
        return home.path == section || is_of_server;
    });
    std::vector<Home> around;
    std::vector<Home> inside;
    for (const auto& home : homes) {
        if (is_inside(section, home.path)) around.push_back(home);
        if (!section.empty() && is_inside(home.path, section)) inside.push_back(home);
    }
    const auto depth_of = [](const Home& home) { return depth(home.path); };
    std::ranges::sort(around, std::greater{}, depth_of);
    std::ranges::sort(inside, {}, depth_of);
    if (!around.empty()) return around.front();
    const bool is_one =
        inside.size() == 1 || (inside.size() > 1 && depth_of(inside[0]) < depth_of(inside[1]));
    if (is_one) return inside.front();
    return homes.size() == 1 ? std::optional(homes.front()) : std::nullopt;
}

/// "alf" of "pool.alf.backend[0]"; "NAME" where the path has none.
std::string_view name_in(std::string_view path) {
    const auto dot = path.find('.');
    if (dot == std::string_view::npos) return "NAME";
    const auto rest = path.substr(dot + 1);
    return rest.substr(0, rest.find_first_of(".["));
}

std::string_view first_word(std::string_view path) { return path.substr(0, path.find('.')); }

/// The header with the name from the file: both are parts of one listener or pool.
std::string header_for(const Home& home, std::string_view path) {
    std::string header(home.header);
    const auto at = header.find("NAME");
    if (at != std::string::npos && first_word(home.path) == first_word(path))
        header.replace(at, 4, name_in(path));
    return header;
}

/// The header of the table with the key; for one of [[several]] the first of them.
std::string own_header(std::string_view path) {
    if (!path.ends_with(']')) return fmt::format("[{}]", path);
    return fmt::format("the first [[{}]]", path.substr(0, path.rfind('[')));
}

}  // namespace

std::optional<Refusal> misplaced(std::string_view section, std::string_view path,
                                 std::string_view key) {
    const auto home = home_of(section, key);
    if (!home) return std::nullopt;
    const auto here = [&](std::string_view of) {
        return fmt::format("{} is a {} of {} and does nothing here", key,
                           home->is_table ? "table" : "key", of);
    };
    if (home->path.empty())
        return Refusal{here("the whole file"),
                       home->is_table
                           ? fmt::format("write it as [{}]", key)
                           : "move it up to the top of the file, before the first table"};
    const auto header = header_for(*home, path);
    // A backends file contains nothing else.
    const bool is_same_file = first_word(home->path) == first_word(path);
    if (is_inside(section, home->path) && is_same_file)
        return Refusal{here(header),
                       fmt::format("move it up to {}, before {}", header, own_header(path))};
    return Refusal{here(header), fmt::format("move it to {}", header)};
}

}  // namespace ballast::config
