// SPDX-License-Identifier: Apache-2.0
#include "config/settings.h"

#include "config/loading.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace ballast::config {
namespace {

/// What the file has to say beside the setting under test, by table header.
using Tables = std::map<std::string, std::map<std::string, std::string>>;

Tables whole_file() {
    return {
        {"[listener.x]", {{"bind", "[\"127.0.0.1:21\"]"}, {"pool", "\"x\""}}},
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

template <typename S>
std::string header_of(const Section<S>& section) {
    std::string header(section.header);
    if (section.path.empty()) return "";
    if (const auto name = header.find("NAME"); name != std::string::npos)
        header.replace(name, 4, "x");
    return header;
}

// Where each section is in the loaded configuration.
const Config& part(const Config& config, const Config*) { return config; }
const Log& part(const Config& config, const Log*) { return config.log; }
const TransferLog& part(const Config& config, const TransferLog*) { return config.transfer_log; }
const Limits& part(const Config& config, const Limits*) { return config.limits; }
const Listener& part(const Config& config, const Listener*) { return config.listeners.at(0); }
const ListenerTls& part(const Config& config, const ListenerTls*) {
    return config.listeners.at(0).tls.value();
}
const Pool& pool_of(const Config& config) { return *config.find_pool("x"); }
const Route& part(const Config& config, const Route*) {
    return config.listeners.at(0).routes.at(0);
}
const RouteMatch& part(const Config& config, const RouteMatch*) {
    return config.listeners.at(0).routes.at(0).match;
}
const Stick& part(const Config& config, const Stick*) { return pool_of(config).stick; }
const Queue& part(const Config& config, const Queue*) { return pool_of(config).queue; }
const Observe& part(const Config& config, const Observe*) { return pool_of(config).observe; }
const Pool& part(const Config& config, const Pool*) { return pool_of(config); }
const Probe& part(const Config& config, const Probe*) { return pool_of(config).probe; }
const BackendTls& part(const Config& config, const BackendTls*) { return pool_of(config).tls; }
const Backend& part(const Config& config, const Backend*) { return pool_of(config).backends.at(0); }

// A value of each kind that is nobody's default, as `shown()` would write it.
template <typename S>
std::string other(const Flag<S>& kind) {
    return S{}.*kind.member ? "false" : "true";
}
template <typename S>
std::string other(const Number<S>& kind) {
    return fmt::to_string(S{}.*kind.member == kind.max ? kind.min : kind.max);
}
template <typename S>
std::string other(const OptionalNumber<S>& kind) {
    return fmt::to_string(kind.max);
}
template <typename S>
std::string other(const Time<S>& kind) {
    return fmt::format("\"{}\"", duration_text(kind.max));
}
template <typename S>
std::string other(const OptionalTime<S>& kind) {
    return fmt::format("\"{}\"", duration_text(kind.min));
}
template <typename S>
std::string other(const Size<S>& kind) {
    return fmt::format("\"{}\"", size_text(kind.max));
}
template <typename S>
std::string other(const Text<S>& kind) {
    return fmt::format("\"{}\"", std::string(kind.bytes_max, 'y'));
}
template <typename S>
std::string other(const Texts<S>& kind) {
    return fmt::format("[\"{}\", \"y\"]", std::string(kind.bytes_max, 'y'));
}
template <typename S>
std::string other(const Name<S>&) {
    return "\"other\"";
}
template <typename S>
std::string other(const Formed<S>& kind) {
    return fmt::format("\"{}\"", kind.form->example);
}
template <typename S, typename E>
std::string other(const Word<S, E>& kind) {
    const auto& first = kind.spellings.front();
    const auto& last = kind.spellings.back();
    return fmt::format("\"{}\"", S{}.*kind.member == first.value ? last.word : first.word);
}
template <typename S>
std::string other(const Addresses<S>&) {
    return "[\"192.0.2.7:2121\", \"[2001:db8::7]:2121\"]";
}
template <typename S>
std::string other(const Ports<S>&) {
    return "\"50000-50001\"";
}
template <typename S>
std::string other(const OptionalPorts<S>&) {
    return "\"50000-50001\"";
}
template <typename S>
std::string other(const Networks<S>&) {
    return "[\"10.0.0.0/8\", \"2001:db8::/32\"]";
}
template <typename S>
std::string other(const Peer<S>&) {
    return "\"10.0.0.0/8\"";
}
template <typename S>
std::string other(const Announced<S>&) {
    return "{ \"10.1.0.0/16\" = \"ftp.example.org\", \"10.0.0.0/8\" = \"local\", default = "
           "\"203.0.113.21\" }";
}
template <typename S>
std::string other(const UserNames<S>&) {
    return "{ \"sales-*\" = \"ftp-sales\", \"*\" = \"{user}@example.com\" }";
}
template <typename S>
std::string other(const SourcePort<S>&) {
    return "\"below-control\"";
}
template <typename S>
std::string other(const HostPort<S>&) {
    return "\"ftp.example.org:2121\"";
}

/// What is not said is another setting's value, or none: there is no way to write that out.
template <typename K>
constexpr bool can_be_written = true;
template <typename S>
constexpr bool can_be_written<OptionalNumber<S>> = false;
template <typename S>
constexpr bool can_be_written<OptionalTime<S>> = false;
template <typename S>
constexpr bool can_be_written<OptionalPorts<S>> = false;

/// Calls `visit(section, setting, kind)` for every row of the table.
template <typename Visit>
void for_each_setting(Visit&& visit) {
    for_each_section([&]<typename S>(const Section<S>& section) {
        for (const auto& setting : section.settings)
            std::visit([&](const auto& kind) { visit(section, setting, kind); }, setting.kind);
    });
}

/// What `passthrough` needs and excludes.
void pass_through(Tables& tables, bool is_implicit) {
    auto& listener = tables["[listener.x]"];
    tables.erase("[listener.x.tls]");
    listener["mode"] = "\"passthrough\"";
    tables["[[pool.x.backend]]"]["passive_ports"] = "\"50000-50001\"";
    if (!is_implicit) return;
    listener.erase("bind");
    tables["[pool.x.tls]"]["mode"] = "\"implicit\"";
}

/// What a value of a route or a pool needs or excludes.
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
    if (key == "srv" && is_other) backend.erase("address");
    if (key == "address" && !is_other) backend["srv"] = "\"example.org\"";
    if (path != "pool.NAME.probe" || !is_other) return;
    if (key == "type") return;
    if (key == "script")
        probe.insert({{"type", "\"script\""}, {"script", "\"x\""}});
    else if (key != "fall" && key != "rise")
        probe.insert({{"type", "\"login\""}, {"user", "\"u\""}, {"password_file", "\"p\""}});
    if (key == "canary_sha256") probe["canary"] = "\"x\"";
}

/// A valid file in which `setting` has this value.
template <typename S>
std::string file_with(const Section<S>& section, const Setting<S>& setting,
                      const std::string& value) {
    auto tables = whole_file();
    // What has to be said as well for the value to make sense.
    if (setting.key == "pool" || setting.key == "fallback")
        tables["[pool.other]"]["backend"] = "[{name=\"b\", address=\"b\"}]";
    if (setting.key == "command_bytes_max")
        tables["[listener.x]"]["pipelined_bytes_max"] = "\"16MiB\"";
    if (setting.key == "reply_line_bytes_max") tables["[pool.x]"]["reply_bytes_max"] = "\"16MiB\"";
    if (setting.key == "bind" || setting.key == "explicit")
        tables["[listener.x.tls]"]["implicit_bind"] = "[\"127.0.0.1:990\"]";
    auto& own = tables[header_of(section)];
    if (setting.key == "max_version") own["min_version"] = "\"1.0\"";
    const auto initial = std::visit([](const auto& kind) { return kind.shown(S{}); }, setting.kind);
    const auto needs = [&](std::string_view key, std::string_view other_key,
                           const std::string& other_value) {
        if (setting.key == key && value != initial) own[std::string(other_key)] = other_value;
    };
    if (section.path == "listener.NAME.tls") {
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

template <typename S>
std::string loaded_and_shown(const Section<S>& section, const Setting<S>& setting, const auto& kind,
                             const std::string& value) {
    const auto text = file_with(section, setting, value);
    const auto [config, problems] = read(text);
    if (has_errors(problems)) return lines_of(problems) + text;
    return kind.shown(part(*config, static_cast<const S*>(nullptr)));
}

TEST(Settings, every_setting_takes_a_value_that_is_not_its_default) {
    for_each_setting(
        []<typename S>(const Section<S>& section, const Setting<S>& setting, const auto& kind) {
            SCOPED_TRACE(fmt::format("{} {}", section.header, setting.key));
            const bool is_rule = setting.key.ends_with("_arguments");
            const auto value = is_rule ? std::string(R"(["STOR *.exe", "SITE *"])") : other(kind);
            if (!setting.required) EXPECT_NE(kind.shown(S{}), value);
            EXPECT_EQ(loaded_and_shown(section, setting, kind, value), value);
        });
}

TEST(Settings, the_default_is_the_struct_s_and_may_be_written_out) {
    for_each_setting([]<typename S, typename K>(const Section<S>& section,
                                                const Setting<S>& setting, const K& kind) {
        if (setting.required || !can_be_written<K>) return;
        SCOPED_TRACE(fmt::format("{} {}", section.header, setting.key));
        const auto initial = kind.shown(S{});
        EXPECT_EQ(loaded_and_shown(section, setting, kind, initial), initial);
        auto tables = whole_file();
        if (tables[header_of(section)].contains(std::string(setting.key))) return;
        const auto untouched = read(text_of(tables));
        ASSERT_FALSE(has_errors(untouched.problems)) << lines_of(untouched.problems);
        EXPECT_EQ(kind.shown(part(*untouched.config, static_cast<const S*>(nullptr))), initial);
    });
}

// Values just outside of a kind's bounds; a kind without bounds has none.
template <typename K>
std::vector<std::string> outside(const K&) {
    return {};
}
template <typename S>
std::vector<std::string> outside(const Number<S>& kind) {
    return {fmt::to_string(std::int64_t{kind.min} - 1), fmt::to_string(std::int64_t{kind.max} + 1)};
}
template <typename S>
std::vector<std::string> outside(const OptionalNumber<S>& kind) {
    return {fmt::to_string(std::int64_t{kind.min} - 1), fmt::to_string(std::int64_t{kind.max} + 1)};
}
template <typename S>
std::vector<std::string> outside(const Time<S>& kind) {
    std::vector<std::string> values = {fmt::format("\"{}ms\"", kind.max.count() + 1)};
    if (kind.min > Duration(0)) values.push_back(fmt::format("\"{}ms\"", kind.min.count() - 1));
    return values;
}
template <typename S>
std::vector<std::string> outside(const OptionalTime<S>& kind) {
    return {fmt::format("\"{}ms\"", kind.max.count() + 1),
            fmt::format("\"{}ms\"", kind.min.count() - 1)};
}
template <typename S>
std::vector<std::string> outside(const Size<S>& kind) {
    std::vector<std::string> values = {fmt::format("\"{}B\"", kind.max + 1)};
    if (kind.min > 0) values.push_back(fmt::format("\"{}B\"", kind.min - 1));
    return values;
}
template <typename S>
std::vector<std::string> outside(const Text<S>& kind) {
    std::vector<std::string> values = {fmt::format("\"{}\"", std::string(kind.bytes_max + 1, 'y'))};
    if (kind.bytes_min > 0) values.push_back("\"\"");
    return values;
}
template <typename S>
std::vector<std::string> outside(const Texts<S>& kind) {
    return {"\"\"", fmt::format("\"{}\"", std::string(kind.bytes_max + 1, 'y'))};
}
template <typename S>
std::vector<std::string> outside(const Name<S>& kind) {
    std::vector<std::string> values = {"\"a b\"",
                                       fmt::format("\"{}\"", std::string(name_bytes_max + 1, 'y'))};
    if (!kind.may_be_empty) values.push_back("\"\"");
    return values;
}

TEST(Settings, every_range_ends_where_it_says) {
    for_each_setting(
        []<typename S>(const Section<S>& section, const Setting<S>& setting, const auto& kind) {
            for (const auto& value : outside(kind)) {
                SCOPED_TRACE(fmt::format("{} {} = {}", section.header, setting.key, value));
                const auto problems = errors_of(file_with(section, setting, value));
                ASSERT_EQ(problems.size(), 1U) << lines_of(problems);
                const auto& problem = problems.front();
                EXPECT_TRUE(problem.where.key.ends_with(setting.key)) << problem.where.key;
                EXPECT_TRUE(problem.fix.starts_with("use " + kind.range())) << problem.fix;
            }
        });
}

TEST(Settings, every_setting_is_in_the_manual_with_its_default_and_range) {
    const auto text = manual();
    for_each_setting([&]<typename S>(const Section<S>& section, const Setting<S>& setting,
                                     const auto& kind) {
        const auto heading = section.path.empty() ? fmt::format("\n## {}\n", section.header)
                                                  : fmt::format("\n## `{}`\n", section.header);
        const auto begin = text.find(heading);
        ASSERT_NE(begin, std::string::npos) << heading;
        const auto part_of_section = text.substr(begin, text.find("\n## ", begin + 1) - begin);
        const auto initial = setting.required ? "required" : fmt::format("`{}`", kind.shown(S{}));
        const auto row = fmt::format("\n| `{}` | {} | {} | {} | {} | restart |\n", setting.key,
                                     kind.type(), initial, kind.range(), setting.meaning);
        EXPECT_TRUE(part_of_section.contains(row)) << row;
        EXPECT_TRUE(setting.meaning.ends_with('.')) << setting.key;
    });
}

TEST(Settings, no_key_stands_twice_in_a_section) {
    for_each_section([]<typename S>(const Section<S>& section) {
        std::set<std::string_view> keys(section.tables.begin(), section.tables.end());
        for (const auto& setting : section.settings)
            EXPECT_TRUE(keys.insert(setting.key).second) << section.header << ' ' << setting.key;
    });
}

}  // namespace
}  // namespace ballast::config
