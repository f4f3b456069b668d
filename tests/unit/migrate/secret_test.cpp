// SPDX-License-Identifier: Apache-2.0
#include "migrate/secret.h"

#include "migrate/importer.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace ballast::migrate {
namespace {

TEST(SecretTest, StaysHidden) {
    const std::pair<const char*, const char*> table[] = {
        {"", ""},
        {" ", " "},
        {"auth_pass geheim", "auth_pass ..."},
        {"auth_pass", "auth_pass"},
        {"auth_type PASS auth_pass geheim", "auth_type PASS auth_pass ..."},
        {"@main auth_pass geheim", "@main auth_pass ..."},
        {"@^main\tauth_pass\t\"ge heim\"", "@^main\tauth_pass\t..."},
        {"$PASS=geheim", "$PASS=..."},
        {"@main $PASS=\"ge heim\"", "@main $PASS=..."},
        {"key 1 geheim", "key ..."},
        {"filter bwlim-in up key src", "filter bwlim-in up key src"},
        {"misc_path \"/bin/check -p geheim\"", "misc_path \"/bin/check ...\""},
        {"misc_path /bin/check", "misc_path /bin/check"},
        {"notify_master \"/bin/mail -p geheim\" root", "notify_master \"/bin/mail ...\""},
        {"stats auth admin:geheim", "stats auth ..."},
        {"stats enable", "stats enable"},
        {"setenv PASS geheim", "setenv PASS ..."},
        {"presetenv PASS geheim", "presetenv PASS ..."},
        {"user ann insecure-password geheim groups g", "user ann insecure-password ..."},
        {"user ann password geheim", "user ann password ..."},
        {"tcp-check send-binary 676568656d", "tcp-check send-binary ..."},
        {"tcp-check send \"PASS geheim\" comment y", "tcp-check send ..."},
        {"tcp-check expect string 220", "tcp-check expect string 220"},
        {"SQLConnectInfo db@host user geheim", "SQLConnectInfo ..."},
        {"LDAPBindDN cn=a geheim", "LDAPBindDN ..."},
        {"RadiusAuthServer host geheim", "RadiusAuthServer ..."},
        {"UserPassword ann geheim", "UserPassword ..."},
        {"SetEnv PASS geheim", "SetEnv PASS ..."},
        {"ProxyReverseServers ftp://ann:geheim@a:21/x ftp://b:21 ftp://ann@c:21/",
         "ProxyReverseServers ftp://ann:...@a:21/x ftp://b:21 ftp://ann@c:21/"},
        {"x \"sql://ann:ge@heim@host/\"", "x \"sql://ann:...@host/\""},
        {"weight 3", "weight 3"},
    };
    for (const auto& [directive, shown] : table) EXPECT_EQ(without_secret(directive), shown);
}

/// Neither in the report nor in the configuration's comments.
TEST(SecretTest, StaysInTheImportedFile) {
    const std::pair<const char*, const char*> table[] = {
        {"keepalived",
         "$P=geheim\n@other auth_pass geheim\nvrrp_instance a {\nauth_pass $P\n}\n"
         "virtual_server 192.0.2.1 21 {\nprotocol TCP\nreal_server 10.0.0.1 21 {\nMISC_CHECK {\n"
         "misc_path \"/bin/check -p geheim\"\n}\n}\n}\n"},
        {"haproxy",
         "global\nsetenv P geheim\nlisten ftp\nmode tcp\nbind :21\nstats auth a:geheim\n"
         "option tcp-check\ntcp-check send \"PASS geheim\" comment y\nserver s 10.0.0.1:21 "
         "check\n"},
        {"proftpd",
         "ProxyEngine on\nSQLConnectInfo db a geheim\n"
         "ProxyReverseServers ftp://a:geheim@192.0.2.1 ftp://192.0.2.2\n"},
    };
    for (const auto& [language, text] : table) {
        const auto importers = all_importers();
        const auto importer = std::ranges::find(importers, language, &Importer::name);
        const auto done = run(*importer, {.file = "f", .text = text});
        ASSERT_TRUE(done) << language;
        EXPECT_FALSE(text_of(done->report).contains("geheim")) << text_of(done->report);
        EXPECT_FALSE(done->configuration.contains("geheim")) << done->configuration;
        EXPECT_TRUE(done->configuration.contains("[[pool.")) << done->configuration;
    }
}

}  // namespace
}  // namespace ballast::migrate
