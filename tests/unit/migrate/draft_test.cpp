// SPDX-License-Identifier: Apache-2.0
#include "migrate/draft.h"

#include "config/load.h"
#include "migrate/names.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::migrate {
namespace {

using namespace std::chrono_literals;

Draft small_draft() {
    Draft draft;
    draft.listeners.push_back({.name = "ftp", .settings = {}, .tls = {}, .routes = {}});
    draft.listeners[0].settings.set("bind", Value::texts({"127.0.0.1:21"}), "a.conf:1: here");
    draft.listeners[0].settings.set("pool", Value::text("files"));
    DraftPool pool;
    pool.name = "files";
    pool.backends.push_back({.name = "one", .settings = {}, .tls = {}});
    pool.backends[0].settings.set("address", Value::text("192.0.2.1:2121"));
    draft.pools.push_back(pool);
    return draft;
}

std::string errors_in(const std::string& text) {
    std::string errors;
    for (const auto& problem : config::read(text).problems)
        errors += config::to_string(problem, "f") + '\n';
    return errors;
}

TEST(DraftTest, ASmallOneIsWrittenWithItsComments) {
    EXPECT_EQ(written(small_draft()),
              "[listener.ftp]\n"
              "# a.conf:1: here\n"
              "bind = [\"127.0.0.1:21\"]\n"
              "pool = \"files\"\n"
              "\n"
              "[pool.files]\n"
              "\n"
              "[[pool.files.backend]]\n"
              "name = \"one\"\n"
              "address = \"192.0.2.1:2121\"\n");
    EXPECT_EQ(errors_in(written(small_draft())), "");
}

TEST(DraftTest, EveryTableIsWrittenWhereTomlWantsIt) {
    auto draft = small_draft();
    draft.preface = {"First line.", "Second line."};
    draft.top.set("workers", Value::number(2));
    draft.log.set("level", Value::text("debug"));
    draft.transfer_log.set("xferlog", Value::text("/x"));
    draft.admin.set("state_file", Value::text("/s"));
    draft.limits.set("sessions", Value::number(9));
    DraftRoute route;
    route.settings.set("pool", Value::text("files"));
    route.match.set("user", Value::texts({"a", "b"}));
    draft.listeners[0].routes = {route, route};
    draft.listeners[0].tls.set("certificate", Value::text("/c"));
    auto& pool = draft.pools[0];
    pool.settings.set("slow_start", Value::time(90s));
    draft.listeners[0].settings.set("free_bind", Value::flag(true));
    pool.settings.set("reply_bytes_max", Value::size(131072));
    pool.stick.set("by", Value::text("network"));
    pool.queue.set("timeout", Value::time(3s));
    pool.observe.set("failures", Value::number(1));
    pool.probe.set("type", Value::text("tcp"));
    pool.tls.set("mode", Value::text("explicit"));
    pool.backends[0].tls.set("verify", Value::text("none"));
    const auto text = written(draft);
    const auto [config, problems] = config::read(text);
    EXPECT_EQ(errors_in(text), "") << text;
    ASSERT_TRUE(config);
    EXPECT_TRUE(text.starts_with("# First line.\n# Second line.\nworkers = 2\n")) << text;
    EXPECT_EQ(config->listeners[0].routes[1].match.user, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(config->pools[0].slow_start, 90s);
    EXPECT_EQ(config->pools[0].backends[0].tls.verify, config::BackendVerify::none);
    EXPECT_EQ(config->pools[0].tls.verify, config::BackendVerify::full);
}

TEST(DraftTest, WhateverCommentsAndTextsContainTheFileStaysValid) {
    const std::string nasty[] = {"a\nbind = []",       "\"]\n[pool.x]", R"(\u0041\)", "\x80\xff",
                                 std::string("\0", 1), "\x1b[2J\x7f",   "'''\"\"\""};
    for (const auto& text : nasty) {
        auto draft = small_draft();
        draft.preface = {text};
        draft.listeners[0].settings.note(text);
        draft.listeners[0].settings.set("pool", Value::text("files"), text);
        draft.pools[0].backends[0].settings.note(text);
        EXPECT_EQ(errors_in(written(draft)), "") << written(draft);
    }
    auto draft = small_draft();
    draft.listeners[0].settings.set("greeting", Value::text(R"(say "no\yes" 'now')"));
    const auto config = config::read(written(draft)).config;
    ASSERT_TRUE(config);
    EXPECT_EQ(config->listeners[0].greeting, R"(say "no\yes" 'now')");
}

TEST(DraftTest, LongCommentsAndListsAreWrapped) {
    auto draft = small_draft();
    std::string comment;
    std::vector<std::string> networks;
    for (int i = 0; i < 60; ++i) {
        comment += "word ";
        networks.push_back("10.0." + std::to_string(i) + ".0/24");
    }
    draft.preface = {comment, std::string(300, 'x') + " end", std::string(5000, 'y')};
    draft.listeners[0].settings.set("allow_from", Value::texts(networks));
    const auto text = written(draft);
    EXPECT_EQ(errors_in(text), "") << text;
    EXPECT_NE(text.find("\n    \"10.0.59.0/24\",\n]"), std::string::npos) << text;
    EXPECT_NE(text.find("# " + std::string(300, 'x') + "\n# end\n"), std::string::npos) << text;
    EXPECT_LT(text.find("word\n# word"), 101U) << text;
}

TEST(DraftTest, ALaterValueReplacesAnEarlierOne) {
    Settings settings;
    settings.set("a", Value::number(1));
    settings.set("b", Value::number(2));
    settings.set("a", Value::number(3));
    ASSERT_EQ(settings.all().size(), 2U);
    EXPECT_EQ(settings.find("a")->value.toml(), "3");
    settings.remove("a");
    EXPECT_EQ(settings.find("a"), nullptr);
}

TEST(NamesTest, AreValidAndUniqueWhateverIsWanted) {
    Names names;
    EXPECT_EQ(names.make("files", "x"), "files");
    EXPECT_EQ(names.make("files", "x"), "files-2");
    EXPECT_EQ(names.make("files-3", "x"), "files-3");
    EXPECT_EQ(names.make("files", "x"), "files-4");
    EXPECT_EQ(names.make("files-2", "x"), "files-2-2");
    EXPECT_EQ(names.make("192.0.2.1:21", "x"), "192-0-2-1-21");
    EXPECT_EQ(names.make("\n\"a\" b..c", "x"), "a-b-c");
    EXPECT_EQ(names.make("[::]", "pool"), "pool");
    EXPECT_EQ(names.make("", "pool"), "pool-2");
    const auto longest = names.make(std::string(200, 'a'), "x");
    EXPECT_LE(longest.size(), 64U);
    EXPECT_LE(names.make(std::string(200, 'a'), "x").size(), 64U);
}

}  // namespace
}  // namespace ballast::migrate
