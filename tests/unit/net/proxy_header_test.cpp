// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::net {
namespace {

using base::Address;

Address at(const char* text) { return Address::parse(text).value(); }

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

TEST(ProxyHeader, version_1_is_a_line) {
    EXPECT_EQ(proxy_header_v1(at("198.51.100.7:50000"), at("192.0.2.1:21")),
              "PROXY TCP4 198.51.100.7 192.0.2.1 50000 21\r\n");
    EXPECT_EQ(proxy_header_v1(at("[2001:db8::7]:50000"), at("[2001:db8::1]:990")),
              "PROXY TCP6 2001:db8::7 2001:db8::1 50000 990\r\n");
    // A link's name here means nothing there.
    Address linked = at("[fe80::7]:50000");
    linked.ip = base::Ip::from_v6(linked.ip.bytes(), 3);
    EXPECT_EQ(proxy_header_v1(linked, at("[fe80::1]:21")),
              "PROXY TCP6 fe80::7 fe80::1 50000 21\r\n");
    EXPECT_EQ(own_proxy_header_v1(), "PROXY UNKNOWN\r\n");
}

TEST(ProxyHeader, version_2_is_bytes) {
    EXPECT_EQ(proxy_header_v2(at("198.51.100.7:50000"), at("192.0.2.1:21")),
              signature + std::string("\x21\x11\0\x0c"
                                      "\xc6\x33\x64\x07\xc0\0\x02\x01\xc3\x50\0\x15",
                                      16));
    const auto v6 = proxy_header_v2(at("[2001:db8::7]:50000"), at("[2001:db8::1]:21"));
    EXPECT_EQ(v6.size(), 12U + 4 + 36);
    EXPECT_EQ(v6.substr(0, 16), signature + std::string("\x21\x21\0\x24", 4));
    EXPECT_EQ(v6.substr(16, 4), "\x20\x01\x0d\xb8");
    EXPECT_EQ(v6[31], '\x07');
    EXPECT_EQ(v6[47], '\x01');
    EXPECT_EQ(v6.substr(48), std::string("\xc3\x50\0\x15", 4));
    EXPECT_EQ(own_proxy_header_v2(), signature + std::string("\x20\0\0\0", 4));
}

std::string tlv(char type, const std::string& value) {
    return std::string(1, type) + '\0' + static_cast<char>(value.size()) + value;
}

TEST(ProxyHeader, version_2_contains_what_is_known_about_the_client) {
    const auto from = at("198.51.100.7:50000");
    const auto to = at("192.0.2.1:21");
    const auto plain = proxy_header_v2(from, to, {.session = "s1", .tls = {}});
    EXPECT_EQ(plain.substr(28), tlv(5, "s1"));
    EXPECT_EQ(plain[15], 12 + 5);
    const auto secured = proxy_header_v2(
        from, to,
        {.session = "s1",
         .tls = {{.version = "TLSv1.3", .cipher = "X", .server_name = "a", .common_name = "bob"}}});
    EXPECT_EQ(secured.substr(28),
              tlv(5, "s1") + tlv(2, "a") +
                  tlv(0x20, std::string("\x07\0\0\0\0", 5) + tlv(0x21, "TLSv1.3") + tlv(0x23, "X") +
                                tlv(0x22, "bob")));
    const auto nobody = proxy_header_v2(
        from, to,
        {.session = {},
         .tls = {{.version = "V", .cipher = "X", .server_name = {}, .common_name = {}}}});
    EXPECT_EQ(nobody.substr(28),
              tlv(0x20, std::string("\x01\0\0\0\x01", 5) + tlv(0x21, "V") + tlv(0x23, "X")));
}

/// The value of the first TLV of this type; empty if there is none. The TLVs must fill `bytes`.
std::string value_of(std::string_view bytes, char type) {
    std::string found;
    while (!bytes.empty()) {
        EXPECT_GE(bytes.size(), 3U);
        if (bytes.size() < 3) return "cut";
        const auto high = static_cast<unsigned char>(bytes[1]);
        const auto size = std::size_t{high} * 256 + static_cast<unsigned char>(bytes[2]);
        EXPECT_GE(bytes.size() - 3, size);
        if (bytes.size() - 3 < size) return "cut";
        if (bytes[0] == type && found.empty()) found = bytes.substr(3, size);
        bytes.remove_prefix(3 + size);
    }
    return found;
}

TEST(ProxyHeader, version_2_stays_well_formed_however_long_its_values_are) {
    const auto from = at("198.51.100.7:50000");
    const auto to = at("192.0.2.1:21");
    const auto value = [&](std::size_t bytes) {
        const auto header = proxy_header_v2(from, to,
                                            {.session = std::string(bytes, 's'),
                                             .tls = {{.version = std::string(bytes, 'v'),
                                                      .cipher = std::string(bytes, 'c'),
                                                      .server_name = std::string(bytes, 'n'),
                                                      .common_name = std::string(bytes, 'a')}}});
        EXPECT_LE(header.size(), proxy_header_bytes_max);
        const auto parsed = parse_proxy_header(header);
        EXPECT_TRUE(parsed && *parsed && (*parsed)->bytes == header.size()) << bytes;
        const auto content = std::string_view(header).substr(28);
        EXPECT_EQ(value_of(content, 2), std::string(std::min<std::size_t>(bytes, 255), 'n'));
        const auto ssl = value_of(content, 0x20);
        return value_of(std::string_view(ssl).substr(5), 0x22);
    };
    for (const auto bytes : std::initializer_list<std::size_t>{1, 128, 255, 256, 257, 980, 981, 982,
                                                               1024, 1025, 65535, 70000})
        EXPECT_EQ(value(bytes), std::string(std::min<std::size_t>(bytes, 256), 'a')) << bytes;
}

TEST(ProxyHeader, version_2_cuts_between_characters_and_leaves_out_names_with_nul) {
    const auto common_name = [&](std::string name) {
        const auto header = proxy_header_v2(
            at("198.51.100.7:50000"), at("192.0.2.1:21"),
            {.session = "s",
             .tls = {{.version = "V", .cipher = "C", .server_name = {}, .common_name = name}}});
        const auto ssl = value_of(std::string_view(header).substr(28), 0x20);
        return value_of(std::string_view(ssl).substr(5), 0x22);
    };
    EXPECT_EQ(common_name(std::string(255, 'a') + "\xc3\xa4"), std::string(255, 'a'));
    EXPECT_EQ(common_name(std::string(254, 'a') + "\xc3\xa4" + 'b'),
              std::string(254, 'a') + "\xc3\xa4");
    EXPECT_EQ(common_name(std::string("bob\0admin", 9)), "");
}

/// "error", "more", or the addresses and the header's length.
std::string said(const std::string& received) {
    const auto parsed = parse_proxy_header(received);
    if (!parsed) return "more";
    if (!*parsed) return std::string(to_string(parsed->error()));
    const auto& proxied = **parsed;
    const auto length = ' ' + std::to_string(proxied.bytes);
    if (!proxied.from) return "itself" + length;
    return base::to_string(*proxied.from) + ' ' + base::to_string(*proxied.to) + length;
}

TEST(ProxyHeader, reads_what_it_wrote_and_not_a_byte_more) {
    const auto from4 = at("198.51.100.7:50000");
    const auto to4 = at("192.0.2.1:21");
    const auto from6 = at("[2001:db8::7]:50000");
    const auto to6 = at("[2001:db8::1]:990");
    const ProxyFacts facts{
        .session = "0123456789",
        .tls = {{.version = "TLSv1.3", .cipher = "X", .server_name = "a", .common_name = "b"}}};
    for (const auto& header : {proxy_header_v1(from4, to4), proxy_header_v2(from4, to4),
                               proxy_header_v2(from4, to4, facts), proxy_header_v1(from6, to6),
                               proxy_header_v2(from6, to6), proxy_header_v2(from6, to6, facts)}) {
        const bool is_v4 = header.find("198.51") != std::string::npos || header[13] == '\x11';
        const auto addresses =
            is_v4 ? "198.51.100.7:50000 192.0.2.1:21 " : "[2001:db8::7]:50000 [2001:db8::1]:990 ";
        EXPECT_EQ(said(header + "USER x\r\n"), addresses + std::to_string(header.size()));
        for (std::size_t i = 0; i < header.size(); ++i)
            EXPECT_EQ(said(header.substr(0, i)), "more") << i;
    }
    EXPECT_EQ(said(own_proxy_header_v1()), "itself 15");
    EXPECT_EQ(said(own_proxy_header_v2()), "itself 16");
}

TEST(ProxyHeader, other_data_is_refused_at_once) {
    for (const auto* const text : {"U", "PRX", "PROXY_", "\r\n\r\n1", "\x16\x03\x01", "220 Hello"})
        EXPECT_EQ(said(text), "there is no PROXY header") << text;
}

TEST(ProxyHeader, version_1_is_read_strictly) {
    const auto line = [](const std::string& text) { return said("PROXY " + text + "\r\n"); };
    EXPECT_EQ(line("UNKNOWN ff::1 whatever 1 2"), "itself 34");
    EXPECT_EQ(line("TCP6 ::ffff:198.51.100.7 ::ffff:192.0.2.1 1 2"),
              "198.51.100.7:1 192.0.2.1:2 53");
    for (const auto* const text :
         {"TCP4 198.51.100.7 192.0.2.1 50000", "TCP4 198.51.100.7 192.0.2.1 50000 21 9",
          "TCP4  198.51.100.7 192.0.2.1 50000 21", "TCP4 198.51.100.7 192.0.2.1 65536 21",
          "TCP4 198.51.100.7 192.0.2.1 050 21", "TCP4 198.51.100.7 192.0.2.1 +5 21",
          "TCP6 ::ffff:198.51.100.7 ::1 1 2", "TCP4 ::1 ::1 1 2", "TCP6 198.51.100.7 192.0.2.1 1 2",
          "TCP4 198.51.100.256 1.2.3.4 1 2", "TCP6 fe80::1%eth0 ::1 1 2",
          "UDP4 198.51.100.7 192.0.2.1 1 2", "tcp4 1.2.3.4 1.2.3.4 1 2", "",
          "TCP4 1.2.3.4 1.2.3.4 1 "})
        EXPECT_EQ(line(text), "the PROXY header is malformed") << text;
    EXPECT_EQ(said("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"), "the PROXY header is malformed");
    EXPECT_EQ(said("PROXY UNKNOWN " + std::string(100, 'x') + "\r\n"),
              "the PROXY header is too long");
}

TEST(ProxyHeader, version_2_is_read_strictly) {
    const auto header = [](const std::string& behind_signature) {
        return said(signature + behind_signature);
    };
    const std::string addresses(12, '\1');
    EXPECT_EQ(header(std::string("\x21\x11\0\x0c", 4) + addresses), "1.1.1.1:257 1.1.1.1:257 28");
    EXPECT_EQ(header(std::string("\x21\x11\0\x10", 4) + addresses + std::string("\x04\0\1x", 4)),
              "1.1.1.1:257 1.1.1.1:257 32");
    EXPECT_EQ(header(std::string("\x20\x11\0\1x", 5)), "itself 17");
    EXPECT_EQ(header(std::string("\x21\0\0\0", 4)), "itself 16");
    EXPECT_EQ(header(std::string("\x21\x31\0\1x", 5)), "itself 17");
    for (const auto& text :
         {std::string("\x11\x11\0\x0c", 4) + addresses,
          std::string("\x22\x11\0\x0c", 4) + addresses,
          std::string("\x21\x12\0\x0c", 4) + addresses,
          std::string("\x21\x41\0\x0c", 4) + addresses,
          std::string("\x21\x21\0\x0c", 4) + addresses,
          std::string("\x21\x11\0\x0b", 4) + addresses,
          std::string("\x21\x11\0\x0e", 4) + addresses + "ab",
          std::string("\x21\x11\0\x10", 4) + addresses + std::string("\x04\0\2x", 4)})
        EXPECT_EQ(header(text), "the PROXY header is malformed");
    EXPECT_EQ(header(std::string("\x21\x11\xff\xff", 4)), "the PROXY header is too long");
}

}  // namespace
}  // namespace ballast::net
