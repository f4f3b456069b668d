// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::config {
namespace {

using whole_file::listener;
using whole_file::pool;

TEST(LoadRules, arguments_need_a_command_and_a_pattern) {
    expect_all({
        {listener + "deny_arguments = [\"STOR *.exe\", \"*.exe\"]" + pool,
         "f:5:33: listener.ftp.deny_arguments[1]: '*.exe' has no command in front (write the "
         "command and the pattern, such as \"STOR *.exe\")\n"},
        {listener + "deny_arguments = \"exe\"" + pool,
         "f:5:18: listener.ftp.deny_arguments: 'exe' has no command in front (write the command "
         "and the pattern, such as \"STOR *.exe\")\n"},
        {listener + "deny_arguments = [\"site\"]" + pool,
         "f:5:19: listener.ftp.deny_arguments[0]: 'site' has no pattern for the argument (write "
         "\"SITE *.exe\" or the like; to deny the command itself use deny_commands)\n"},
        {listener + "allow_arguments = [\"RETR\"]" + pool,
         "f:5:20: listener.ftp.allow_arguments[0]: 'RETR' has no pattern for the argument (write "
         "\"RETR *.txt\" or the like; without an entry every argument is allowed)\n"},
        {listener + "allow_arguments = [\"* *.txt\"]" + pool,
         "f:5:20: listener.ftp.allow_arguments[0]: '*' is not a command (write each command with "
         "its name, such as \"STOR\"; patterns are for arguments)\n"},
        {listener + "deny_arguments = [\"STRO *.exe\"]" + pool,
         "f:5:19: listener.ftp.deny_arguments[0]: unknown command 'STRO' (did you mean STOR?)\n"},
        {listener + "deny_arguments = [\"BOGUS *.exe\"]" + pool,
         "f:5:19: warning: listener.ftp.deny_arguments[0]: unknown command 'BOGUS' (correct it, "
         "unless your servers have a command of that name)\n"},
        {listener + "deny_arguments = [\"USER *\"]" + pool,
         "f:5:19: listener.ftp.deny_arguments[0]: without USER nobody could log in (remove it; "
         "deny_from, or a route with reject, keeps clients out)\n"},
        {listener + "deny_arguments = [\"USER root\", \"site chmod *\"]\n" +
             "allow_arguments = \"SITE UTIME *\"" + pool,
         "none"},
    });
}

TEST(LoadRules, commands_must_be_known) {
    expect_all({
        {listener + "deny_commands = [\"BOGUS\"]" + pool,
         "f:5:18: warning: listener.ftp.deny_commands[0]: unknown command 'BOGUS' (correct it, "
         "unless your servers have a command of that name)\n"},
        {listener + "allow_commands = [\"LIST\", \"RETRR\"]" + pool,
         "f:5:27: listener.ftp.allow_commands[1]: unknown command 'RETRR' (did you mean RETR?)\n"},
        {listener + "deny_commands = [\"SITE CHMOD\"]" + pool,
         "f:5:18: listener.ftp.deny_commands[0]: 'SITE CHMOD' is a command with an argument (move "
         "it to deny_arguments)\n"},
        {listener + "allow_commands = \"SITE CHMOD\"" + pool,
         "f:5:18: listener.ftp.allow_commands: 'SITE CHMOD' is a command with an argument (move it "
         "to allow_arguments)\n"},
        {listener + "deny_commands = [\"ST*\"]" + pool,
         "f:5:18: listener.ftp.deny_commands[0]: 'ST*' is not a command (write each command with "
         "its name, such as \"STOR\"; patterns are for arguments)\n"},
        {listener + "deny_commands = [\"pass\"]" + pool,
         "f:5:18: listener.ftp.deny_commands[0]: without PASS nobody could log in (remove it; "
         "deny_from, or a route with reject, keeps clients out)\n"},
        {listener + "allow_commands = [\"RETR\", \"STOR\"]\ndeny_commands = \"stor\"" + pool,
         "f:5:27: warning: listener.ftp.allow_commands[1]: STOR is in deny_commands too, which "
         "decides (remove one of them)\n"},
        {listener + "deny_commands = [\"SITE\", \"xsha256\"]\nallow_commands = [\"RETR\"]" + pool,
         "none"},
    });
}

TEST(LoadRules, a_match_needs_a_condition) {
    const std::string route = "[[listener.ftp.route]]\npool = \"alf\"\n";
    const std::string of = "listener.ftp.route[0].match";
    expect_all({
        {listener + route + "match = {}" + pool,
         "f:7:9: warning: " + of +
             ": match is empty, so the route takes every session (say what has to "
             "match, or remove match if this is intended)\n"},
        {listener + route + "[listener.ftp.route.match]" + pool,
         "f:7:1: warning: " + of +
             ": match is empty, so the route takes every session (say what has to "
             "match, or remove match if this is intended)\n"},
        {listener + route + "match = { user = [], network = \"10.0.0.0/8\" }" + pool,
         "f:7:18: warning: " + of +
             ".user: user is empty, so it asks for nothing (name at least one, or "
             "remove user)\n"},
        {listener + route + pool, "none"},
    });
}

TEST(LoadRules, finds_the_place_of_a_key_behind_the_last_backend) {
    const auto up = [](const std::string& key, const std::string& kind) {
        return key + " is a " + kind +
               " of [pool.alf] and does nothing here (move it up to "
               "[pool.alf], before the first [[pool.alf.backend]])\n";
    };
    expect_all({
        {listener + pool + "balance = \"first\"",
         "f:10:1: pool.alf.backend[0].balance: " + up("balance", "key")},
        {listener + pool + "probe = { type = \"tcp\" }",
         "f:10:1: pool.alf.backend[0].probe: " + up("probe", "table")},
        {listener + pool + "resolve_interval = \"5s\"",
         "f:10:1: pool.alf.backend[0].resolve_interval: " + up("resolve_interval", "key")},
        {listener + pool + "idle_timeout = \"5s\"",
         "f:10:1: pool.alf.backend[0].idle_timeout: idle_timeout is a key of [listener.NAME] and "
         "does nothing here (move it to [listener.NAME])\n"},
        {listener + pool + "workers = 2",
         "f:10:1: pool.alf.backend[0].workers: workers is a key of the whole file and does nothing "
         "here (move it up to the top of the file, before the first table)\n"},
        {listener + pool + "[pool.alf.probe]\nslow_start = \"5s\"",
         "f:11:1: pool.alf.probe.slow_start: slow_start is a key of [pool.alf] and does nothing "
         "here (move it up to [pool.alf], before [pool.alf.probe])\n"},
        {listener + pool + "passive_ports = \"20000-20099\"",
         "f:10:17: warning: pool.alf.backend[0].passive_ports: passive_ports of a backend have no "
         "effect: "
         "no passthrough listener leads to it (move them up to the listener if clients are to be "
         "told these ports, or remove them)\n"},
    });
}

TEST(LoadRules, finds_the_table_of_a_misplaced_key) {
    const auto moved = [](const std::string& key, const std::string& home) {
        return key + " is a key of " + home + " and does nothing here (move it to " + home + ")\n";
    };
    expect_all({
        {listener + "[pool.alf]\nlogin_timeout = \"5s\"" + pool.substr(11),
         "f:6:1: pool.alf.login_timeout: " + moved("login_timeout", "[listener.NAME]")},
        {listener + "[pool.alf]\npassive_ports = \"20000-20099\"" + pool.substr(11),
         "f:6:1: pool.alf.passive_ports: " + moved("passive_ports", "[listener.NAME]")},
        {listener + "[pool.alf]\nweight = 2" + pool.substr(11),
         "f:6:1: pool.alf.weight: " + moved("weight", "[[pool.alf.backend]]")},
        {listener + "[pool.alf]\nrise = 2" + pool.substr(11),
         "f:6:1: pool.alf.rise: " + moved("rise", "[pool.alf.probe]")},
        {listener + "certificate = \"/c.pem\"" + pool,
         "f:5:1: listener.ftp.certificate: " + moved("certificate", "[listener.ftp.tls]")},
        {listener + "slow_start = \"5s\"" + pool,
         "f:5:1: listener.ftp.slow_start: " + moved("slow_start", "[pool.NAME]")},
        {"balance = \"first\"" + listener + pool,
         "f:1:1: balance: " + moved("balance", "[pool.NAME]")},
        {"[limits]\nworkers = 2" + listener + pool,
         "f:2:1: limits.workers: workers is a key of the whole file and does nothing here (move it "
         "up to the top of the file, before the first table)\n"},
        {"[limits]\nlevel = \"info\"" + listener + pool,
         "f:2:1: limits.level: " + moved("level", "[log]")},
        {listener + "log = { level = \"info\" }" + pool,
         "f:5:1: listener.ftp.log: log is a table of the whole file and does nothing here (write "
         "it "
         "as [log])\n"},
    });
}

}  // namespace
}  // namespace ballast::config
