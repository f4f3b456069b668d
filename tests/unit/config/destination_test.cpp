// SPDX-License-Identifier: Apache-2.0
#include "config/destination.h"

#include <gtest/gtest.h>

namespace ballast::config {
namespace {

TEST(Destination, reads_addresses_and_names_with_and_without_a_port) {
    struct Row {
        const char* text;
        const char* host;
        std::uint16_t port;
    };
    const Row table[] = {
        {"10.0.0.11:2121", "10.0.0.11", 2121},
        {"10.0.0.11", "10.0.0.11", 21},
        {"[2001:db8::1]:2121", "2001:db8::1", 2121},
        {"[2001:DB8:0::1]", "2001:db8::1", 21},
        {"[::ffff:10.0.0.11]:21", "10.0.0.11", 21},
        {"alf1", "alf1", 21},
        {"ALF1.Example.org:990", "alf1.example.org", 990},
        {"alf_1.example.org.", "alf_1.example.org.", 21},
        {"3com.example:65535", "3com.example", 65535},
    };
    for (const auto& row : table) {
        const auto destination = parse_destination(row.text);
        ASSERT_TRUE(destination) << row.text;
        EXPECT_EQ(*destination, (Destination{row.host, row.port})) << row.text;
    }
}

TEST(Destination, refuses_texts_that_are_neither_address_nor_name) {
    struct Row {
        const char* text;
        const char* what;
    };
    const Row table[] = {
        {"", "'' is neither an address nor a host name"},
        {":21", "'' is neither an address nor a host name"},
        {"10.0.0.256:21", "'10.0.0.256' is neither an address nor a host name"},
        {"10.0.0", "'10.0.0' is neither an address nor a host name"},
        {"-alf1", "'-alf1' is neither an address nor a host name"},
        {"alf1..org", "'alf1..org' is neither an address nor a host name"},
        {"alf 1:21", "'alf 1' is neither an address nor a host name"},
        {"ftp://alf1", "'ftp://alf1' is a URL"},
        {"ftp://alf1:21", "'ftp://alf1:21' is a URL"},
        {"[10.0.0.1]:21", "'10.0.0.1' is neither an address nor a host name"},
        {"[alf1]:21", "'alf1' is neither an address nor a host name"},
        {"[2001:db8::1", "'[2001:db8::1' is neither an address nor a host name"},
        {"[2001:db8::1]21", "'[2001:db8::1]21' is neither an address nor a host name"},
        {"2001:db8::1", "'2001:db8::1' is an IPv6 address without brackets"},
        {"alf1:", "'' is not a port"},
        {"alf1:0", "'0' is not a port"},
        {"alf1:65536", "'65536' is not a port"},
        {"alf1:ftp", "'ftp' is not a port"},
        {"alf1:21 ", "'21 ' is not a port"},
    };
    for (const auto& row : table) {
        const auto destination = parse_destination(row.text);
        ASSERT_FALSE(destination) << row.text;
        EXPECT_EQ(destination.error().what, row.what);
        EXPECT_FALSE(destination.error().fix.empty());
    }
}

TEST(Destination, of_a_url_is_its_host_and_port) {
    const auto cure = [](const char* url) { return parse_destination(url).error().fix; };
    const std::string behind = "; TLS is set in the table tls";
    EXPECT_EQ(cure("ftp://alf1:21"), "write \"alf1:21\"" + behind);
    EXPECT_EQ(cure("ftps://anna:secret@alf1/in"), "write \"alf1\"" + behind);
    EXPECT_EQ(cure("ftp://[2001:db8::1]:21/"), "write \"[2001:db8::1]:21\"" + behind);
    EXPECT_EQ(cure("ftp://"), "write \"HOST:PORT\" or \"HOST\"");
}

TEST(Destination, is_written_as_it_is_read) {
    for (const auto* text : {"10.0.0.11:2121", "[2001:db8::1]:21", "alf1.example.org:21"})
        EXPECT_EQ(to_string(*parse_destination(text)), text);
}

}  // namespace
}  // namespace ballast::config
