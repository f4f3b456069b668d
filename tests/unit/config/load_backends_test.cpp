// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::config {
namespace {

const std::string pool_file = R"([listener.ftp]
bind = ["127.0.0.1:21"]
pool = "alf"
[pool.alf]
backends_file = "f"
[pool.alf.tls]
mode = "explicit"
ca = "/ca.pem"
[[pool.alf.backend]]
name = "alf1"
address = "10.0.0.11"
[[pool.alf.backend]]
name = "srv"
srv = "_ftp._tcp.example.com"
)";

Pool pool() { return loaded(pool_file).pools.at(0); }

std::string backends_problems(std::string_view text) {
    return problems_of(load_backends(text, pool()));
}

TEST(LoadBackends, reads_all_settings_of_a_pools_backends) {
    const auto backends = load_backends(R"(# two more
[[backend]]
name = "alf2"
address = "10.0.0.12:2121"
weight = 3
max_sessions = 7
backup = true
tls = { mode = "implicit", server_name = "alf2.example.org" }
[[backend]]
name = "alf3"
srv = "_ftp._tcp.example.org"
)",
                                        pool());
    ASSERT_EQ(problems_of(backends), "none");
    ASSERT_EQ(backends->size(), 2U);
    const auto& alf2 = (*backends)[0];
    EXPECT_EQ(alf2.where.key, "backend[0]");
    EXPECT_EQ(alf2.where.line, 2U);
    EXPECT_EQ(alf2.name, "alf2");
    EXPECT_EQ(alf2.host, "10.0.0.12");
    EXPECT_EQ(alf2.port, 2121);
    EXPECT_EQ(alf2.weight, 3U);
    EXPECT_TRUE(alf2.has_weight);
    EXPECT_EQ(alf2.max_sessions, 7U);
    EXPECT_TRUE(alf2.backup);
    EXPECT_EQ(alf2.tls.mode, BackendTlsMode::implicit_tls);
    EXPECT_EQ(alf2.tls.server_name, "alf2.example.org");
    EXPECT_EQ(alf2.tls.ca, "/ca.pem");
    EXPECT_EQ((*backends)[1].srv, "_ftp._tcp.example.org");
    EXPECT_EQ((*backends)[1].tls.mode, BackendTlsMode::explicit_tls);
}

TEST(LoadBackends, a_file_has_one_unless_the_pool_allows_an_empty_file) {
    for (const auto* const text : {"", "# none", "\n\n", "backend = []"})
        EXPECT_EQ(backends_problems(text),
                  "f:1:1: backend: there is no backend in this file (add a [[backend]] table, or "
                  "may_be_empty = true to the pool if this is intended)\n")
            << text;
    auto of_pool = pool();
    of_pool.may_be_empty = true;
    const auto backends = load_backends("", of_pool);
    ASSERT_EQ(problems_of(backends), "none");
    EXPECT_TRUE(backends->empty());
}

TEST(LoadBackends, finds_problems_in_the_file) {
    const std::string one = "[[backend]]\nname = \"a\"\naddress = \"a\"\n";
    const std::string missing =
        "f:1:1: backend[0].address: address is missing (add address = \"HOST:PORT\" or \"HOST\", "
        "or srv = \"_ftp._tcp.example.com\")\n"
        "f:1:1: backend[0].name: name is missing (add name, a string: 1 to 64 letters, digits, "
        "'-' and '_')\n";
    const std::vector<Row> table = {
        {"[[backend]",
         "f:1:11: error while parsing table header: encountered end-of-file "
         "(correct the TOML here; the rest is checked after that)\n"},
        {"[[backend]]\n", missing},
        {"[backend]\nname = \"a\"",
         "f:1:1: backend: backend is a table (write [[backend]], in double brackets)\n"},
        {"backend = [5]",
         "f:1:12: backend[0]: a backend is an integer (write each backend as a table with name "
         "and address)\n"},
        {"[[backends]]\n" + one.substr(12),
         "f:1:3: backends: unknown key (did you mean backend?)\n"},
        {"workers = 5\n" + one,
         "f:1:1: workers: unknown key (remove it; the keys here are backend)\n"},
        {one + "wieght = 5", "f:4:1: backend[0].wieght: unknown key (did you mean weight?)\n"},
        {one + one,
         "f:5:8: backend[1].name: 'a' is also the name of backend[0] (choose another)\n"
         "f:6:11: backend[1].address: a:21 is also the address of backend[0] (remove one; to give "
         "a server more sessions, raise its weight)\n"},
        {one + "tls = { mode = \"on\" }",
         "f:4:16: backend[0].tls.mode: unknown word 'on' (use \"off\", \"explicit\", "
         "\"implicit\" or \"as-client\"; did you mean explicit?)\n"},
    };
    for (const auto& row : table) EXPECT_EQ(backends_problems(row.text), row.problems) << row.text;
}

TEST(LoadBackends, differ_from_those_of_the_pool) {
    EXPECT_EQ(backends_problems("[[backend]]\nname = \"alf1\"\naddress = \"10.0.0.11:21\"\n"
                                "[[backend]]\nname = \"b\"\nsrv = \"_ftp._tcp.example.com\"\n"),
              "f:2:8: backend[0].name: 'alf1' is also the name of pool.alf.backend[0] (choose "
              "another)\n"
              "f:3:11: backend[0].address: 10.0.0.11:21 is also the address of pool.alf.backend[0] "
              "(remove one; to give a server more sessions, raise its weight)\n"
              "f:6:7: backend[1].srv: _ftp._tcp.example.com is also the srv of pool.alf.backend[1] "
              "(remove one; to give a server more sessions, raise its weight)\n");
}

TEST(LoadBackends, find_contradictions_with_the_pool) {
    const std::string one = "[[backend]]\nname = \"a\"\naddress = \"a\"\n";
    const std::string versions =
        "min_version 1.3 is newer than max_version 1.2 (lower min_version or raise max_version)\n";
    auto of_pool = pool();
    of_pool.tls.max_version = base::TlsVersion::tls_1_2;
    EXPECT_EQ(problems_of(load_backends(one + "tls = { min_version = \"1.3\" }", of_pool)),
              "f:4:23: backend[0].tls.min_version: " + versions);
    EXPECT_EQ(backends_problems(one + "tls = { mode = \"off\", ca = \"c\" }"),
              "f:4:28: backend[0].tls.ca: ca has no effect while mode is \"off\" (use mode = "
              "\"explicit\", \"implicit\" or \"as-client\", or remove ca)\n");
    // The pool's own contradiction is not reported, because it has no backends itself.
    of_pool.tls.min_version = base::TlsVersion::tls_1_3;
    EXPECT_EQ(problems_of(load_backends(one, of_pool)),
              "f:1:1: backend[0].tls.min_version: " + versions);
}

}  // namespace
}  // namespace ballast::config
