// SPDX-License-Identifier: Apache-2.0
#include "net/client_hello.h"

#include "support/tls_ends.h"

#include <array>
#include <gtest/gtest.h>
#include <string>

namespace ballast::net {
namespace {

std::string big_endian(std::size_t value, std::size_t bytes) {
    std::string text;
    for (; bytes > 0; --bytes) text += static_cast<char>(value >> (8 * (bytes - 1)));
    return text;
}
std::string vector(std::string_view content, std::size_t length_bytes) {
    return big_endian(content.size(), length_bytes) + std::string(content);
}
std::string extension(std::size_t type, std::string_view content) {
    return big_endian(type, 2) + vector(content, 2);
}
std::string sni(std::string_view name) { return extension(0, vector('\0' + vector(name, 2), 2)); }
std::string body(std::string_view extensions) {
    return "\x03\x03" + std::string(32, 'r') + vector("", 1) + vector("\x13\x01", 2) +
           vector(std::string_view("\0", 1), 1) + vector(extensions, 2);
}
std::string record(std::string_view content) { return "\x16\x03\x01" + vector(content, 2); }
std::string message(std::string_view content) { return '\x01' + vector(content, 3); }
std::string hello(std::string_view extensions) { return record(message(body(extensions))); }

std::expected<ClientHello, HelloError> parsed(std::string_view bytes) {
    const auto result = parse_client_hello(bytes);
    if (!result) throw std::runtime_error("more bytes were wanted");
    return *result;
}

/// OpenSSL's first message.
std::string said_by_openssl(base::TlsVersion version, const std::string& server_name) {
    support::TestLoop loop;
    auto [ours, theirs] = support::MemoryStream::connect(loop, {}, {}, {});
    auto settings = support::tls_client_settings();
    settings.min_version = settings.max_version = version;
    settings.server_name = server_name;
    const auto client = support::make_tls_client(settings);
    TlsTickets tickets;
    const auto stream = client->wrap_control(std::move(ours), tickets, false);
    const support::Handshake handshake(loop, *stream);
    loop.settle();
    std::array<char, 4096> buffer{};
    const auto io = theirs->read(buffer);
    return {buffer.data(), io.bytes};
}

TEST(ClientHello, of_openssl_names_the_server) {
    for (const auto version : {base::TlsVersion::tls_1_2, base::TlsVersion::tls_1_3}) {
        const auto bytes = said_by_openssl(version, "ftp.example.com");
        EXPECT_EQ(parsed(bytes)->server_name, "ftp.example.com");
        for (std::size_t i = 0; i < bytes.size(); ++i)
            EXPECT_FALSE(parse_client_hello(std::string_view(bytes).substr(0, i))) << i;
        EXPECT_EQ(parsed(bytes + "more")->server_name, "ftp.example.com");
        // An address is never sent (RFC 6066 3).
        EXPECT_EQ(parsed(said_by_openssl(version, "192.0.2.1"))->server_name, "");
    }
}

TEST(ClientHello, may_be_spread_over_records) {
    const auto whole = message(body(extension(10, "xx") + sni("a.example")));
    for (std::size_t piece : {1U, 2U, 3U, 4U, 5U, 50U}) {
        std::string records;
        for (std::size_t i = 0; i < whole.size(); i += piece)
            records += record(std::string_view(whole).substr(i, piece));
        EXPECT_EQ(parsed(records)->server_name, "a.example") << piece;
        EXPECT_FALSE(parse_client_hello(std::string_view(records).substr(0, records.size() - 1)));
    }
}

TEST(ClientHello, needs_neither_name_nor_extensions) {
    EXPECT_EQ(parsed(hello(""))->server_name, "");
    EXPECT_EQ(parsed(hello(extension(10, "")))->server_name, "");
    const auto without = "\x03\x03" + std::string(32, 'r') + vector("session", 1) +
                         vector("\x13\x01", 2) + vector(std::string_view("\0", 1), 1);
    EXPECT_EQ(parsed(record(message(without)))->server_name, "");
}

TEST(ClientHello, is_refused_if_it_begins_otherwise) {
    using namespace std::string_literals;
    for (const auto& bytes : {
             "U"s,
             "USER anna\r\n"s,
             "\x16\x02"s,
             "\x15\x03\x01"s,
             "\x80\x2e\x01\x03\x01"s,
             record("\x02"),                    // a ServerHello
             record("\x01") + "\x17\x03\x03"s,  // data in the middle of it
             record("\x01") + "USER anna\r\n"s,
         })
        EXPECT_EQ(parsed(bytes).error(), HelloError::not_tls) << bytes;
}

TEST(ClientHello, is_refused_if_its_lengths_are_wrong) {
    const auto good = body(sni("a.example"));
    const auto other_name = [](std::string_view content) { return hello(extension(0, content)); };
    for (const auto& bytes : {
             record(""),
             record(message("")),
             record(message(good.substr(0, good.size() - 1))),
             record(message(good + "x")),
             hello("\x01"),
             hello(big_endian(0, 2) + big_endian(9, 2) + "x"),
             hello(sni("a.example") + sni("b.example")),
             hello(sni("")),
             hello(sni("a\nb")),
             hello(sni(std::string_view("a\0b", 3))),
             hello(sni(std::string(256, 'a'))),
             other_name(""),
             other_name(vector("", 2)),
             other_name(vector('\0' + vector("a", 2), 2) + "x"),
             other_name(vector('\0' + vector("a", 2) + '\0' + vector("b", 2), 2)),
             other_name(vector("\x01" + vector("a", 2), 2)),
         })
        EXPECT_EQ(parsed(bytes).error(), HelloError::malformed) << testing::PrintToString(bytes);
}

TEST(ClientHello, has_a_maximum_size) {
    // A complete one that fills the last byte, and one that goes on behind it.
    const auto filled = [](std::size_t more) {
        constexpr std::size_t other_bytes = 5 + 4 + 43 + 4;
        return hello(extension(21, std::string(client_hello_bytes_max - other_bytes + more, 'x')));
    };
    EXPECT_EQ(filled(0).size(), client_hello_bytes_max);
    EXPECT_TRUE(parsed(filled(0)));
    EXPECT_EQ(parsed(filled(1)).error(), HelloError::too_long);
    // The refusal comes as soon as the message says how long it is.
    EXPECT_EQ(parsed(record('\x01' + big_endian(0xffffff, 3))).error(), HelloError::too_long);
    std::string trickle;
    while (trickle.size() < client_hello_bytes_max) trickle += record("\x01");
    EXPECT_EQ(parsed(trickle).error(), HelloError::too_long);
}

TEST(ClientHello, is_answered_with_an_alert) {
    EXPECT_EQ(fatal_alert(Alert::access_denied), std::string("\x15\x03\x03\0\x02\x02\x31", 7));
}

}  // namespace
}  // namespace ballast::net
