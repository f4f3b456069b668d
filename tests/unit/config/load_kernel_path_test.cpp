// SPDX-License-Identifier: Apache-2.0
// What keeps transfers from the kernel although `data_path` asks for it.
#include "config/check_kernel_path.h"
#include "config/loading.h"

namespace ballast::config {
namespace {

struct Parts {
    std::string listener = {};
    std::string pool = {};
    std::string backend = {};
    std::string more = {};
    std::string data_path = "kernel";
    std::string bind = "192.0.2.1:21";
    std::string address = "198.51.100.11";
    std::string data_ports = "data_ports = \"30000-30099\"";
};

/// A file that the kernel could carry everything of, but for these parts.
std::string file(const Parts& parts) {
    return "[listener.ftp]\nbind = [\"" + parts.bind + "\"]\npool = \"alf\"\ndata_path = \"" +
           parts.data_path + "\"\n" + parts.listener + "\n[pool.alf]\n" + parts.data_ports + "\n" +
           parts.pool + "\n[[pool.alf.backend]]\nname = \"f1\"\naddress = \"" + parts.address +
           "\"\n" + parts.backend + "\n" + parts.more;
}

std::string said(const Parts& parts) { return lines_of(read(file(parts)).problems); }

TEST(LoadKernelPath, nothing_is_said_of_what_the_kernel_can_carry) {
    EXPECT_EQ(said({}), "none");
    EXPECT_EQ(said({.data_path = "auto"}), "none");
    EXPECT_TRUE(limits_of_kernel_path(loaded(file({.data_path = "auto"}))).empty());
    // Data may be plain.
    EXPECT_EQ(said({.pool = "tls.mode = \"explicit\"\ntls.verify = \"none\""}), "none");
    EXPECT_EQ(said({.listener = "tls = { certificate = \"c\", require = \"login\" }"}), "none");
    // A name may have addresses of both families.
    EXPECT_EQ(said({.bind = "[2001:db8::1]:21", .address = "f1.example.com"}), "none");
    EXPECT_EQ(said({.listener = "proxy_from = [\"10.0.0.0/8\"]"}), "none");
    EXPECT_EQ(said({.listener = "session_bandwidth = \"1MiB\"", .data_path = "relay"}), "none");
}

TEST(LoadKernelPath, kernel_is_an_error_where_the_kernel_carries_nothing) {
    const std::string tail = " transfer of listener.ftp goes through the kernel (";
    const std::string or_relay = ", or use data_path = \"relay\")\n";
    const std::string limit =
        "the kernel knows no limit of bandwidth, so no" + tail + "remove the limit" + or_relay;
    const auto row = [&](const Parts& parts, const std::string& place, const std::string& reason,
                         const std::string& cure) {
        EXPECT_EQ(said(parts), place + reason + ", so no" + tail + cure + or_relay);
    };
    EXPECT_EQ(said({.listener = "bandwidth = \"1MiB\""}),
              "f:5:13: listener.ftp.bandwidth: " + limit);
    EXPECT_EQ(said({.listener = "session_bandwidth = \"1MiB\""}),
              "f:5:21: listener.ftp.session_bandwidth: " + limit);
    EXPECT_EQ(said({.more = "[limits]\nuser_bandwidth = \"1MiB\""}),
              "f:14:18: limits.user_bandwidth: " + limit);
    EXPECT_EQ(said({.backend = "bandwidth = \"1MiB\""}),
              "f:12:13: pool.alf.backend[0].bandwidth: " + limit);
    row({.listener = "tls = { certificate = \"c\", require = \"login-and-data\" }"},
        "f:5:38: listener.ftp.tls.require: ", "only Ballast can decrypt the data",
        "use require = \"login\" or \"none\"");
    row({.pool = "source = \"client\""},
        "f:8:10: pool.alf.source: ", "the servers expect the clients' own addresses",
        "use source = \"system\"");
    row({.pool = "send_proxy = \"v2\""},
        "f:8:14: pool.alf.send_proxy: ", "the servers expect a PROXY header", "remove send_proxy");
    row({.pool = "backend_data = \"as-client\""},
        "f:8:16: pool.alf.backend_data: ", "the servers get the clients' own dialog",
        "use backend_data = \"auto\"");
    row({.pool = "data = \"direct\""},
        "f:8:8: pool.alf.data: ", "data = \"direct\" takes precedence", "use data = \"relay\"");
    row({.pool = "tls = { mode = \"explicit\", verify = \"none\", data = \"always\" }"},
        "f:8:52: pool.alf.tls.data: ",
        "the server's data are always under TLS, which only Ballast can speak",
        "use data = \"as-client\" or \"never\"");
}

TEST(LoadKernelPath, addresses_that_are_not_forwarded_or_not_translated) {
    EXPECT_EQ(said({.bind = "127.0.0.1:21"}),
              "f:2:8: listener.ftp.bind: clients of a loopback address are on this machine, and "
              "their packets are not forwarded, so no IPv4 transfer of listener.ftp goes through "
              "the kernel (bind an address that other machines reach, or use data_path = "
              "\"relay\")\n");
    EXPECT_EQ(said({.address = "127.0.0.11"}),
              "f:11:11: pool.alf.backend[0].address: packets to a loopback or link-local address "
              "are not forwarded, so no transfer of listener.ftp goes through the kernel (name an "
              "address that can be routed, or use data_path = \"relay\")\n");
    EXPECT_EQ(said({.bind = "[2001:db8::1]:21"}),
              "f:11:11: pool.alf.backend[0].address: the kernel does not translate between IPv4 "
              "and IPv6, so no IPv6 transfer of listener.ftp goes through the kernel (give the "
              "pool servers with IPv6 addresses, or use data_path = \"relay\")\n");
    EXPECT_EQ(said({.listener = "proxy_from = [\"0.0.0.0/0\"]"}),
              "f:5:14: warning: listener.ftp.proxy_from: 0.0.0.0/0 lets every client claim to be "
              "another one (name only the networks of the proxies)\n"
              "f:5:14: listener.ftp.proxy_from: every client comes through a proxy, so no IPv4 "
              "transfer of listener.ftp goes through the kernel (name only the networks of the "
              "proxies, or use data_path = \"relay\")\n");
}

TEST(LoadKernelPath, kernel_is_a_warning_where_the_kernel_carries_some) {
    EXPECT_EQ(said({.data_ports = ""}),
              "f:6:1: warning: pool.alf.data_ports: the pool has no data_ports to tell the "
              "servers, so no PORT or EPRT transfer of listener.ftp to pool \"alf\" goes through "
              "the kernel (add some, such as data_ports = \"30000-30099\", or use data_path = "
              "\"auto\")\n");
    EXPECT_EQ(said({.pool = "data_peer = \"any\""}),
              "f:8:13: warning: pool.alf.data_peer: a rule of the kernel is for one address, so no "
              "PORT or EPRT transfer of listener.ftp to pool \"alf\" goes through the kernel (use "
              "data_peer = \"exact\", or use data_path = \"auto\")\n");
    EXPECT_EQ(
        said({.listener = "data_peer = \"any\""}),
        "f:5:13: warning: listener.ftp.data_peer: a rule of the kernel is for one address, so "
        "no PASV or EPSV transfer of listener.ftp goes through the kernel (use data_peer = "
        "\"exact\", or use data_path = \"auto\")\n");
    const std::string second = "[[pool.alf.backend]]\nname = \"f2\"\naddress = \"198.51.100.12\"\n";
    EXPECT_EQ(
        said({.pool = "failover = \"transfer\"", .more = second}),
        "f:8:12: warning: pool.alf.failover: a download could not go on with another server, "
        "and PASV does not say the direction, so no download and no PASV or EPSV transfer of "
        "listener.ftp to pool \"alf\" goes through the kernel (use failover = \"session\", or "
        "use data_path = \"auto\")\n");
    EXPECT_EQ(said({.backend = "bandwidth = \"1MiB\"", .more = second}),
              "f:12:13: warning: pool.alf.backend[0].bandwidth: the kernel knows no limit of "
              "bandwidth, so no transfer of listener.ftp to server \"f1\" goes through the kernel "
              "(remove the limit, or use data_path = \"auto\")\n");
    EXPECT_EQ(said({.more = "[[pool.alf.backend]]\nname = \"f2\"\naddress = \"[2001:db8::2]\"\n"}),
              "f:15:11: warning: pool.alf.backend[1].address: the kernel does not translate "
              "between IPv4 and IPv6, so no IPv4 transfer of listener.ftp to f2 goes through the "
              "kernel (give the pool servers with IPv4 addresses, or use data_path = \"auto\")\n");
    // A pool that is not in its way is one of several.
    EXPECT_EQ(said({.pool = "fallback = \"other\"",
                    .more = "[pool.other]\ndata = \"direct\"\n[[pool.other.backend]]\nname = "
                            "\"o1\"\naddress = \"198.51.100.13\"\n"}),
              "f:14:8: warning: pool.other.data: data = \"direct\" takes precedence, so no "
              "transfer of listener.ftp to pool \"other\" goes through the kernel (use data = "
              "\"relay\", or use data_path = \"auto\")\n");
}

TEST(LoadKernelPath, what_several_settings_keep_together_is_an_error) {
    const auto both = said({.listener = "data_peer = \"any\"", .data_ports = ""});
    EXPECT_TRUE(both.contains("f:5:13: listener.ftp.data_peer: ")) << both;
    EXPECT_TRUE(both.contains("f:6:1: pool.alf.data_ports: ")) << both;
    const std::string second = "[[pool.alf.backend]]\nname = \"f2\"\naddress = \"198.51.100.12\"\n";
    const auto read_only =
        said({.listener = "read_only = true", .pool = "failover = \"transfer\"", .more = second});
    EXPECT_TRUE(read_only.starts_with("f:8:12: pool.alf.failover: ")) << read_only;
}

TEST(LoadKernelPath, clients_may_not_use_what_is_not_carried) {
    EXPECT_EQ(said({.listener = "deny_commands = [\"port\", \"EPRT\"]", .data_ports = ""}), "none");
    EXPECT_EQ(said({.listener = "deny_commands = [\"PASV\", \"EPSV\"]\ndata_peer = \"any\""}),
              "none");
}

TEST(LoadKernelPath, a_lesser_problem_is_not_said_beside_what_makes_it_void) {
    const auto text = said({.pool = "source = \"client\"", .data_ports = ""});
    EXPECT_FALSE(text.contains("data_ports")) << text;
}

TEST(LoadKernelPath, passthrough_has_no_data_path) {
    const Parts passed{.listener = "mode = \"passthrough\"",
                       .backend = "passive_ports = \"20000-20009\"",
                       .data_ports = ""};
    EXPECT_EQ(said(passed),
              "f:4:13: listener.ftp.data_path: data_path has no effect with mode = "
              "\"passthrough\", whose transfers Ballast does not see (remove it, or end TLS here "
              "with mode = \"terminate\")\n");
}

TEST(LoadKernelPath, automatic_is_noted_only) {
    const auto config = loaded(
        file({.listener = "session_bandwidth = \"1MiB\"", .data_path = "auto", .data_ports = ""}));
    EXPECT_EQ(lines_of(limits_of_kernel_path(config)),
              "f:5:21: listener.ftp.session_bandwidth: the kernel knows no limit of bandwidth, so "
              "no transfer of listener.ftp goes through the kernel (remove the limit, or use "
              "data_path = \"relay\")\n");
    EXPECT_EQ(said({.data_path = "auto", .data_ports = ""}), "none");
    EXPECT_EQ(
        lines_of(limits_of_kernel_path(loaded(file({.data_path = "auto", .data_ports = ""})))),
        "f:6:1: pool.alf.data_ports: the pool has no data_ports to tell the servers, so no "
        "PORT or EPRT transfer of listener.ftp to pool \"alf\" goes through the kernel (add "
        "some, such as data_ports = \"30000-30099\")\n");
}

}  // namespace
}  // namespace ballast::config
