// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include "config/check.h"
#include "config/check_pool.h"
#include "config/check_tls.h"
#include "config/misplaced.h"
#include "config/places.h"
#include "config/rivals.h"
#include "config/settings.h"
#include "config/spelling.h"
#include "config/toml_text.h"
#include "config/values.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

#define TOML_ENABLE_PARSER 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace ballast::config {

namespace {

/// Turns the tables of the file into structs, section by section, and collects problems.
class Loader {
public:
    Reading load(const toml::table& root) {
        read(root, "", Record(config_));
        read_table(root, "", "log", Record(config_.log));
        read_table(root, "", "transfer_log", Record(config_.transfer_log));
        read_table(root, "", "admin", Record(config_.admin));
        read_tls(root, config_.admin);
        read_table(root, "", "cluster", Record(config_.cluster));
        read_table(root, "", "limits", Record(config_.limits));
        read_named(root, "listener", config_.listeners);
        read_named(root, "pool", config_.pools);

        check(config_, places_, problems_);
        sort_by_place(problems_);
        config_.places = std::move(places_);
        return {std::move(config_), std::move(problems_)};
    }

    std::expected<std::vector<Backend>, std::vector<Problem>> load_backends(const toml::table& root,
                                                                            const Pool& pool) {
        // The pool with only these backends.
        Pool file;
        file.tls = pool.tls;
        read_each(
            root, "", "backend", "write each backend as a table with name and address",
            [&](const auto& table, Where where) { read_backend(table, std::move(where), file); });
        unknown_keys(root, "", std::nullopt, {"backend"});

        check_backends(file.backends, pool.backends, Findings(places_, problems_));
        check_tls(file, places_, problems_);
        if (file.backends.empty() && problems_.empty() && !pool.may_be_empty)
            problems_.push_back({{"backend", 1, 1},
                                 "there is no backend in this file",
                                 "add a [[backend]] table, or may_be_empty = true to the pool if "
                                 "this is intended"});
        sort_by_place(problems_);
        if (has_errors(problems_)) return std::unexpected(std::move(problems_));
        return std::move(file.backends);
    }

private:
    // Sections

    /// Reads the settings of one table. Other keys in it are unknown.
    void read(const toml::table& table, const std::string& path, Record into) {
        const auto& section = section_of(into);
        for (const auto& setting : section.settings) {
            const auto key_path = joined(path, setting.key);
            const auto* node = table.get(setting.key);
            if (node == nullptr) {
                if (setting.required) missing(key_path, setting);
                continue;
            }
            places_.said(place_of(key_path, node->source()));
            values_.take(*node, key_path, setting, into);
        }
        unknown_keys(table, path, section.path, known_keys(section));
    }

    /// The same for a table inside this one, if there is one.
    void read_table(const toml::table& parent, const std::string& path, std::string_view key,
                    Record into) {
        if (const auto* table = table_at(parent, path, key)) read(*table, joined(path, key), into);
    }

    /// [admin.tls]
    void read_tls(const toml::table& root, Admin& admin) {
        const auto* table = root["admin"].as_table();
        if (table == nullptr) return;
        if (const auto* tls = table_at(*table, "admin", "tls")) {
            admin.tls.emplace().where = place_of("admin.tls", tls->source());
            read(*tls, "admin.tls", Record(*admin.tls));
        }
    }

    /// [listener.NAME] and [pool.NAME]
    template <typename S>
    void read_named(const toml::table& root, std::string_view kind, std::vector<S>& into) {
        const auto* tables = table_at(root, "", kind);
        if (tables == nullptr) return;
        for (const auto& [key, node] : *tables) {
            const auto path = joined(kind, key.str());
            const auto* table = node.as_table();
            if (table == nullptr) {
                places_.refused(std::string(kind));
                const auto fix =
                    node.is_array_of_tables()
                        ? fmt::format("write [{}], in single brackets", path)
                        : fmt::format("settings of a {0} go into a table [{0}.NAME]", kind);
                report(place_of(path, key.source()),
                       fmt::format("{} is {}", in_quotes(key.str()), type_name(node)), fix);
                continue;
            }
            if (!is_name(key.str()))
                report(place_of(path, key.source()),
                       fmt::format("{} is not a name", in_quotes(key.str())),
                       fmt::format("use {}", Name{}.range()));
            auto& section = into.emplace_back();
            section.name = key.str();
            section.where = place_of(path, table->source());
            places_.said(section.where);
            read(*table, path, Record(section));
            read_parts(*table, path, section);
        }
    }

    void read_parts(const toml::table& table, const std::string& path, Listener& listener) {
        if (const auto* tls = table_at(table, path, "tls")) {
            const auto tls_path = path + ".tls";
            listener.tls.emplace().where = place_of(tls_path, tls->source());
            read(*tls, tls_path, Record(*listener.tls));
        }
        read_each(table, path, "route", "write each route as a table with match and pool",
                  [&](const auto& each, Where where) {
                      read_route(each, std::move(where), listener.routes.emplace_back());
                  });
    }

    void read_route(const toml::table& table, Where where, Route& route) {
        route.where = std::move(where);
        const auto& path = route.where.key;
        read(table, path, Record(route));
        const auto problems_before = problems_.size();
        read_table(table, path, "match", Record(route.match));
        // A match without its refused part would match too much.
        if (problems_.size() != problems_before) places_.refused(path + ".match");
    }

    void read_parts(const toml::table& table, const std::string& path, Pool& pool) {
        read_table(table, path, "stick", Record(pool.stick));
        read_table(table, path, "queue", Record(pool.queue));
        read_table(table, path, "observe", Record(pool.observe));
        read_table(table, path, "probe", Record(pool.probe));
        read_table(table, path, "tls", Record(pool.tls));
        read_each(
            table, path, "backend", "write each backend as a table with name and address",
            [&](const auto& each, Where where) { read_backend(each, std::move(where), pool); });
    }

    void read_backend(const toml::table& table, Where where, Pool& pool) {
        auto& backend = pool.backends.emplace_back();
        backend.where = std::move(where);
        const auto& path = backend.where.key;
        read(table, path, Record(backend));
        backend.has_weight = table.contains("weight");
        backend.tls = pool.tls;
        read_table(table, path, "tls", Record(backend.tls));
    }

    /// Every table of [[key]]. `fix` is for elements that are not tables.
    template <typename Read>
    void read_each(const toml::table& parent, const std::string& path, std::string_view key,
                   std::string_view fix, Read&& read_one) {
        const auto* node = parent.get(key);
        if (node == nullptr) return;
        const auto key_path = joined(path, key);
        const auto* array = node->as_array();
        if (array == nullptr)
            return refuse(place_of(key_path, node->source()),
                          fmt::format("{} is {}", key, type_name(*node)),
                          fmt::format("write [[{}]], in double brackets", key_path));
        for (std::size_t i = 0; i < array->size(); ++i) {
            const auto& element = (*array)[i];
            auto where = place_of(fmt::format("{}[{}]", key_path, i), element.source());
            if (const auto* table = element.as_table()) {
                places_.said(where);
                read_one(*table, std::move(where));
                continue;
            }
            places_.refused(key_path);
            report(std::move(where), fmt::format("a {} is {}", key, type_name(element)),
                   std::string(fix));
        }
    }

    const toml::table* table_at(const toml::table& parent, const std::string& path,
                                std::string_view key) {
        const auto* node = parent.get(key);
        if (node == nullptr) return nullptr;
        const auto key_path = joined(path, key);
        const auto where = place_of(key_path, node->source());
        const auto* table = node->as_table();
        if (table != nullptr) {
            places_.said(where);
            return table;
        }
        const bool is_named = key == "listener" || key == "pool";
        // TOML has no header for a table in one element of an array.
        const bool is_inline = path.ends_with(']');
        refuse(where, fmt::format("{} is {}", key, type_name(*node)),
               is_inline ? fmt::format("write a table, {} = {{ ... }}", key)
                         : fmt::format("write a table, [{}{}]", key_path, is_named ? ".NAME" : ""));
        return nullptr;
    }

    void missing(const std::string& key_path, const Setting& setting) {
        report(places_.of(key_path), fmt::format("{} is missing", setting.key),
               fmt::format("add {}, {}: {}", setting.key, with_article(type_of(setting.kind)),
                           range_of(setting.kind)));
    }

    static std::vector<std::string_view> known_keys(const Section& section) {
        std::vector<std::string_view> known;
        for (const auto& setting : section.settings) known.push_back(setting.key);
        known.insert(known.end(), section.tables.begin(), section.tables.end());
        return known;
    }

    /// `section` is the path of a Section, if the table is one.
    void unknown_keys(const toml::table& table, const std::string& path,
                      std::optional<std::string_view> section,
                      const std::vector<std::string_view>& known) {
        for (const auto& [key, node] : table) {
            const std::string_view word = key.str();
            if (std::ranges::find(known, word) != known.end()) continue;
            auto where = place_of(joined(path, word), key.source());
            if (auto ours = section ? advice_for_key(*section, word) : std::nullopt)
                report(std::move(where), "unknown key", std::move(*ours));
            else if (auto elsewhere = section ? misplaced(*section, path, word) : std::nullopt)
                report(std::move(where), std::move(elsewhere->what), std::move(elsewhere->fix));
            else if (const auto near = nearest(word, known))
                report(std::move(where), "unknown key", fmt::format("did you mean {}?", *near));
            else
                report(std::move(where), "unknown key",
                       fmt::format("remove it; the keys here are {}", listed(known)));
        }
    }

    // Problems

    void refuse(const Where& where, std::string what, std::string fix) {
        places_.refused(where.key);
        report(where, std::move(what), std::move(fix));
    }

    void report(Where where, std::string what, std::string fix) {
        problems_.push_back({std::move(where), std::move(what), std::move(fix)});
    }

    Config config_;
    Places places_;
    std::vector<Problem> problems_;
    Values values_{places_, problems_};
};

}  // namespace

Reading read(std::string_view toml_text) {
    const auto root = parse_toml(toml_text);
    if (!root) return {std::nullopt, {root.error()}};
    return Loader().load(*root);
}

std::expected<std::vector<Backend>, std::vector<Problem>> load_backends(std::string_view toml_text,
                                                                        const Pool& pool) {
    const auto root = parse_toml(toml_text);
    if (!root) return std::unexpected(std::vector{root.error()});
    return Loader().load_backends(*root, pool);
}

}  // namespace ballast::config
