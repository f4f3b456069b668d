// SPDX-License-Identifier: Apache-2.0
#include "config/schema.h"

#include "config/json.h"
#include "config/settings.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ballast::config {

namespace {

using std::string_view;

constexpr string_view duration_pattern = "^[0-9]+(ms|s|m|h)$";
constexpr string_view size_pattern = "^[0-9]+(B|KB|KiB|MB|MiB|GB|GiB)$";
constexpr string_view rate_pattern = "^(off|[0-9]+(\\.[0-9]{1,3})?/(s|min|h))$";
constexpr string_view text_pattern = "^[^\\u0000-\\u001f\\u007f]*$";
constexpr string_view name_pattern = "^[A-Za-z0-9_-]{1,64}$";
constexpr string_view name_or_none_pattern = "^[A-Za-z0-9_-]{0,64}$";
constexpr string_view address_pattern = "^([0-9.]+|\\[[^\\]]+\\]):[0-9]{1,5}$";
constexpr string_view user_name_pattern = "^(\\{user\\}|[^{}\\u0000-\\u001f\\u007f]){1,256}$";
constexpr string_view network_pattern = "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$";
constexpr string_view ports_pattern = "^[0-9]{1,5}(-[0-9]{1,5})?$";
constexpr string_view destination_pattern = "^(([A-Za-z0-9_.-]+|\\[[^\\]]+\\])(:[0-9]{1,5})?)?$";
static_assert(name_bytes_max == 64);

Json of_type(string_view type) {
    auto json = Json::object();
    json.add("type", type);
    return json;
}

Json of_pattern(string_view pattern) {
    auto json = of_type("string");
    json.add("pattern", pattern);
    return json;
}

Json of_words(std::span<const string_view> words) {
    auto json = Json::object();
    auto list = Json::array();
    for (const auto word : words) list.add(Json::string(word));
    json.add("enum", std::move(list));
    return json;
}

Json of_words(std::initializer_list<string_view> words) {
    return of_words(std::span(words.begin(), words.size()));
}

Json of_number(std::uint32_t min, std::uint32_t max) {
    auto json = of_type("integer");
    json.add("minimum", Json::literal(fmt::to_string(min)));
    json.add("maximum", Json::literal(fmt::to_string(max)));
    return json;
}

Json any_of(Json first, Json second) {
    auto list = Json::array();
    list.add(std::move(first)).add(std::move(second));
    auto json = Json::object();
    json.add("anyOf", std::move(list));
    return json;
}

Json array_of(Json items) {
    auto json = of_type("array");
    json.add("items", std::move(items));
    return json;
}

/// Our lengths count bytes, the schema's count characters, of which there are never more.
Json of_text(std::size_t bytes_min, std::size_t bytes_max) {
    auto json = of_pattern(text_pattern);
    if (bytes_min > 0) json.add("minLength", Json::literal("1"));
    json.add("maxLength", Json::literal(fmt::to_string(bytes_max)));
    return json;
}

Json one_or_more(const Json& one) { return any_of(one, array_of(one)); }

// What each kind of setting accepts.
Json accepted(const Flag&) { return of_type("boolean"); }
Json accepted(const Number& kind) { return of_number(kind.min, kind.max); }
Json accepted(const OptionalNumber& kind) { return of_number(kind.min, kind.max); }
Json accepted(const Time&) { return of_pattern(duration_pattern); }
Json accepted(const OptionalTime&) { return of_pattern(duration_pattern); }
Json accepted(const Size&) { return of_pattern(size_pattern); }
Json accepted(const Rate&) {
    auto number = of_type("number");
    number.add("minimum", Json::literal("0"));
    return any_of(of_pattern(rate_pattern), std::move(number));
}
Json accepted(const Text& kind) { return of_text(kind.bytes_min, kind.bytes_max); }
Json accepted(const Texts& kind) { return one_or_more(of_text(kind.bytes_min, kind.bytes_max)); }
Json accepted(const Name& kind) {
    return of_pattern(kind.may_be_empty ? name_or_none_pattern : name_pattern);
}
Json accepted(const Formed& kind) { return any_of(of_words({""}), of_pattern(kind.form->pattern)); }
Json accepted(const Word& kind) { return of_words(kind.words); }
Json accepted(const Addresses&) { return array_of(of_pattern(address_pattern)); }
Json accepted(const Ports&) { return of_pattern(ports_pattern); }
Json accepted(const OptionalPorts&) { return of_pattern(ports_pattern); }
Json accepted(const Networks&) { return one_or_more(of_pattern(network_pattern)); }
Json accepted(const Peer&) {
    return any_of(of_words({"exact", "any"}), of_pattern(network_pattern));
}
Json accepted(const Sources&) {
    // An address of this machine is a network of one.
    return any_of(of_words({"system", "client"}), one_or_more(of_pattern(network_pattern)));
}
Json accepted(const Announced&) {
    // "local" and IPv4 addresses look like names.
    const auto address = of_pattern(host_name.pattern);
    auto by_network = of_type("object");
    by_network.add("additionalProperties", address);
    return any_of(address, std::move(by_network));
}
Json accepted(const UserNames&) {
    const auto name = of_pattern(user_name_pattern);
    auto by_pattern = of_type("object");
    by_pattern.add("additionalProperties", name);
    return any_of(name, std::move(by_pattern));
}
Json accepted(const SourcePort&) {
    return any_of(of_words({"ephemeral", "below-control"}), of_number(1, 65535));
}
Json accepted(const HostPort&) { return of_pattern(destination_pattern); }

Json property(const Setting& setting, ConstRecord defaults) {
    auto json = std::visit([](const auto& kind) { return accepted(kind); }, setting.kind);
    json.add("description", fmt::format("{} ({}: {})", setting.meaning, type_of(setting.kind),
                                        range_of(setting.kind)));
    // Optional settings have no default value to show. Other defaults look the same in TOML and
    // JSON.
    if (!setting.required && !may_be_unsaid(setting.kind))
        json.add("default", Json::literal(shown(setting.kind, defaults)));
    return json;
}

/// A section and its JSON so far.
struct Table {
    string_view path;
    bool is_repeated;  ///< [[path]]
    Json properties;
    std::vector<string_view> tables;
    Json schema;
};

std::string joined(string_view path, string_view key) {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

class SchemaWriter {
public:
    SchemaWriter() {
        for (const auto& section : all_sections()) add(section);
    }

    std::string write() {
        auto definitions = Json::object();
        for (auto& table : tables_) {
            for (const auto key : table.tables) table.properties.add(key, nested(table.path, key));
            table.schema.add("properties", std::move(table.properties));
            table.schema.add("additionalProperties", Json::literal("false"));
        }
        auto root = Json::object();
        root.add("$schema", "https://json-schema.org/draft/2020-12/schema");
        root.add("title", "Configuration of Ballast");
        root.add("$ref", "#/$defs/top");
        for (auto& table : tables_) definitions.add(name_of(table.path), std::move(table.schema));
        root.add("$defs", std::move(definitions));
        return root.to_string();
    }

private:
    void add(const Section& section) {
        auto properties = Json::object();
        auto required = Json::array();
        for (const auto& setting : section.settings) {
            properties.add(setting.key, property(setting, section.defaults()));
            if (setting.required) required.add(Json::string(setting.key));
        }
        if (section.path.empty()) required.add(Json::string("listener")).add(Json::string("pool"));
        auto schema = of_type("object");
        schema.add("description", section.meaning);
        if (!required.is_empty()) schema.add("required", std::move(required));
        if (!section.alternatives.empty()) schema.add("anyOf", each_required(section.alternatives));
        tables_.push_back({section.path,
                           section.header.starts_with("[["),
                           std::move(properties),
                           {section.tables.begin(), section.tables.end()},
                           std::move(schema)});
    }

    static Json each_required(std::span<const string_view> keys) {
        auto list = Json::array();
        for (const auto key : keys) {
            auto one = Json::array();
            one.add(Json::string(key));
            auto json = Json::object();
            json.add("required", std::move(one));
            list.add(std::move(json));
        }
        return list;
    }

    static std::string name_of(string_view path) {
        return path.empty() ? "top" : std::string(path);
    }

    [[nodiscard]] const Table* find(string_view path) const {
        const auto found = std::ranges::find(tables_, path, &Table::path);
        return found == tables_.end() ? nullptr : &*found;
    }

    /// The value of `key` in the table `path`: one table, named tables, or a list.
    [[nodiscard]] Json nested(string_view path, string_view key) const {
        if (const auto* named = find(joined(path, key) + ".NAME")) {
            auto patterns = Json::object();
            patterns.add(name_pattern, reference(*named));
            auto json = of_type("object");
            json.add("patternProperties", std::move(patterns));
            json.add("additionalProperties", Json::literal("false"));
            json.add("minProperties", Json::literal("1"));
            return json;
        }
        // A table without its own section has the keys of the nearest one around it: a backend's
        // `tls` has those of its pool's.
        const auto* table = find(joined(path, key));
        for (auto around = path; table == nullptr && !around.empty();) {
            around = around.substr(0, std::min(around.rfind('.'), around.size()));
            table = find(joined(around, key));
            if (!around.contains('.')) break;
        }
        if (table == nullptr) return Json::object();
        return table->is_repeated ? array_of(reference(*table)) : reference(*table);
    }

    static Json reference(const Table& table) {
        auto json = Json::object();
        json.add("$ref", "#/$defs/" + name_of(table.path));
        return json;
    }

    std::vector<Table> tables_;
};

}  // namespace

std::string schema() { return SchemaWriter().write(); }

}  // namespace ballast::config
