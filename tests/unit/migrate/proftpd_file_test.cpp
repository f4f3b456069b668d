// SPDX-License-Identifier: Apache-2.0
#include "migrate/proftpd_file.h"

#include "migrate/proftpd_backends.h"
#include "migrate/proftpd_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ballast::migrate::proftpd {
namespace {

using namespace std::chrono_literals;

std::map<std::string, std::string> files;

void show(const std::vector<Directive>& directives, std::string& text) {
    for (const auto& directive : directives) {
        text += directive.name + '(';
        for (const auto& word : directive.words) text += '[' + word + ']';
        text += ')';
        if (!directive.is_block) continue;
        text += '{';
        show(directive.inside, text);
        text += '}';
    }
}

/// The directives, or the errors.
std::string read(const std::string& text) {
    auto machine = empty_machine();
    machine.read_file = [none = machine.read_file](const std::string& path) {
        const auto found = files.find(path);
        return found == files.end() ? none(path) : base::Result<std::string>(found->second);
    };
    machine.files_like = [](const std::string& pattern) {
        std::vector<std::string> found;
        for (const auto& [path, content] : files)
            if (path.starts_with(pattern.substr(0, pattern.find('*')))) found.push_back(path);
        return found;
    };
    machine.variable = [](const std::string& name) {
        return name == "A" ? std::optional<std::string>("a b") : std::nullopt;
    };
    const auto file = read_file({.file = "/etc/p.conf", .text = text, .machine = machine});
    std::string shown;
    if (file) {
        show(file->directives, shown);
    } else {
        for (const auto& error : file.error()) shown += to_string(error) + '\n';
    }
    return shown;
}

TEST(ProftpdFile, HasDirectivesAndBlocks) {
    EXPECT_EQ(read("# none\n\n Port 21 # here\r\nServerName \"a \\\"b\\\" c\" d\n"),
              "Port([21])ServerName([a \"b\" c][d])");
    EXPECT_EQ(read("<Limit LOGIN>\n Allow from \\\n  all\n</limit>\nA\n"),
              "Limit([LOGIN]){Allow([from][all])}A()");
    EXPECT_EQ(read("A x%{env:A}y %{env:B}z %{env:\n"), "A([xa by][z][%{env:])");
}

TEST(ProftpdFile, TakesModulesAsLoadedAndKnowsWhatIsDefined) {
    EXPECT_EQ(read("<IfModule mod_x.c>\nA\n<IfModule !mod_y.c>\nB\n<Limit X>\nC\n</Limit>\n"
                   "</IfModule>\n</IfModule>\n"),
              "A()");
    EXPECT_EQ(read("<IfDefine X>\nA\n</IfDefine>\nDefine X\n<IfDefine X>\nB\n</IfDefine>\n"
                   "<IfDefine !X>\nC\n</IfDefine>\n"),
              "Define([X])B()");
}

TEST(ProftpdFile, FollowsIncludes) {
    files = {
        {"/etc/one", "A\nInclude two\n"}, {"/etc/two", "B\n"}, {"/x/a", "C\n"}, {"/x/b", "D\n"}};
    EXPECT_EQ(
        read("<Global>\nInclude /etc/one\nInclude /x/*\nInclude /x/\nInclude /y/*\n</Global>\n"),
        "Global(){A()B()C()D()C()D()}");
    EXPECT_EQ(read("Include /none\n"),
              "/etc/p.conf:1: cannot read /none: No such file or directory (run the import where "
              "the file is)\n");
    EXPECT_EQ(read("Include\n"), "/etc/p.conf:1: Include has no path (name a file)\n");
}

TEST(ProftpdFile, TellsEveryErrorWithItsLine) {
    EXPECT_EQ(read("A \"b\n<Global\n</Global>\n<Global>\n</Limit>\n"),
              "/etc/p.conf:1: a double quote is not closed (add the closing \")\n"
              "/etc/p.conf:2: a block begins with <NAME ...> (add > at the end of the line)\n"
              "/etc/p.conf:3: '</Global>' closes nothing (remove it)\n"
              "/etc/p.conf:5: '</Limit>' closes nothing (write </Global> first)\n"
              "/etc/p.conf:4: <Global> is not closed (add </Global>)\n");
    EXPECT_EQ(read(std::string("A\n\0\n", 4)),
              "/etc/p.conf:2: the line has a NUL byte (remove it; this is not a text file)\n");
}

TEST(ProftpdFile, HasLimits) {
    files = {{"/etc/loop", "Include /etc/loop\n"}};
    EXPECT_EQ(read("Include /etc/loop\n"),
              "/etc/loop:1: files include each other too deeply (use at most 16 levels)\n");
    // A tree: each file includes the next one many times.
    files.clear();
    for (int i = 0; i < 4; ++i) {
        std::string many;
        for (int j = 0; j < 40; ++j) many += fmt::format("Include /etc/{}\n", i + 1);
        files[fmt::format("/etc/{}", i)] = many;
    }
    files["/etc/4"] = "A\n";
    EXPECT_NE(read("Include /etc/0\n").find("too many files are included"), std::string::npos);
    std::string deep;
    for (int i = 0; i < 40; ++i) deep += "<Directory x>\n";
    EXPECT_NE(read(deep).find("blocks are nested too deeply"), std::string::npos);
    EXPECT_EQ(read(std::string(bytes_max + 1, '#')),
              "/etc/p.conf: the files are too large (use at most 4194304 bytes)\n");
}

TEST(ProftpdServer, DirectivesOfAllServersAreBounded) {
    File file;
    const auto directive = [](const std::string& name, bool is_block) {
        return Directive{
            .place = {"p.conf", 1}, .name = name, .words = {}, .is_block = is_block, .inside = {}};
    };
    auto global = directive("Global", true);
    global.inside.assign(999, directive("Umask", false));
    file.directives.assign(101, directive("VirtualHost", true));
    file.directives.front() = global;
    EXPECT_TRUE(servers_of(file));
    file.directives.push_back(file.directives.back());
    const auto servers = servers_of(file);
    ASSERT_FALSE(servers);
    EXPECT_TRUE(to_string(servers.error()).contains("more than 100000 directives"));
}

TEST(ProftpdServer, TimesHaveSeveralForms) {
    EXPECT_EQ(parse_time("30"), 30s);
    EXPECT_EQ(parse_time("30sec"), 30s);
    EXPECT_EQ(parse_time("5Min"), 5min);
    EXPECT_EQ(parse_time("1hr"), 1h);
    EXPECT_EQ(parse_time("01:30:05"), 1h + 30min + 5s);
    EXPECT_EQ(parse_time("0"), 24h);
    EXPECT_EQ(parse_time("999999"), 24h);
    for (const auto* const wrong : {"", "x", "5 min", "-1", "1w", "1:x", "00:00:00:00:00"})
        EXPECT_EQ(parse_time(wrong), std::nullopt) << wrong;
}

TEST(ProftpdBackends, AreUrls) {
    const auto shown = [](std::string_view url) {
        const auto parsed = parse_url(url);
        return parsed ? fmt::format("{} {}{}{}", parsed->host, parsed->port,
                                    parsed->has_tls ? " tls" : "", parsed->is_srv ? " srv" : "")
                      : std::string(parsed.error());
    };
    const std::vector<std::pair<std::string_view, std::string_view>> cases{
        {"ftp://a", "a 21"},
        {"FTP://a:2121", "a 2121"},
        {"ftp://a:2121/path", "a 2121"},
        {"ftps://192.0.2.1:990", "192.0.2.1 990 tls"},
        {"ftp://[2001:db8::1]", "2001:db8::1 21"},
        {"ftp://[2001:db8::1]:2121", "2001:db8::1 2121"},
        {"ftps+srv://_ftp._tcp.a:5", "_ftp._tcp.a 0 tls srv"},
        {"ftp+txt://a", "Ballast looks up addresses and SRV records, not TXT records"},
        {"sftp://a", "Ballast speaks FTP and FTPS, not SFTP"},
        {"http://a", "it is not a URL of FTP, such as ftp://HOST:PORT"},
        {"a:21", "it is not a URL, such as ftp://HOST:PORT"},
        {"ftp://u:p@a", "clients log in to the servers with their own names"},
        {"ftp://", "it has no valid host or port"},
        {"ftp://a:x", "it has no valid host or port"},
        {"ftp://a:0", "it has no valid host or port"},
        {"ftp://[]:21", "it has no valid host or port"},
    };
    for (const auto& [url, expected] : cases) EXPECT_EQ(shown(url), expected) << url;
}

TEST(ProftpdBackends, AreListedInJson) {
    const auto count = [](std::string_view text) {
        const auto list = parse_json_list(text);
        return list ? static_cast<int>(list->size()) : -1;
    };
    EXPECT_EQ(count("[]"), 0);
    EXPECT_EQ(count(" [ \"a\" ,\n\"b\\/\\\"\" ] "), 2);
    for (const auto* const wrong : {"", "{}", "[", "[\"a\"", "[\"a", "[\"a\",]", "[a]",
                                    "[\"a\" \"b\"]", "[\"\\u0041\"]", "[\"\\"})
        EXPECT_EQ(count(wrong), -1) << wrong;
    std::string many = "[\"a\"";
    for (int i = 0; i < 10'000; ++i) many += ",\"a\"";
    EXPECT_EQ(count(many + "]"), -1);
}

}  // namespace
}  // namespace ballast::migrate::proftpd
