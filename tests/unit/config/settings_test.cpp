// SPDX-License-Identifier: Apache-2.0
#include "config/settings.h"

#include "config/amount.h"
#include "config/loading.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace ballast::config {
namespace {

/// What the file needs besides the setting under test, by table header.
using Tables = std::map<std::string, std::map<std::string, std::string>>;

Tables whole_file() {
    return {
        {"[admin]", {{"bind", "[\"127.0.0.1:8021\"]"}}},
        {"[admin.tls]", {{"certificate", "\"x\""}}},
        {"[listener.x]", {{"bind", "[\"192.0.2.2:21\"]"}, {"pool", "\"x\""}}},
        {"[listener.x.tls]", {{"certificate", "\"x\""}}},
        {"[[listener.x.route]]", {{"pool", "\"x\""}}},
        {"[listener.x.route.match]", {}},
        {"[pool.x]", {}},
        {"[pool.x.stick]", {}},
        {"[pool.x.queue]", {}},
        {"[pool.x.observe]", {}},
        {"[pool.x.probe]", {}},
        {"[pool.x.tls]", {}},
        {"[[pool.x.backend]]", {{"name", "\"x\""}, {"address", "\"192.0.2.1\""}}},
    };
}

std::string text_of(const Tables& tables) {
    std::string text;
    for (const auto& [header, keys] : tables) {
        text += header + '\n';
        for (const auto& [key, value] : keys) text += fmt::format("{} = {}\n", key, value);
    }
    return text;
}

std::string header_of(const Section& section) {
    std::string header(section.header);
    if (section.path.empty()) return "";
    if (const auto name = header.find("NAME"); name != std::string::npos)
        header.replace(name, 4, "x");
    return header;
}

/// Where the section is in the loaded configuration.
ConstRecord part(const Config& config, std::string_view path) {
    const auto& listener = config.listeners.at(0);
    const auto& pool = *config.find_pool("x");
    if (path == "log") return ConstRecord(config.log);
    if (path == "transfer_log") return ConstRecord(config.transfer_log);
    if (path == "admin") return ConstRecord(config.admin);
    if (path == "cluster") return ConstRecord(config.cluster);
    if (path == "admin.tls") return ConstRecord(config.admin.tls.value());
    if (path == "limits") return ConstRecord(config.limits);
    if (path == "listener.NAME") return ConstRecord(listener);
    if (path == "listener.NAME.tls") return ConstRecord(listener.tls.value());
    if (path == "listener.NAME.route") return ConstRecord(listener.routes.at(0));
    if (path == "listener.NAME.route.match") return ConstRecord(listener.routes.at(0).match);
    if (path == "pool.NAME") return ConstRecord(pool);
    if (path == "pool.NAME.stick") return ConstRecord(pool.stick);
    if (path == "pool.NAME.queue") return ConstRecord(pool.queue);
    if (path == "pool.NAME.observe") return ConstRecord(pool.observe);
    if (path == "pool.NAME.probe") return ConstRecord(pool.probe);
    if (path == "pool.NAME.tls") return ConstRecord(pool.tls);
    if (path == "pool.NAME.backend") return ConstRecord(pool.backends.at(0));
    EXPECT_EQ(path, "");
    return ConstRecord(config);
}

// A value of each kind that is never a default, as `shown()` would write it.
std::string other(const Flag& kind, ConstRecord defaults) {
    return defaults[kind.member] ? "false" : "true";
}
std::string other(const Number& kind, ConstRecord defaults) {
    return fmt::to_string(defaults[kind.member] == kind.max ? kind.min : kind.max);
}
std::string other(const OptionalNumber& kind, ConstRecord) { return fmt::to_string(kind.max); }
std::string other(const Time& kind, ConstRecord) {
    return fmt::format("\"{}\"", duration_text(kind.max));
}
std::string other(const OptionalTime& kind, ConstRecord) {
    return fmt::format("\"{}\"", duration_text(kind.min));
}
std::string other(const Size& kind, ConstRecord) {
    return fmt::format("\"{}\"", size_text(kind.max));
}
std::string other(const Rate& kind, ConstRecord) {
    return fmt::format("\"{}\"", rate_text(kind.max));
}
std::string other(const Text& kind, ConstRecord) {
    return fmt::format("\"/{}\"", std::string(kind.bytes_max - 1, 'y'));  // also a path
}
std::string other(const Texts& kind, ConstRecord) {
    return fmt::format("[\"{}\", \"y\"]", std::string(kind.bytes_max, 'y'));
}
std::string other(const Name&, ConstRecord) { return "\"other\""; }
std::string other(const Formed& kind, ConstRecord) {
    return fmt::format("\"{}\"", kind.form->example);
}
std::string other(const Word& kind, ConstRecord defaults) {
    const auto first = kind.words.front();
    return fmt::format("\"{}\"", kind.of(defaults) == first ? kind.words.back() : first);
}
std::string other(const Addresses&, ConstRecord) {
    return "[\"192.0.2.7:2121\", \"[2001:db8::7]:2121\"]";
}
std::string other(const Ports&, ConstRecord) { return "\"50000-50001\""; }
std::string other(const OptionalPorts&, ConstRecord) { return "\"50000-50001\""; }
std::string other(const Networks&, ConstRecord) { return "[\"10.0.0.0/8\", \"2001:db8::/32\"]"; }
std::string other(const Peer&, ConstRecord) { return "\"10.0.0.0/8\""; }
std::string other(const Sources&, ConstRecord) { return "[\"192.0.2.7\", \"2001:db8::7\"]"; }
std::string other(const Announced&, ConstRecord) {
    return "{ \"10.1.0.0/16\" = \"ftp.example.org\", \"10.0.0.0/8\" = \"local\", default = "
           "\"203.0.113.21\" }";
}
std::string other(const UserNames&, ConstRecord) {
    return "{ \"sales-*\" = \"ftp-sales\", \"*\" = \"{user}@example.com\" }";
}
std::string other(const SourcePort&, ConstRecord) { return "\"below-control\""; }
std::string other(const HostPort&, ConstRecord) { return "\"ftp.example.org:2121\""; }

/// Calls `visit(section, setting)` for every row of the table.
template <typename Visit>
void for_each_setting(Visit&& visit) {
    for (const auto& section : all_sections())
        for (const auto& setting : section.settings) visit(section, setting);
}

/// The settings that `passthrough` needs, without those that it excludes.
void pass_through(Tables& tables, bool is_implicit) {
    auto& listener = tables["[listener.x]"];
    tables.erase("[listener.x.tls]");
    listener["mode"] = "\"passthrough\"";
    tables["[[pool.x.backend]]"]["passive_ports"] = "\"50000-50001\"";
    if (!is_implicit) return;
    listener.erase("bind");
    tables["[pool.x.tls]"]["mode"] = "\"implicit\"";
}

/// The settings that a value of a route or a pool needs, without those that it excludes.
void complete(Tables& tables, std::string_view path, std::string_view key, bool is_other) {
    auto& pool = tables["[pool.x]"];
    auto& probe = tables["[pool.x.probe]"];
    auto& backend = tables["[[pool.x.backend]]"];
    if (path == "listener.NAME.route" && key == "reject" && is_other)
        tables["[[listener.x.route]]"].erase("pool");
    if (path == "listener.NAME.route" && key == "pool" && !is_other)
        tables["[[listener.x.route]]"]["reject"] = "\"530 No.\"";
    if (key == "counts_as_failure" && is_other) {
        tables["[[listener.x.route]]"].erase("pool");
        tables["[[listener.x.route]]"]["reject"] = "\"530 No.\"";
    }
    if (key == "may_be_empty" && is_other) pool["backends_file"] = "\"x\"";
    if (key == "certificate" && path == "listener.NAME.route.match")
        tables["[listener.x.tls]"].insert(
            {{"client_certificate", "\"request\""}, {"client_ca", "\"x\""}});
    const bool is_of_passthrough = key == "mode" || key == "plain" || key == "implicit_bind";
    if (path == "listener.NAME" && is_of_passthrough && is_other)
        pass_through(tables, key == "implicit_bind");
    if (key == "proxy_data") tables["[listener.x]"]["proxy_from"] = "\"10.0.0.0/8\"";
    if (key == "passive_ports" && path == "pool.NAME.backend") backend["address"] = "\"192.0.2.1\"";
    if (key == "balance" || path == "pool.NAME.queue") backend["max_sessions"] = "1";
    if (key == "backend_data" && is_other) pool["data_ports"] = "\"50000-50001\"";
    if (key == "data" && path == "pool.NAME" && is_other) tables.erase("[listener.x.tls]");
    if (key == "srv" && is_other) backend.erase("address");
    if (path == "cluster" && key == "store") tables["[cluster]"]["secret_file"] = "\"x\"";
    if (path == "pool.NAME.backend" && key == "address" && !is_other)
        backend["srv"] = "\"example.org\"";
    if (path != "pool.NAME.probe" || !is_other) return;
    if (key == "type") return;
    if (key == "script")
        probe.insert({{"type", "\"script\""}, {"script", "\"x\""}});
    else if (key != "fall" && key != "rise")
        probe.insert({{"type", "\"login\""}, {"user", "\"u\""}, {"password_file", "\"p\""}});
    if (key == "canary_sha256") probe["canary"] = "\"x\"";
}

/// A valid file in which `setting` has this value.
std::string file_with(const Section& section, const Setting& setting, const std::string& value) {
    auto tables = whole_file();
    // Other settings that the value needs.
    if (setting.key == "pool" || setting.key == "fallback")
        tables["[pool.other]"]["backend"] = "[{name=\"b\", address=\"b\"}]";
    if (setting.key == "command_bytes_max")
        tables["[listener.x]"]["pipelined_bytes_max"] = "\"16MiB\"";
    if (setting.key == "reply_line_bytes_max") tables["[pool.x]"]["reply_bytes_max"] = "\"16MiB\"";
    if (section.path == "admin" && setting.key == "bind") tables["[admin]"]["token_file"] = "\"x\"";
    if (setting.key == "bind" || setting.key == "explicit")
        tables["[listener.x.tls]"]["implicit_bind"] = "[\"127.0.0.1:990\"]";
    auto& own = tables[header_of(section)];
    if (setting.key == "max_version") own["min_version"] = "\"1.0\"";
    const auto initial = shown(setting.kind, section.defaults());
    const auto needs = [&](std::string_view key, std::string_view other_key,
                           const std::string& other_value) {
        if (setting.key == key && value != initial) own[std::string(other_key)] = other_value;
    };
    if (section.path == "listener.NAME.tls" || section.path == "admin.tls") {
        const auto as_many = value.starts_with('[') ? value : "\"x\"";
        needs("key", "certificate", as_many);
        needs("ocsp", "certificate", as_many);
        needs("client_ca", "client_certificate", "\"request\"");
        needs("client_certificate", "client_ca", "\"x\"");
    } else if (section.path == "pool.NAME.tls") {
        needs("ca", "mode", "\"explicit\"");
        needs("certificate", "mode", "\"explicit\"");
        needs("key", "certificate", "\"x\"");
        needs("key", "mode", "\"explicit\"");
    } else {
        complete(tables, section.path, setting.key, value != initial);
    }
    own[std::string(setting.key)] = value;
    return text_of(tables);
}

std::string loaded_and_shown(const Section& section, const Setting& setting,
                             const std::string& value) {
    const auto text = file_with(section, setting, value);
    const auto [config, problems] = read(text);
    if (has_errors(problems)) return lines_of(problems) + text;
    return shown(setting.kind, part(*config, section.path));
}

TEST(Settings, every_setting_takes_a_value_that_is_not_its_default) {
    for_each_setting([](const Section& section, const Setting& setting) {
        SCOPED_TRACE(fmt::format("{} {}", section.header, setting.key));
        const auto defaults = section.defaults();
        auto value =
            std::visit([&](const auto& kind) { return other(kind, defaults); }, setting.kind);
        if (setting.key.ends_with("_arguments")) value = R"(["STOR *.exe", "SITE *"])";
        if (setting.key == "store") value = R"(["redis://192.0.2.7", "redis://192.0.2.8"])";
        if (!setting.required) EXPECT_NE(shown(setting.kind, defaults), value);
        EXPECT_EQ(loaded_and_shown(section, setting, value), value);
    });
}

TEST(Settings, the_default_comes_from_the_struct_and_may_be_written_out) {
    for_each_setting([](const Section& section, const Setting& setting) {
        // A missing value means another setting's value, or none. This cannot be written out.
        if (setting.required || may_be_unsaid(setting.kind)) return;
        EXPECT_TRUE(is_said(setting.kind, section.defaults())) << setting.key;
        SCOPED_TRACE(fmt::format("{} {}", section.header, setting.key));
        const auto initial = shown(setting.kind, section.defaults());
        EXPECT_EQ(loaded_and_shown(section, setting, initial), initial);
        auto tables = whole_file();
        if (tables[header_of(section)].contains(std::string(setting.key))) return;
        const auto untouched = read(text_of(tables));
        ASSERT_FALSE(has_errors(untouched.problems)) << lines_of(untouched.problems);
        EXPECT_EQ(shown(setting.kind, part(*untouched.config, section.path)), initial);
    });
}

// Values just outside of a kind's bounds. A kind without bounds has none.
std::vector<std::string> outside(const auto&) { return {}; }
std::vector<std::string> outside(const Number& kind) {
    return {fmt::to_string(std::int64_t{kind.min} - 1), fmt::to_string(std::int64_t{kind.max} + 1)};
}
std::vector<std::string> outside(const OptionalNumber& kind) {
    return {fmt::to_string(std::int64_t{kind.min} - 1), fmt::to_string(std::int64_t{kind.max} + 1)};
}
std::vector<std::string> outside(const Time& kind) {
    std::vector<std::string> values = {fmt::format("\"{}ms\"", kind.max.count() + 1)};
    if (kind.min > Duration(0)) values.push_back(fmt::format("\"{}ms\"", kind.min.count() - 1));
    return values;
}
std::vector<std::string> outside(const OptionalTime& kind) {
    return {fmt::format("\"{}ms\"", kind.max.count() + 1),
            fmt::format("\"{}ms\"", kind.min.count() - 1)};
}
std::vector<std::string> outside(const Size& kind) {
    std::vector<std::string> values = {fmt::format("\"{}B\"", kind.max + 1)};
    if (kind.min > 0) values.push_back(fmt::format("\"{}B\"", kind.min - 1));
    return values;
}
std::vector<std::string> outside(const Rate& kind) {
    std::vector<std::string> values = {
        fmt::format("\"{}\"", rate_text(kind.max + 1)), fmt::format("{}", kind.max + 0.5),
        fmt::format("\"{}\"", rate_text(kind.min - 0.001)), "\"0.001/h\""};
    if (!kind.may_be_off) values.insert(values.end(), {"\"off\"", "0", "0.0", "\"0/s\""});
    return values;
}
std::vector<std::string> outside(const Text& kind) {
    std::vector<std::string> values = {fmt::format("\"{}\"", std::string(kind.bytes_max + 1, 'y'))};
    if (kind.bytes_min > 0) values.push_back("\"\"");
    return values;
}
std::vector<std::string> outside(const Texts& kind) {
    return {"\"\"", fmt::format("\"{}\"", std::string(kind.bytes_max + 1, 'y'))};
}
std::vector<std::string> outside(const Name& kind) {
    std::vector<std::string> values = {"\"a b\"",
                                       fmt::format("\"{}\"", std::string(name_bytes_max + 1, 'y'))};
    if (!kind.may_be_empty) values.push_back("\"\"");
    return values;
}

TEST(Settings, every_range_ends_where_it_says) {
    for_each_setting([](const Section& section, const Setting& setting) {
        const auto values =
            std::visit([](const auto& kind) { return outside(kind); }, setting.kind);
        for (const auto& value : values) {
            SCOPED_TRACE(fmt::format("{} {} = {}", section.header, setting.key, value));
            const auto problems = errors_of(file_with(section, setting, value));
            ASSERT_EQ(problems.size(), 1U) << lines_of(problems);
            const auto& problem = problems.front();
            EXPECT_TRUE(problem.where.key.ends_with(setting.key)) << problem.where.key;
            EXPECT_TRUE(problem.fix.starts_with("use " + range_of(setting.kind))) << problem.fix;
        }
    });
}

TEST(Settings, every_setting_is_in_the_manual_with_its_default_and_range) {
    const auto text = manual();
    for_each_setting([&](const Section& section, const Setting& setting) {
        const auto heading = section.path.empty() ? fmt::format("\n## {}\n", section.header)
                                                  : fmt::format("\n## `{}`\n", section.header);
        const auto begin = text.find(heading);
        ASSERT_NE(begin, std::string::npos) << heading;
        const auto part_of_section = text.substr(begin, text.find("\n## ", begin + 1) - begin);
        const auto initial = setting.required
                                 ? "required"
                                 : fmt::format("`{}`", shown(setting.kind, section.defaults()));
        const auto row = fmt::format(
            "\n| `{}` | {} | {} | {} | {} | {} |\n", setting.key, type_of(setting.kind), initial,
            range_of(setting.kind), setting.meaning,
            setting.restart_reason.empty() ? "reload"
                                           : fmt::format("restart: {}", setting.restart_reason));
        EXPECT_TRUE(part_of_section.contains(row)) << row;
        EXPECT_TRUE(setting.meaning.ends_with('.')) << setting.key;
    });
}

TEST(Settings, no_key_is_twice_in_a_section) {
    for (const auto& section : all_sections()) {
        std::set<std::string_view> keys(section.tables.begin(), section.tables.end());
        for (const auto& setting : section.settings)
            EXPECT_TRUE(keys.insert(setting.key).second) << section.header << ' ' << setting.key;
    }
}

}  // namespace
}  // namespace ballast::config
