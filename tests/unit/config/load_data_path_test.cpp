// SPDX-License-Identifier: Apache-2.0
// Where a pool's connections come from, and which way its data go.
#include "config/loading.h"

namespace ballast::config {
namespace {

const std::string backend = "[[pool.alf.backend]]\nname = \"a\"\naddress = \"10.0.0.11\"\n";

std::string file(const std::string& pool, const std::string& of_backend = "") {
    return whole_file::listener + "[pool.alf]\n" + pool + "\n" + backend + of_backend;
}

TEST(LoadSource, reads_what_may_be_said) {
    const auto source_of = [](const std::string& value) {
        return loaded(file("source = " + value)).pools.at(0).source;
    };
    EXPECT_EQ(source_of("\"system\""), Source{});
    EXPECT_EQ(source_of("\"client\""), (Source{Source::Kind::client, {}}));
    const auto ip = base::Ip::parse("192.0.2.7").value();
    EXPECT_EQ(source_of("\"192.0.2.7\""), (Source{Source::Kind::addresses, {ip}}));
    EXPECT_EQ(source_of("[\"192.0.2.7\", \"::1\"]"),
              (Source{Source::Kind::addresses, {ip, base::Ip::parse("::1").value()}}));
}

TEST(LoadSource, refuses_other_words) {
    const std::string right =
        " is not an address (write addresses of this machine, or \"client\" or \"system\")\n";
    expect({
        {file("source = \"me\""), "f:6:10: pool.alf.source: 'me'" + right},
        {file("source = [\"client\"]"), "f:6:11: pool.alf.source[0]: 'client'" + right},
        {file("source = 7"),
         "f:6:10: pool.alf.source: source is an integer (use a string or array of strings: "
         "\"system\", \"client\", or addresses of this machine)\n"},
    });
}

TEST(LoadDataPath, direct_data_contradict_what_happens_in_ballast) {
    expect({
        {file("data = \"direct\"\nfailover = \"transfer\""),
         "f:7:12: pool.alf.failover: downloads cannot go on elsewhere, because data = \"direct\" "
         "takes them past Ballast (use failover = \"session\", or data = \"relay\")\n"},
        {file("data = \"direct\"\ntls = { mode = \"explicit\" }"),
         "f:7:16: pool.alf.tls.mode: TLS to the backends cannot be had with data = \"direct\": "
         "clients would have to speak it on their data connections (use data = \"relay\", or a "
         "listener with mode = \"passthrough\")\n"},
        {file("data = \"direct\"") + "[listener.ftp.tls]\ncertificate = \"c\"",
         "f:10:1: listener.ftp.tls: the listener ends TLS, and leads to pool \"alf\", whose data "
         "are direct: its backends do not know of the clients' TLS (use data = \"relay\" there, or "
         "a listener without tls)\n"},
    });
    EXPECT_EQ(problems_of(file("data = \"direct\"\nfailover = \"session\"",
                               "data_address = \"203.0.113.5\"")),
              "none");
}

TEST(LoadDataPath, a_fallback_counts_like_the_pool_itself) {
    const auto text = file("fallback = \"b\"") +
                      "[pool.b]\ndata = \"direct\"\n[[pool.b.backend]]\nname = \"b\"\n"
                      "address = \"b\"\n[listener.ftp.tls]\ncertificate = \"c\"";
    EXPECT_TRUE(problems_of(text).contains("leads to pool \"b\", whose data are direct"));
}

TEST(LoadDataPath, warns_of_what_has_no_effect) {
    const auto warned = [](const std::string& text) { return lines_of(read(text).problems); };
    EXPECT_TRUE(warned(file("", "data_address = \"203.0.113.5\""))
                    .contains("data_address has no effect without data = \"direct\""));
    EXPECT_TRUE(warned(file("data = \"direct\"\nbackend_data = \"epsv\""))
                    .contains("backend_data has no effect with data = \"direct\""));
    EXPECT_TRUE(warned(file("", "weight = 0"))
                    .contains("all backends of the pool have weight 0, so new sessions are "
                              "refused"));
}

}  // namespace
}  // namespace ballast::config
