// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::config {
namespace {

using whole_file::listener;
using whole_file::pool;

TEST(LoadWarnings, a_pool_that_is_never_used) {
    const std::string b = "[[pool.b.backend]]\nname = \"b\"\naddress = \"10.0.0.12\"\n";
    const std::string unused =
        ": no listener, route or fallback leads to this pool (name it in pool of a listener or a "
        "route, or remove it)\n";
    expect_all({
        {listener + pool + "[pool.b]\n" + b, "f:10:1: warning: pool.b" + unused},
        // A fallback of an unused pool serves nobody either.
        {listener + pool + "[pool.b]\nfallback = \"c\"\n" + b +
             "[[pool.c.backend]]\nname = \"c\"\naddress = \"10.0.0.13\"\n",
         "f:10:1: warning: pool.b" + unused + "f:15:1: warning: pool.c" + unused},
        {listener + "[pool.alf]\nfallback = \"b\"" + pool.substr(11) + "[pool.b]\n" + b, "none"},
        {listener + "[[listener.ftp.route]]\npool = \"b\"\nmatch = { user = \"x\" }" + pool +
             "[pool.b]\n" + b,
         "none"},
        // The target is not known here.
        {"[listener.ftp]\nbind = [\"127.0.0.1:21\"]\npool = 5" + pool,
         "f:3:8: listener.ftp.pool: pool is an integer (use a string: 0 to 64 letters, digits, "
         "'-' and '_')\n"},
    });
}

TEST(LoadWarnings, a_pool_with_backups_only) {
    const std::string second = "[[pool.alf.backend]]\nname = \"alf2\"\naddress = \"10.0.0.12\"\n";
    expect_all({
        {listener + pool + "backup = true\n" + second + "backup = true",
         "f:10:10: warning: pool.alf.backend[0].backup: all backends of the pool are backup, so "
         "none comes before another (remove backup from those that serve first)\n"},
        {listener + pool + "backup = true\n" + second, "none"},
        // The content of the file is not known here.
        {listener + "[pool.alf]\nbackends_file = \"/b\"" + pool.substr(11) + "backup = true",
         "none"},
    });
}

TEST(LoadWarnings, a_text_with_its_own_code) {
    expect_all({
        {listener + "greeting = \"220 Welcome\"" + pool,
         "f:5:12: warning: listener.ftp.greeting: clients will see \"220 220 Welcome\": Ballast "
         "adds the code (write \"Welcome\")\n"},
        {listener + "greeting = \"220-Welcome\"" + pool,
         "f:5:12: warning: listener.ftp.greeting: clients will see \"220 220-Welcome\": Ballast "
         "adds the code (write \"Welcome\")\n"},
        {listener + "system = \"215 UNIX Type: L8\"" + pool,
         "f:5:10: warning: listener.ftp.system: clients will see \"215 215 UNIX Type: L8\": "
         "Ballast adds the code (write \"UNIX Type: L8\")\n"},
        {listener + "greeting = \"2200 files\"\nsystem = \"215\"" + pool, "none"},
    });
}

TEST(LoadWarnings, proxies_that_may_be_anybody) {
    const std::string fix =
        " lets every client claim to be another one (name only the networks of the proxies)\n";
    expect_all({
        {listener + "proxy_from = \"0.0.0.0/0\"" + pool,
         "f:5:14: warning: listener.ftp.proxy_from: 0.0.0.0/0" + fix},
        {listener + "proxy_from = [\"10.0.0.0/8\", \"::/0\"]" + pool,
         "f:5:14: warning: listener.ftp.proxy_from: ::/0" + fix},
        {listener + "proxy_from = [\"10.0.0.0/8\", \"fd00::/8\"]" + pool, "none"},
    });
}

TEST(LoadWarnings, a_range_of_one_port) {
    expect_all({
        {listener + "passive_ports = \"20000\"" + pool,
         "f:5:17: warning: listener.ftp.passive_ports: 20000 is one port, which one client address "
         "can use for one transfer at a time (use a range, such as \"20000-20099\")\n"},
        {listener + "passive_ports = \"65535-65535\"" + pool,
         "f:5:17: warning: listener.ftp.passive_ports: 65535 is one port, which one client address "
         "can use for one transfer at a time (use a range, such as \"20000-20099\")\n"},
        {listener + "[pool.alf]\nbackend_data = \"port\"\ndata_ports = \"30000\"" + pool.substr(11),
         "f:7:14: warning: pool.alf.data_ports: 30000 is one port, which one backend can use for "
         "one transfer at a time (use a range, such as \"30000-30099\")\n"},
    });
}

TEST(Load, needs_a_separate_file_for_each_log) {
    const std::string fix = " (give each log its own file: their formats differ)\n";
    const std::string logs = "[transfer_log]\nxferlog = \"/var/log/t\"\njson = ";
    expect_all({
        {logs + "\"/var/log/t\"" + listener + pool,
         "f:3:8: transfer_log.json: /var/log/t is also the file of transfer_log.xferlog" + fix},
        {logs + "\"/var/./log/../log/t\"" + listener + pool,
         "f:3:8: transfer_log.json: /var/./log/../log/t is also the file of transfer_log.xferlog" +
             fix},
        {logs + "\"/var/log/u\"\n[log]\nfile = \"/var/log/t\"" + listener + pool,
         "f:2:11: transfer_log.xferlog: /var/log/t is also the file of log.file" + fix},
        {logs + "\"/var/log/u\"" + listener + pool, "none"},
    });
}

TEST(Load, needs_whole_paths_for_what_daemon_and_operator_share) {
    expect_all({
        {"[admin]\nsocket = \"run/sock\"" + listener + pool,
         "f:2:10: admin.socket: run/sock is not a whole path (begin it with \"/\", or write "
         "\"none\" for no socket)\n"},
        {"[admin]\nstate_file = \"state.json\"" + listener + pool,
         "f:2:14: admin.state_file: state.json is not a whole path (begin it with \"/\")\n"},
        {"[admin]\nsocket = \"none\"\nstate_file = \"/x\"" + listener + pool, "none"},
        {"[admin]\nsocket = \"/run/sock\"" + listener + pool, "none"},
    });
}

}  // namespace
}  // namespace ballast::config
