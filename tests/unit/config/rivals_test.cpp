// SPDX-License-Identifier: Apache-2.0
#include "config/rivals.h"

#include "config/loading.h"
#include "config/settings.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

namespace ballast::config {
namespace {

using whole_file::listener;
using whole_file::pool;

std::string of_pool(const std::string& line) {
    return listener + "[pool.alf]\n" + line + pool.substr(11);
}

TEST(Rivals, their_keys_lead_to_ours) {
    const auto unknown = [](const std::string& key, const std::string& ours) {
        return key + ": unknown key (here it is " + ours + ")\n";
    };
    expect_all({
        {listener + pool + "maxconn = 5",
         unknown("f:10:1: pool.alf.backend[0].maxconn", "max_sessions")},
        {of_pool("server = \"10.0.0.1:21\""), unknown("f:6:1: pool.alf.server", "backend")},
        {of_pool("inter = \"5s\""), unknown("f:6:1: pool.alf.inter", "probe")},
        {of_pool("lb_algo = \"rr\""), unknown("f:6:1: pool.alf.lb_algo", "balance")},
        {of_pool("probe = { inter = \"5s\" }"),
         unknown("f:6:11: pool.alf.probe.inter", "interval")},
        {of_pool("maxconn = 5"),
         "f:6:1: pool.alf.maxconn: unknown key (write max_sessions into each "
         "[[pool.NAME.backend]])\n"},
        {listener + "maxconn = 5" + pool, unknown("f:5:1: listener.ftp.maxconn", "max_sessions")},
        {listener + "pasv_min_port = 20000" + pool,
         unknown("f:5:1: listener.ftp.pasv_min_port", "passive_ports")},
        {listener + "MasqueradeAddress = \"203.0.113.21\"" + pool,
         unknown("f:5:1: listener.ftp.MasqueradeAddress", "public_address")},
        {listener + "max-clients = 5" + pool,
         unknown("f:5:1: listener.ftp.max-clients", "max_sessions")},
        {listener + "[listener.ftp.tls]\ncertificate = \"/c\"\nrsa_private_key_file = \"/k\"" +
             pool,
         unknown("f:7:1: listener.ftp.tls.rsa_private_key_file", "key")},
        {"maxconn = 5" + listener + pool,
         "f:1:1: maxconn: unknown key (write sessions into [limits])\n"},
        {"user = \"ftp\"" + listener + pool,
         "f:1:1: user: unknown key (remove it: the service manager does that, see "
         "packaging/ballast.service)\n"},
        {"nbthread = 4" + listener + pool, unknown("f:1:1: nbthread", "workers")},
        {"frontend = \"ftp\"" + listener + pool,
         "f:1:1: frontend: unknown key (write [listener.NAME])\n"},
    });
}

TEST(Rivals, their_words_lead_to_ours) {
    const std::string policies =
        "(use \"round-robin\", \"least-transfers\", \"least-sessions\", \"least-bandwidth\", "
        "\"fastest\", \"random\", \"source-hash\", \"user-hash\" or \"first\"; did you mean ";
    const auto balance = [&](const std::string& theirs, const std::string& ours) {
        return Row{
            of_pool("balance = \"" + theirs + "\""),
            "f:6:11: pool.alf.balance: unknown word '" + theirs + "' " + policies + ours + "?)\n"};
    };
    const std::string tls = listener + "[listener.ftp.tls]\ncertificate = \"/c\"\nmin_version = ";
    expect_all({
        balance("leastconn", "least-sessions"),
        balance("roundrobin", "round-robin"),
        balance("source", "source-hash"),
        balance("wlc", "least-sessions"),
        {"[log]\nlevel = \"warn\"" + listener + pool,
         "f:2:9: log.level: unknown word 'warn' (use \"error\", \"warning\", \"info\" or "
         "\"debug\"; did you mean warning?)\n"},
        {tls + "\"TLSv1.2\"" + pool,
         "f:7:15: listener.ftp.tls.min_version: unknown word 'TLSv1.2' (use \"1.0\", \"1.1\", "
         "\"1.2\" or \"1.3\"; did you mean 1.2?)\n"},
        {of_pool("tls = { mode = \"ftps\" }"),
         "f:6:16: pool.alf.tls.mode: unknown word 'ftps' (use \"off\", \"explicit\", \"implicit\" "
         "or \"as-client\"; did you mean implicit?)\n"},
        // A rival's word for a different key with that name has no suggestion.
        {listener + "mode = \"starttls\"" + pool,
         "f:5:8: listener.ftp.mode: unknown word 'starttls' (use \"terminate\" or "
         "\"passthrough\")\n"},
    });
}

TEST(Rivals, no_word_of_theirs_is_a_key_of_ours) {
    for (const auto& section : all_sections()) {
        for (const auto& setting : section.settings)
            EXPECT_FALSE(advice_for_key(section.path, setting.key))
                << section.path << ' ' << setting.key;
        for (const auto& table : section.tables)
            EXPECT_FALSE(advice_for_key(section.path, table)) << section.path << ' ' << table;
    }
}

TEST(Rivals, suggested_keys_exist) {
    for (const auto& section : all_sections()) {
        for (const auto* const theirs : {"maxconn", "ssl", "cert", "inter", "server", "banner"}) {
            const auto advice = advice_for_key(section.path, theirs);
            const std::string begin = "here it is ";
            if (!advice || !advice->starts_with(begin)) continue;
            const auto ours = advice->substr(begin.size());
            const bool is_setting = std::ranges::any_of(
                section.settings, [&](const auto& setting) { return setting.key == ours; });
            const bool is_table = std::ranges::find(section.tables, ours) != section.tables.end();
            EXPECT_TRUE(is_setting || is_table) << section.path << ' ' << *advice;
        }
    }
}

}  // namespace
}  // namespace ballast::config
