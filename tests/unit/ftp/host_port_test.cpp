// SPDX-License-Identifier: Apache-2.0
#include "ftp/host_port.h"

#include "ftp/reply.h"
#include "transcripts.h"

#include <gtest/gtest.h>
#include <vector>

namespace ballast::ftp {
namespace {

using namespace std::string_view_literals;

base::Address address(std::string_view text) { return base::Address::parse(text).value(); }

TEST(ParsePortTest, six_numbers_are_an_address) {
    EXPECT_EQ(parse_port("192,0,2,1,24,131"), address("192.0.2.1:6275"));
    EXPECT_EQ(parse_port("0,0,0,0,0,1"), address("0.0.0.0:1"));
    EXPECT_EQ(parse_port("255,255,255,255,255,255"), address("255.255.255.255:65535"));
    EXPECT_EQ(parse_port("127,000,000,001,004,005"), address("127.0.0.1:1029"));
}

TEST(ParsePortTest, spellings_that_most_servers_accept_are_addresses_too) {
    for (const auto* argument :
         {" 192,0,2,1,24,131", "   192,0,2,1,24,131", "192,0,2,1,24,131 ", "192,0,2,1,24,131\t",
          "192, 0,2,1,24,131", " 192, 0, 2, 1,  24, 131 ", "192,0,2,1,24,131.", "192,0,2,1,24,131,",
          "192,0,2,1,24,131. "})
        EXPECT_EQ(parse_port(argument), address("192.0.2.1:6275")) << argument;
}

TEST(ParsePortTest, anything_else_is_refused) {
    for (const auto argument : {""sv,
                                "192,0,2,1,24"sv,
                                "192,0,2,1,24,131,5"sv,
                                ",192,0,2,1,24,131"sv,
                                "192,0,2,1,24,"sv,
                                "192,0,2,1,,131"sv,
                                "192,0,2,1,24,131,,"sv,
                                "192,0,2,1,24,131.."sv,
                                "192,0,2,1,24,131.,"sv,
                                "192,0,2,1,24,131 ."sv,
                                "192,0,2,1,24,131x"sv,
                                "192,0,2,1,24.131"sv,
                                "192 ,0,2,1,24,131"sv,
                                "192,\t0,2,1,24,131"sv,
                                "1 92,0,2,1,24,131"sv,
                                "192,0,2,1,24,1 31"sv,
                                "192,0,2,1,24, "sv,
                                "192,0,2,256,24,131"sv,
                                "192,0,2,1,24,256"sv,
                                "192,0,2,1,24,387"sv,
                                "192,0,2,1,24,4294967427"sv,
                                "192,0,2,0001,24,131"sv,
                                "192,0,2,1,24,131\r"sv,
                                "192,0,2,1,24,131\0"sv,
                                "192,0,2,1,24,\xff\xf1"
                                "131"sv,
                                "192.0.2.1.24.131"sv,
                                "(192,0,2,1,24,131)"sv,
                                "192,0,2,-1,24,131"sv,
                                "192,0,2,+1,24,131"sv,
                                "0x7f,0,0,1,4,5"sv,
                                "|1|192.0.2.1|6275|"sv}) {
        EXPECT_EQ(parse_port(argument), std::unexpected(HostPortError::syntax)) << argument;
    }
    EXPECT_EQ(parse_port("192,0,2,1,0,0"), std::unexpected(HostPortError::port_zero));
}

TEST(ParseEprtTest, both_families_and_any_delimiter_are_read) {
    EXPECT_EQ(parse_eprt("|1|192.0.2.1|6275|"), address("192.0.2.1:6275"));
    EXPECT_EQ(parse_eprt("|1|192.0.2.1|6275| \t "), address("192.0.2.1:6275"));
    EXPECT_EQ(parse_eprt("|2|2001:db8::1|5282|"), address("[2001:db8::1]:5282"));
    EXPECT_EQ(parse_eprt("|2|1080::8:800:200C:417A|5282|"),
              address("[1080::8:800:200c:417a]:5282"));
    EXPECT_EQ(parse_eprt("!1!192.0.2.1!65535!"), address("192.0.2.1:65535"));
    EXPECT_EQ(parse_eprt("~2~::1~1~"), address("[::1]:1"));
    EXPECT_EQ(parse_eprt("/1/192.0.2.1/06275/"), address("192.0.2.1:6275"));
}

TEST(ParseEprtTest, distinguishes_other_protocols_from_nonsense) {
    for (const auto* argument : {"|3|192.0.2.1|6275|", "|0||1|", "|9|x|1|", "|99999999999|x|1|"})
        EXPECT_EQ(parse_eprt(argument), std::unexpected(HostPortError::family)) << argument;
    EXPECT_EQ(parse_eprt("|1|192.0.2.1|0|"), std::unexpected(HostPortError::port_zero));
    for (const auto argument : {""sv,
                                "|"sv,
                                "||||"sv,
                                "|1|192.0.2.1|6275"sv,
                                "1|192.0.2.1|6275|"sv,
                                "|1|192.0.2.1|6275||"sv,
                                " |1|192.0.2.1|6275|"sv,
                                "|1|192.0.2.1||"sv,
                                "|1||6275|"sv,
                                "||192.0.2.1|6275|"sv,
                                "|1|192.0.2.1|65536|"sv,
                                "|1|192.0.2.1|-1|"sv,
                                "|1|192.0.2.1|+1|"sv,
                                "|1|192.0.2.1|006275|"sv,
                                "|1|192.0.2.1|62 75|"sv,
                                "|x|192.0.2.1|6275|"sv,
                                "|1 |192.0.2.1|6275|"sv,
                                "|1|192.0.2.256|6275|"sv,
                                "|1|::1|6275|"sv,
                                "|2|192.0.2.1|6275|"sv,
                                "|2|[::1]|6275|"sv,
                                "|1|host|6275|"sv,
                                " 1 192.0.2.1 6275 "sv,
                                "\t1\t192.0.2.1\t6275\t"sv,
                                "|1|192.0.2.1|6275|\0"sv,
                                "192,0,2,1,24,131"sv}) {
        EXPECT_EQ(parse_eprt(argument), std::unexpected(HostPortError::syntax)) << argument;
    }
}

TEST(ParseEprtTest, mapped_ipv4_addresses_and_scopes_are_refused) {
    for (const auto* argument :
         {"|2|::ffff:10.0.0.1|6275|", "|2|::ffff:a00:1|6275|", "|1|::ffff:10.0.0.1|6275|",
          "|2|fe80::1%1|6275|", "|2|::1%lo|6275|"})
        EXPECT_EQ(parse_eprt(argument), std::unexpected(HostPortError::syntax)) << argument;
}

TEST(ParseEpsvArgumentTest, the_argument_is_empty_a_protocol_or_all) {
    for (const auto* nothing : {"", " "}) EXPECT_EQ(parse_epsv_argument(nothing), EpsvRequest{});
    for (const auto* one : {"1", "1 "})
        EXPECT_EQ(parse_epsv_argument(one), (EpsvRequest{false, base::Family::ipv4}));
    EXPECT_EQ(parse_epsv_argument("2"), (EpsvRequest{false, base::Family::ipv6}));
    for (const auto* all : {"ALL", "all", "All", "ALL "})
        EXPECT_EQ(parse_epsv_argument(all), (EpsvRequest{true, std::nullopt}));
    EXPECT_EQ(parse_epsv_argument("3"), std::unexpected(HostPortError::family));
    for (const auto* argument : {" 1", " ALL", "ALLE", "AL", "IPv6", "-1", "1 2"})
        EXPECT_EQ(parse_epsv_argument(argument), std::unexpected(HostPortError::syntax))
            << argument;
}

struct PassiveRow {
    const char* text;
    const char* ip;  // null if the reply names none
    std::uint16_t port;
};

TEST(ParsePassiveReplyTest, every_known_spelling_is_read) {
    const PassiveRow rows[] = {
        {"227 Entering Passive Mode (192,0,2,1,24,131).\r\n", "192.0.2.1", 6275},
        {"227 Entering Passive Mode (192,0,2,1,24,131)\r\n", "192.0.2.1", 6275},
        {"227 Entering Passive Mode 192,0,2,1,24,131\r\n", "192.0.2.1", 6275},
        {"227 192,0,2,1,24,131\r\n", "192.0.2.1", 6275},
        {"227 =192,0,2,1,24,131\r\n", "192.0.2.1", 6275},
        {"227 Entering Passive Mode. =192,0,2,1,24,131\r\n", "192.0.2.1", 6275},
        {"227 Entering Passive Mode (192, 0, 2, 1, 24, 131)\r\n", "192.0.2.1", 6275},
        {"227 Entering Passive Mode (192 ,0 ,2 ,1 ,24 ,131)\r\n", "192.0.2.1", 6275},
        {"227 Entering Passive Mode (192,0,2,1,24,131) - have fun, 5 users\r\n", "192.0.2.1", 6275},
        {"227 Entering Passive Mode (192,0,2,1,24,131); 1,2,3\r\n", "192.0.2.1", 6275},
        {"227 2 of 50 users, passive mode (192,0,2,1,24,131)\r\n", "192.0.2.1", 6275},
        {"227 In 2024, (192,0,2,1,24,131)\r\n", "192.0.2.1", 6275},
        {"227 Entering Passive Mode (0,0,0,0,24,131)\r\n", "0.0.0.0", 6275},
        {"227 Entering Passive Mode (192,000,002,001,024,131)\r\n", "192.0.2.1", 6275},
        {"227 (127,0,0,1,78,32)\r\n", "127.0.0.1", 20000},  // JFileServer
        {"227 (0:0:0:0:0:0:0:1,78,32)\r\n", "::1", 20000},  // JFileServer on IPv6
        {"227 (fe80:0:0:0:0:0:0:1%eth7,78,32)\r\n", "fe80::1", 20000},
        {"227 Entering Passive Mode (2001:db8::1, 78, 32).\r\n", "2001:db8::1", 20000},
        {"227 Entering Passive Mode (192.0.2.1,24,131)\r\n", "192.0.2.1", 6275},
        {"229 Entering Extended Passive Mode (|||6446|)\r\n", nullptr, 6446},
        {"229 Entering Extended Passive Mode (|||6446|).\r\n", nullptr, 6446},
        {"229 Entering Extended Passive Mode (!!!6446!)\r\n", nullptr, 6446},  // IBM
        {"229 Entering Extended Passive Mode !!!6446!\r\n", nullptr, 6446},
        {"229 Entering Extended Passive Mode |||6446|\r\n", nullptr, 6446},
        {"229 Extended Passive Mode (for you) (|||6446|)\r\n", nullptr, 6446},
        {"229 in 5...4...3 (|||6446|)\r\n", nullptr, 6446},
        {"229 (...6446.)\r\n", nullptr, 6446},
        {"229 Entering Extended Passive Mode (|1|192.0.2.1|6446|)\r\n", nullptr, 6446},
        {"229 Entering Extended Passive Mode (|2|2001:db8::1|6446|)\r\n", nullptr, 6446},
        // The form decides, not the code: 227 to EPSV, 229 to PASV.
        {"229 Entering Passive Mode (192,0,2,1,24,131)\r\n", "192.0.2.1", 6275},
        {"227 Entering Extended Passive Mode (|||6446|)\r\n", nullptr, 6446},
        {"200 PORT is 192,0,2,1,24,131\r\n", "192.0.2.1", 6275},
        // Of several lines the last one counts, or else the first one with a port.
        {"227-Hello\r\n227 Entering Passive Mode (192,0,2,1,24,131)\r\n", "192.0.2.1", 6275},
        {"227-Entering Passive Mode (192,0,2,1,24,131)\r\n227 End\r\n", "192.0.2.1", 6275},
        {"227-Entering Passive Mode\r\n192,0,2,1,24,131\r\n227 \r\n", "192.0.2.1", 6275},
        {"227-227 (10,0,0,1,1,1)\r\n229 (|||9|)\r\n227 Mode (192,0,2,1,24,131)\r\n", "192.0.2.1",
         6275},
        {"229-Hello\r\n (|||6446|)\r\n229 \r\n", nullptr, 6446},
        {"227 Entering Passive Mode (192,0,2,1,24,131)", "192.0.2.1", 6275},
    };
    for (const auto& row : rows) {
        const auto passive = parse_passive_reply(row.text);
        ASSERT_TRUE(passive) << row.text;
        EXPECT_EQ(passive->port, row.port) << row.text;
        const auto ip = row.ip == nullptr ? std::nullopt : base::Ip::parse(row.ip);
        EXPECT_EQ(passive->ip, ip) << row.text;
    }
}

TEST(ParsePassiveReplyTest, a_reply_that_names_no_port_is_refused) {
    for (const auto* text : {"",
                             "227",
                             "227 \r\n",
                             "227 Entering Passive Mode\r\n",
                             "227 Entering Passive Mode ()\r\n",
                             "227 (192,0,2,1,24)\r\n",
                             "227 (192,0,2,1,24,256)\r\n",
                             "227 (192,0,2,1,24,131,7)\r\n",
                             "227 (4,4,192,0,2,1,2,24,131)\r\n",
                             "229 (|||)\r\n",
                             "229 (||||)\r\n",
                             "229 (|||x|)\r\n",
                             "229 (|||65536|)\r\n",
                             "229 (|||6446\r\n",
                             "229 (||6446|)\r\n",
                             "229 6446\r\n",
                             "229 in 5...4...3\r\n",
                             "227 1,2,3\r\n4,5,6\r\n",
                             "227,0,2,1,24\r\n",
                             "227 (::1,24)\r\n",
                             "227 (::1,24,256)\r\n"}) {
        EXPECT_EQ(parse_passive_reply(text), std::unexpected(HostPortError::syntax)) << text;
    }
    for (const auto* text : {"227 (192,0,2,1,0,0)\r\n", "229 (|||0|)\r\n", "227 (::1,0,0)\r\n"})
        EXPECT_EQ(parse_passive_reply(text), std::unexpected(HostPortError::port_zero)) << text;
}

TEST(ParsePassiveReplyTest, real_servers_are_understood) {
    std::vector<std::uint16_t> ports;
    for (auto transcript :
         {transcripts::proftpd, transcripts::pyftpdlib, transcripts::jfileserver}) {
        ReplyParser parser;
        for (;;) {
            const auto step = parser.next(transcript);
            if (!step.reply) break;
            transcript.remove_prefix(step.consumed);
            const auto& reply = **step.reply;
            if (reply.code != 227 && reply.code != 229) continue;
            const auto passive = parse_passive_reply(reply.text);
            ASSERT_TRUE(passive) << reply.text;
            EXPECT_EQ(passive->ip.has_value(), reply.code == 227);
            ports.push_back(passive->port);
        }
    }
    EXPECT_EQ(ports,
              (std::vector<std::uint16_t>{35727, 28537, 25648, 50091, 50157, 36627, 20000, 20000}));
}

TEST(FormatTest, replies_have_the_words_that_clients_match) {
    EXPECT_EQ(format_pasv(address("192.0.2.1:6275")),
              "227 Entering Passive Mode (192,0,2,1,24,131).\r\n");
    EXPECT_EQ(format_epsv(6275), "229 Entering Extended Passive Mode (|||6275|)\r\n");
}

TEST(FormatTest, commands_have_the_form_of_their_rfc) {
    EXPECT_EQ(format_port(address("192.0.2.1:6275")), "PORT 192,0,2,1,24,131");
    EXPECT_EQ(format_eprt(address("192.0.2.1:6275")), "EPRT |1|192.0.2.1|6275|");
    EXPECT_EQ(format_eprt(address("[2001:db8::1]:5282")), "EPRT |2|2001:db8::1|5282|");
    EXPECT_EQ(format_eprt(address("[fe80::1%1]:5282")), "EPRT |2|fe80::1|5282|");
}

TEST(FormatTest, written_text_is_read_back_the_same) {
    for (const auto* text : {"192.0.2.1:1", "0.0.0.0:65535", "255.0.255.0:256", "127.0.0.1:255"}) {
        const auto wanted = address(text);
        EXPECT_EQ(parse_port(format_port(wanted).substr(5)), wanted);
        EXPECT_EQ(parse_eprt(format_eprt(wanted).substr(5)), wanted);
        EXPECT_EQ(parse_passive_reply(format_pasv(wanted)), (PassiveReply{wanted.ip, wanted.port}));
        EXPECT_EQ(parse_passive_reply(format_epsv(wanted.port)),
                  (PassiveReply{std::nullopt, wanted.port}));
    }
    EXPECT_EQ(parse_eprt(format_eprt(address("[::1]:9")).substr(5)), address("[::1]:9"));
}

TEST(WithPassiveAddress, replaces_the_numbers_and_keeps_the_text) {
    const base::Address ours{base::Ip::parse("203.0.113.9").value(), 20000};
    const struct {
        const char* said;
        const char* passed_on;
    } table[] = {
        {"227 Entering Passive Mode (10,0,0,1,4,1).\r\n",
         "227 Entering Passive Mode (203,0,113,9,78,32).\r\n"},
        {"227 Data at 10,0,0,1,4,1 now\r\n", "227 Data at 203,0,113,9,78,32 now\r\n"},
        {"227 =10, 0, 0, 1, 4, 1\r\n", "227 =203,0,113,9,78,32\r\n"},
        {"227 Here (0:0:0:0:0:0:0:1,4,1)\r\n", "227 Here (203,0,113,9,78,32)\r\n"},
        {"229 Extended (|||1025|)\r\n", "229 Extended (|||20000|)\r\n"},
        {"229 Port !!!1025!.\r\n", "229 Port !!!20000!.\r\n"},
        {"227-Be welcome\r\n at 227\r\n227 (10,0,0,1,4,1)\r\n",
         "227-Be welcome\r\n at 227\r\n227 (203,0,113,9,78,32)\r\n"},
        {"227-Passive (10,0,0,1,4,1)\r\n227 done\r\n",
         "227-Passive (203,0,113,9,78,32)\r\n227 done\r\n"},
    };
    for (const auto& row : table) EXPECT_EQ(with_passive_address(row.said, ours), row.passed_on);
    EXPECT_EQ(with_passive_address("227 Entering Passive Mode\r\n", ours), std::nullopt);
    EXPECT_EQ(with_passive_address("229 (|||0|)\r\n", ours), std::nullopt);
}

}  // namespace
}  // namespace ballast::ftp
