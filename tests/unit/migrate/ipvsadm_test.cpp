// SPDX-License-Identifier: Apache-2.0
#include "migrate/ipvsadm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

namespace ballast::migrate {
namespace {

std::string errors_in(const std::string& text) {
    const auto imported = import_ipvsadm({.file = "f", .text = text});
    std::string errors;
    if (!imported)
        for (const auto& error : imported.error()) errors += to_string(error) + '\n';
    return errors;
}

TEST(IpvsadmTest, EveryMistakeIsFound) {
    const std::pair<const char*, const char*> table[] = {
        {"-A -t 192.0.2.1:21\n-x", "f:2: -x needs a value (write it behind the option)\n"},
        {"-A", "f:1: the service is missing (write -t ADDRESS:PORT or -f MARK)\n"},
        {"-A -t ftp:ftp",
         "f:1: ftp:ftp is not an address or a mark (write numbers, as `ipvsadm -Sn` prints them: "
         "-n means numeric)\n"},
        {"-A -f x",
         "f:1: x is not an address or a mark (write numbers, as `ipvsadm -Sn` prints them: -n "
         "means numeric)\n"},
        {"-a -t 192.0.2.1:21 -r 10.0.0.1",
         "f:1: the service of this server is not there (add the service with -A on a line "
         "above)\n"},
        {"-A -t 192.0.2.1:21\n-a -t 192.0.2.1:21",
         "f:2: the server is missing (write -r ADDRESS:PORT)\n"},
        {"-A -t 192.0.2.1:21\n-A -t 192.0.2.1:21",
         "f:2: the service is added twice (remove one of the lines)\n"},
        {"-Z\nIP Virtual Server version 1.2.1",
         "f:1: unknown option -Z (import what `ipvsadm -Sn` prints)\n"
         "f:2: unknown option IP (import what `ipvsadm -Sn` prints)\n"},
        {"-t 192.0.2.1:21",
         "f:1: the line adds nothing (write -A for a service, -a for its servers)\n"},
        {"--set 1 2", "f:1: --set needs a value (write it behind the option)\n"},
        {"-A \"-t", "f:1: a quote is not closed (close it)\n"},
    };
    for (const auto& [text, errors] : table) EXPECT_EQ(errors_in(text), errors) << text;
    EXPECT_EQ(errors_in(std::string(5000, '-')), "f:1: the line is too long (split it)\n");
}

TEST(IpvsadmTest, AServiceIsFoundByItsProtocolAndAddress) {
    const auto imported = import_ipvsadm(
        {.file = "f",
         .text = "-A -t 192.0.2.1:21 -p\n-A -u 192.0.2.1:21\n-a -u 192.0.2.1:21 -r 10.0.0.2:21\n"
                 "-a -t 192.0.2.1:21 -r 10.0.0.1:21\n"});
    ASSERT_TRUE(imported);
    ASSERT_EQ(imported->draft.pools.size(), 1U);
    const auto& pool = imported->draft.pools[0];
    ASSERT_EQ(pool.backends.size(), 1U);
    EXPECT_EQ(pool.backends[0].name, "10-0-0-1");
    EXPECT_EQ(pool.stick.find("timeout")->value.toml(), "\"5m\"");
}

TEST(IpvsadmTest, ItsOwnDefaultsCount) {
    const auto imported = import_ipvsadm(
        {.file = "f", .text = "--set 0 0 300\n-A -t 192.0.2.1:0\n-a -t 192.0.2.1:0 -r 10.0.0.1\n"});
    ASSERT_TRUE(imported);
    const auto& draft = imported->draft;
    EXPECT_EQ(draft.pools.at(0).stick.find("timeout")->why, "ipvsadm's default");
    EXPECT_EQ(draft.pools.at(0).settings.find("balance")->why, "ipvsadm's default, wlc");
    EXPECT_EQ(draft.listeners.at(0).settings.find("idle_timeout"), nullptr);
}

TEST(IpvsadmTest, ServicesAreBounded) {
    std::string text;
    for (int i = 0; i <= 2000; ++i) text += fmt::format("-A -f {}\n", i + 1);
    EXPECT_EQ(errors_in(text), "f:2001: there are too many services (import only those of FTP)\n");
}

TEST(IpvsadmTest, AServerWithoutAMethodIsReachedByDirectRouting) {
    const auto address = [](const std::string& method) {
        const auto imported = import_ipvsadm(
            {.file = "f",
             .text = "-A -t 192.0.2.1:21\n-a -t 192.0.2.1:21 -r 10.0.0.1:2121" + method});
        return imported->draft.pools.at(0).backends.at(0).settings.find("address")->value.toml();
    };
    // Only NAT changes the port.
    EXPECT_EQ(address(" -m"), "\"10.0.0.1:2121\"");
    EXPECT_EQ(address(" -g"), "\"10.0.0.1:21\"");
    EXPECT_EQ(address(""), "\"10.0.0.1:21\"");
}

}  // namespace
}  // namespace ballast::migrate
