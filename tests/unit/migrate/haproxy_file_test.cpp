// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_file.h"

#include "migrate/haproxy_proxy.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::migrate::haproxy {
namespace {

std::expected<File, std::vector<SyntaxError>> reading(const std::string& text) {
    return read_file(text, "f.cfg", [](const std::string&) { return std::nullopt; });
}

/// The sections with their lines, or the errors.
std::string read(const std::string& text) {
    const auto file = reading(text);
    std::string shown;
    if (!file) {
        for (const auto& error : file.error()) shown += to_string(error) + '\n';
        return shown;
    }
    for (const auto& section : file->sections) {
        shown += section.kind + '/' + section.name + '/' + section.from + ':';
        for (const auto& line : section.lines) shown += ' ' + joined(line.words) + ';';
        shown += '\n';
    }
    return shown;
}

/// The errors of its proxies.
std::string errors_of_proxies(const std::string& text) {
    const auto file = reading(text);
    if (!file) return read(text);
    const auto proxies = read_proxies(*file, "f.cfg");
    std::string shown;
    if (!proxies)
        for (const auto& error : proxies.error()) shown += to_string(error) + '\n';
    return shown;
}

TEST(HaproxyFile, HasSectionsWithNamesAndDefaults) {
    EXPECT_EQ(read("global\n maxconn 5\r\ndefaults d\nlisten a from d\n bind :21\npeers p\n"),
              "global//: maxconn 5;\ndefaults/d/:\nlisten/a/d: bind :21;\npeers/p/:\n");
    EXPECT_EQ(read("defaults from\n"), "defaults//:\n");
}

TEST(HaproxyFile, DecidesItsConditions) {
    EXPECT_EQ(read("global\n.if 0\n a\n.elif 1\n b\n.elif 1\n c\n.else\n d\n.endif\n e\n"),
              "global//: b; e;\n");
    EXPECT_EQ(read("global\n.if 0\n.if 1\n a\n.else\n b\n.endif\n.else\n c\n.endif\n"),
              "global//: c;\n");
    EXPECT_EQ(read("global\n.if 1\n.if 0\n a\n.else\n b\n.endif\n.endif\n"), "global//: b;\n");
    // What does not count is not understood either.
    EXPECT_EQ(read("global\n.if 0\n.if nonsense\n.endif\n.alert no\n.endif\n"), "global//:\n");
}

TEST(HaproxyFile, SetsVariablesInGlobal) {
    EXPECT_EQ(read("global\n setenv A x\n presetenv A y\n presetenv B z\n log \"$A\" \"$B\"\n"
                   " unsetenv A\n log \"$A\" b\n resetenv B\n log \"$B\"\n"),
              "global//: setenv A x; presetenv A y; presetenv B z; log x z; unsetenv A; log b; "
              "resetenv B; log z;\n");
    EXPECT_EQ(read("listen a\n setenv A x\n id \"$A\"5\n"), "listen/a/: setenv A x; id 5;\n");
    EXPECT_EQ(read("listen a\n id \"${.FILE}:${.LINE} ${.SECTION}\"\n"),
              "listen/a/: id f.cfg:2 listen;\n");
}

TEST(HaproxyFile, TellsEveryErrorWithItsLine) {
    EXPECT_EQ(read("maxconn 5\n"),
              "f.cfg:1: 'maxconn' is in no section (begin with a section, such as `global`, "
              "`defaults` or `listen NAME`)\n");
    EXPECT_EQ(read("global\n a 'b\n c \"d\nlisten\nbackend b from x\n.if\n"),
              "f.cfg:2: a single quote is not closed (add the closing ', or write \\' for the "
              "character)\n"
              "f.cfg:3: a double quote is not closed (add the closing \", or write \\\" for the "
              "character)\n"
              "f.cfg:4: the listen has no name (write `listen NAME`)\n"
              "f.cfg:5: there is no defaults section 'x' before this (name one that comes earlier "
              "in the file)\n"
              "f.cfg:6: a .if is not closed (add .endif)\n");
    EXPECT_EQ(
        read("global\n.endif\n.fi\n.alert not here\n.if 1\n.else\n.else\n.endif\n"),
        "f.cfg:2: there is no .if for this .endif (remove it, or add .if)\n"
        "f.cfg:3: '.fi' is unknown (use .if, .elif, .else, .endif, .diag, .notice, .warning "
        "or .alert)\n"
        "f.cfg:4: the file refuses itself: not here (meet the condition around this .alert, or "
        "remove it)\n"
        "f.cfg:7: .else after .else (put .else last, and once)\n");
    EXPECT_EQ(read("global\n.if nope(1)\n.endif\n"),
              "f.cfg:2: the predicate 'nope' is unknown (use a number, or a predicate such as "
              "defined(NAME) or streq(a,b))\n");
}

TEST(HaproxyFile, HasLimits) {
    EXPECT_EQ(read(std::string(file_bytes_max + 1, '\n')),
              "f.cfg: the file is too large (use at most 4194304 bytes)\n");
    EXPECT_EQ(read("#" + std::string(line_bytes_max, 'x') + "\n"),
              "f.cfg:1: the line is too long (use at most 65536 bytes)\n");
    EXPECT_EQ(read(std::string("global\n a\0b\n", 12)),
              "f.cfg:2: the line has a NUL byte (remove it; this is not a text file)\n");
    std::string nested = "global\n";
    for (std::size_t i = 0; i <= conditions_max; ++i) nested += ".if 1\n";
    EXPECT_NE(read(nested).find("conditions are nested too deeply"), std::string::npos);
    // A value that doubles with each line.
    std::string bomb = "global\n setenv A xxxxxxxxxxxxxxxx\n";
    for (int i = 0; i < 64; ++i) bomb += " setenv A \"$A$A\"\n";
    EXPECT_NE(read(bomb).find("too long once its variables are expanded"), std::string::npos);
    // Many errors are not worth more than the first ones.
    std::string wrong = "global\n";
    for (int i = 0; i < 100; ++i) wrong += " 'x\n";
    EXPECT_EQ(reading(wrong).error().size(), 20U);
}

TEST(HaproxyFile, ProxiesInheritABoundedAmount) {
    std::string text = "defaults\n";
    for (int i = 0; i < 2000; ++i) text += " log global\n";
    for (int i = 0; i < 600; ++i) text += "backend b\n";
    EXPECT_NE(errors_of_proxies(text).find("inherit too much"), std::string::npos);
}

TEST(HaproxyFile, AddressesOfProxiesAreChecked) {
    EXPECT_EQ(
        errors_of_proxies("listen a\n bind\n bind 192.0.2.1\n bind :70000\n bind :9-5\n"
                          " server\n server b\n server c 192.0.2.1:x\n server d :21\n"
                          " server-template e 0 x:21\n server-template e\n"),
        "f.cfg:2: bind has no address (write `bind :21`)\n"
        "f.cfg:3: '192.0.2.1' has no valid port (write ADDRESS:PORT or ADDRESS:FIRST-LAST)\n"
        "f.cfg:4: ':70000' has no valid port (write ADDRESS:PORT or ADDRESS:FIRST-LAST)\n"
        "f.cfg:5: ':9-5' has no valid port (write ADDRESS:PORT or ADDRESS:FIRST-LAST)\n"
        "f.cfg:6: the server has no name or no address (write `server NAME ADDRESS:PORT`)\n"
        "f.cfg:7: the server has no name or no address (write `server NAME ADDRESS:PORT`)\n"
        "f.cfg:8: '192.0.2.1:x' is not an address (write ADDRESS, ADDRESS:PORT, ADDRESS:+N or "
        "ADDRESS:-N)\n"
        "f.cfg:9: ':21' is not an address (write ADDRESS, ADDRESS:PORT, ADDRESS:+N or "
        "ADDRESS:-N)\n"
        "f.cfg:10: server-template needs a prefix, a number and a name (write "
        "`server-template NAME 1-9 HOST:PORT`)\n"
        "f.cfg:11: server-template needs a prefix, a number and a name (write "
        "`server-template NAME 1-9 HOST:PORT`)\n");
    // Proxies of HTTP may have addresses of any kind.
    EXPECT_EQ(errors_of_proxies("listen a\n mode http\n bind quic4@:443\n bind\n"), "");
}

}  // namespace
}  // namespace ballast::migrate::haproxy
