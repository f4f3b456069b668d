// SPDX-License-Identifier: Apache-2.0
#include "admin/gate.h"

#include "admin/page.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::admin {
namespace {

constexpr std::string_view writer = "0123456789abcdef";
constexpr std::string_view reader = "fedcba9876543210";

enum class Files : std::uint8_t { none, all, read, both };

Gate gate_with(Files files) {
    Gate::Settings settings;
    settings.names = {"Ballast.example.com"};
    if (files == Files::all || files == Files::both) settings.all = Tokens::parse(writer).value();
    if (files == Files::read || files == Files::both) settings.read = Tokens::parse(reader).value();
    return Gate(settings);
}

Request request(std::string_view method, std::string_view token = {}) {
    Request request;
    request.method = method;
    request.target = "/v1/state";
    request.host = "127.0.0.1:8021";
    if (!token.empty()) request.authorization = "Bearer " + std::string(token);
    return request;
}

/// 200: admitted.
unsigned status_of(const Gate& gate, const Request& request, Way way) {
    const auto admitted = gate.admit(request, way);
    return admitted ? 200 : admitted.error().status;
}

TEST(Gate, asks_for_tokens_by_way_and_method) {
    struct Case {
        Files files;
        Way way;
        std::string_view token;
        unsigned get;
        unsigned put;
    };
    constexpr std::string_view unknown = "xxxxxxxxxxxxxxxx";
    for (const auto& [files, way, token, get, put] : std::vector<Case>{
             {Files::none, Way::socket, "", 200, 200},
             {Files::both, Way::socket, "", 200, 200},
             {Files::both, Way::socket, unknown, 200, 200},
             {Files::none, Way::loopback, "", 200, 403},
             {Files::none, Way::loopback, unknown, 200, 403},
             {Files::all, Way::loopback, "", 200, 401},
             {Files::all, Way::loopback, writer, 200, 200},
             {Files::all, Way::loopback, unknown, 401, 401},
             {Files::read, Way::loopback, "", 401, 403},
             {Files::read, Way::loopback, reader, 200, 403},
             {Files::read, Way::loopback, unknown, 401, 401},
             {Files::both, Way::loopback, "", 401, 401},
             {Files::both, Way::loopback, reader, 200, 403},
             {Files::both, Way::loopback, writer, 200, 200},
             // The settings allow none of these two; nothing passes all the same.
             {Files::none, Way::network, "", 401, 403},
             {Files::none, Way::network, unknown, 401, 403},
             {Files::all, Way::network, "", 401, 401},
             {Files::all, Way::network, writer, 200, 200},
             {Files::read, Way::network, reader, 200, 403},
             {Files::both, Way::network, unknown, 401, 401},
         }) {
        const auto gate = gate_with(files);
        SCOPED_TRACE(testing::Message()
                     << static_cast<int>(files) << ' ' << static_cast<int>(way) << ' ' << token);
        EXPECT_EQ(status_of(gate, request("GET", token), way), get);
        EXPECT_EQ(status_of(gate, request("HEAD", token), way), get);
        EXPECT_EQ(status_of(gate, request("PUT", token), way), put);
        EXPECT_EQ(status_of(gate, request("POST", token), way), put);
        EXPECT_EQ(status_of(gate, request("OPTIONS", token), way), put);
    }
}

TEST(Gate, says_how_to_authorize) {
    const auto gate = gate_with(Files::all);
    EXPECT_EQ(gate.admit(request("PUT"), Way::loopback).error().challenge,
              R"(Bearer realm="ballast")");
    EXPECT_EQ(gate.admit(request("PUT", "xxxxxxxxxxxxxxxx"), Way::loopback).error().challenge,
              R"(Bearer realm="ballast", error="invalid_token")");
    auto asked = request("PUT");
    asked.authorization = "bearer   " + std::string(writer) + " ";
    EXPECT_EQ(gate.admit(asked, Way::loopback).value().token, fingerprint_of(writer));
    asked.authorization = "Basic " + std::string(writer);
    EXPECT_EQ(gate.admit(asked, Way::loopback).error().status, 401);
    EXPECT_EQ(gate.admit(request("GET"), Way::loopback).value().token, "");
}

TEST(Gate, lets_everybody_ask_whether_ballast_serves) {
    const auto gate = gate_with(Files::both);
    for (const auto* const target : {"/livez", "/readyz"}) {
        auto asked = request("GET");
        asked.target = target;
        EXPECT_EQ(status_of(gate, asked, Way::network), 200);
        asked.method = "POST";
        EXPECT_EQ(status_of(gate, asked, Way::network), 401);
    }
}

TEST(Gate, tells_what_a_request_may_do) {
    struct Case {
        Files files;
        Way way;
        std::string_view token;
        bool may_change;
        bool may_sign_in;
    };
    for (const auto& [files, way, token, may_change, may_sign_in] : std::vector<Case>{
             {Files::both, Way::socket, "", true, false},
             {Files::none, Way::loopback, "", false, false},
             {Files::all, Way::loopback, "", false, true},
             {Files::all, Way::loopback, writer, true, false},
             {Files::both, Way::network, writer, true, false},
             {Files::both, Way::network, reader, false, true},
             {Files::read, Way::network, reader, false, false},
         }) {
        const auto admitted = gate_with(files).admit(request("GET", token), way);
        ASSERT_TRUE(admitted);
        EXPECT_EQ(admitted->rights.may_change, may_change) << token;
        EXPECT_EQ(admitted->rights.may_sign_in, may_sign_in) << token;
    }
}

TEST(Gate, tells_without_a_token_that_one_is_needed) {
    auto asked = request("GET");
    asked.target = "/v1/rights";
    const auto admitted = gate_with(Files::both).admit(asked, Way::network);
    ASSERT_TRUE(admitted);
    EXPECT_FALSE(admitted->rights.may_look);
    EXPECT_TRUE(admitted->rights.may_sign_in);
    asked.authorization = "Bearer xxxxxxxxxxxxxxxx";
    EXPECT_EQ(status_of(gate_with(Files::both), asked, Way::network), 401);
    asked = request("POST");
    asked.target = "/v1/rights";
    EXPECT_EQ(status_of(gate_with(Files::both), asked, Way::network), 401);
}

TEST(Gate, lets_everybody_have_the_page_but_not_what_it_shows) {
    const auto gate = gate_with(Files::both);
    for (const auto path : page_paths) {
        auto asked = request("GET");
        asked.target = path;
        EXPECT_EQ(status_of(gate, asked, Way::network), 200) << path;
        asked.target += "?from=a-chat";
        EXPECT_EQ(status_of(gate, asked, Way::network), 200) << path;
        asked.host = "evil.example.com";
        EXPECT_EQ(status_of(gate, asked, Way::network), 403) << path;
    }
    auto asked = request("GET");
    asked.target = "/page.js/../v1/state";
    EXPECT_EQ(status_of(gate, asked, Way::network), 401);
}

TEST(Gate, lets_links_from_elsewhere_lead_to_the_page_alone) {
    const auto gate = gate_with(Files::none);
    auto asked = request("GET");
    asked.fetch_site = "cross-site";
    EXPECT_EQ(status_of(gate, asked, Way::loopback), 403);
    asked.target = "/page.js";
    EXPECT_EQ(status_of(gate, asked, Way::loopback), 403);
    asked.target = "/";
    EXPECT_EQ(status_of(gate, asked, Way::loopback), 200);
    asked.method = "POST";
    EXPECT_EQ(status_of(gate, asked, Way::loopback), 403);
}

TEST(Gate, knows_web_pages_by_host_and_origin) {
    struct Case {
        std::string host;
        std::string origin;
        unsigned over_tcp;
        unsigned over_socket;
    };
    const auto gate = gate_with(Files::none);
    for (const auto& [host, origin, over_tcp, over_socket] : std::vector<Case>{
             {"", "", 200, 200},  // no browser
             {"127.0.0.1:8021", "", 200, 200},
             {"127.0.0.1", "", 200, 200},
             {"[::1]:8021", "", 200, 200},
             {"[::1]", "", 200, 200},
             {"192.0.2.1", "", 200, 200},
             {"localhost:8021", "", 200, 200},
             {"LocalHost", "", 200, 200},
             {"ballast.example.com", "", 200, 200},
             {"BALLAST.example.com:443", "", 200, 200},
             {"ballast", "", 403, 200},  // curl --unix-socket
             {"evil.example.com:8021", "", 403, 200},
             {"ballast.example.com.evil.com", "", 403, 200},
             {"127.0.0.1.evil.com", "", 403, 200},
             {"[::1", "", 200, 200},
             {"[", "", 403, 200},
             {"127.0.0.1:8021", "http://127.0.0.1:8021", 200, 200},
             {"localhost:8021", "https://localhost:8021", 200, 200},
             {"Ballast.example.com", "https://ballast.example.com", 200, 200},
             {"127.0.0.1:8021", "http://127.0.0.1", 403, 403},
             {"127.0.0.1:8021", "http://localhost:8021", 403, 403},
             {"127.0.0.1:8021", "http://evil.example.com", 403, 403},
             {"evil.example.com", "http://evil.example.com", 403, 403},
             {"127.0.0.1:8021", "null", 403, 403},
             {"127.0.0.1:8021", "http://", 403, 403},
             {"", "http://evil.example.com", 403, 403},
         }) {
        auto asked = request("GET");
        asked.host = host;
        asked.origin = origin;
        EXPECT_EQ(status_of(gate, asked, Way::loopback), over_tcp) << host << ' ' << origin;
        EXPECT_EQ(status_of(gate, asked, Way::socket), over_socket) << host << ' ' << origin;
    }
    // The GET of an image or a script has no Origin.
    for (const auto* const site : {"cross-site", "same-site", "same-origin", "none"}) {
        auto asked = request("GET");
        asked.host = "127.0.0.1:8021";
        asked.fetch_site = site;
        const bool is_own = asked.fetch_site == "same-origin" || asked.fetch_site == "none";
        EXPECT_EQ(status_of(gate, asked, Way::loopback), is_own ? 200U : 403U) << site;
    }
}

}  // namespace
}  // namespace ballast::admin
