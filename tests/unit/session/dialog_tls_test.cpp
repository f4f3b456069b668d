// SPDX-License-Identifier: Apache-2.0
// What the dialog answers to RFC 4217's commands.
#include "session/dialog.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::session {
namespace {

using Login = Dialog::Login;
using config::TlsRequire;

ftp::Command command(const std::string& line) {
    const auto space = line.find(' ');
    return {line.substr(0, space),
            space == std::string::npos ? std::string() : line.substr(space + 1), line};
}

config::Listener listener_with_tls(TlsRequire require = TlsRequire::none, bool ccc = false) {
    config::Listener settings;
    settings.tls.emplace();
    settings.tls->require = require;
    settings.tls->ccc = ccc;
    return settings;
}

/// The step for a line, and Ballast's own reply if there is one.
struct Row {
    const char* line;
    Step step;
    int code = 0;
};

void expect_row(Dialog& dialog, const Row& row) {
    const auto decision = dialog.next(command(row.line), false);
    EXPECT_EQ(static_cast<int>(decision.step), static_cast<int>(row.step)) << row.line;
    EXPECT_EQ(decision.reply.code, row.code) << row.line;
}

TEST(DialogTls, is_offered_in_plain_text) {
    const auto settings = listener_with_tls();
    constexpr Row rows[] = {
        {"AUTH TLS", Step::start_tls, 234},
        {"AUTH tls", Step::start_tls, 234},
        {"AUTH TLS-C", Step::start_tls, 234},
        {"AUTH TLS-P", Step::start_tls, 234},
        {"AUTH SSL", Step::start_tls, 234},
        {"AUTH KERBEROS_V4", Step::answer, 504},
        {"AUTH GSSAPI", Step::answer, 504},
        {"AUTH", Step::answer, 501},
        {"PBSZ 0", Step::answer, 503},
        {"PROT P", Step::answer, 503},
        {"PROT C", Step::answer, 503},
        {"CCC", Step::answer, 533},
        {"USER anna", Step::log_in},
        {"REIN", Step::reinitialize},
        {"FEAT", Step::features},
        {"ADAT x", Step::answer, 502},
        {"MIC x", Step::answer, 502},
    };
    for (const auto& row : rows) {
        Dialog dialog(settings);
        expect_row(dialog, row);
        EXPECT_FALSE(dialog.protects_data());
    }
}

TEST(DialogTls, is_not_offered_if_the_listener_has_only_implicit_tls) {
    auto settings = listener_with_tls();
    settings.tls->explicit_tls = false;
    Dialog dialog(settings);
    expect_row(dialog, {"AUTH TLS", Step::answer, 502});
    EXPECT_FALSE(dialog.offers_auth());
}

TEST(DialogTls, protects_data_as_the_client_says) {
    const auto settings = listener_with_tls();
    Dialog dialog(settings);
    expect_row(dialog, {"AUTH TLS", Step::start_tls, 234});
    dialog.tls_began("");
    constexpr Row rows[] = {
        {"AUTH TLS", Step::answer, 503}, {"PROT P", Step::answer, 503},
        {"PROT C", Step::answer, 503},   {"PBSZ", Step::answer, 501},
        {"PBSZ x", Step::answer, 501},   {"PBSZ -1", Step::answer, 501},
        {"PROT P", Step::answer, 503},   {"PBSZ 16384", Step::answer, 200},
        {"PROT", Step::answer, 504},     {"PROT X", Step::answer, 504},
        {"PROT S", Step::answer, 536},   {"PROT E", Step::answer, 536},
        {"REIN", Step::answer, 502},     {"CCC", Step::answer, 534},
    };
    for (const auto& row : rows) {
        expect_row(dialog, row);
        EXPECT_FALSE(dialog.protects_data()) << row.line;
    }
    // RFC 4217 8: the answer is always 0.
    EXPECT_EQ(dialog.next(command("PBSZ 0"), false).reply.text, "200 PBSZ=0\r\n");
    expect_row(dialog, {"PROT P", Step::answer, 200});
    EXPECT_TRUE(dialog.protects_data());
    expect_row(dialog, {"PROT S", Step::answer, 536});
    EXPECT_TRUE(dialog.protects_data());
    expect_row(dialog, {"PROT c", Step::answer, 200});
    EXPECT_FALSE(dialog.protects_data());
    expect_row(dialog, {"PROT p", Step::answer, 200});
    EXPECT_TRUE(dialog.protects_data());
}

TEST(DialogTls, protects_data_at_once_if_the_mechanism_implies_it) {
    const auto settings = listener_with_tls();
    for (const char* line : {"AUTH TLS-P", "AUTH SSL"}) {
        Dialog dialog(settings);
        expect_row(dialog, {line, Step::start_tls, 234});
        dialog.tls_began("");
        EXPECT_TRUE(dialog.protects_data()) << line;
        expect_row(dialog, {"PROT C", Step::answer, 200});
        EXPECT_FALSE(dialog.protects_data()) << line;
    }
    for (const char* line : {"AUTH TLS", "AUTH TLS-C"}) {
        Dialog dialog(settings);
        expect_row(dialog, {line, Step::start_tls, 234});
        dialog.tls_began("");
        EXPECT_FALSE(dialog.protects_data()) << line;
    }
    Dialog implicit(settings);
    implicit.tls_began_implicitly("");
    EXPECT_TRUE(implicit.protects_data());
    expect_row(implicit, {"AUTH TLS", Step::answer, 503});
}

TEST(DialogTls, can_be_required_for_the_login) {
    for (const auto require : {TlsRequire::login, TlsRequire::login_and_data}) {
        const auto settings = listener_with_tls(require);
        Dialog dialog(settings);
        expect_row(dialog, {"USER anna", Step::answer, 530});
        expect_row(dialog, {"PASS x", Step::answer, 503});
        expect_row(dialog, {"FEAT", Step::features});
        dialog.tls_began("");
        expect_row(dialog, {"USER anna", Step::log_in});
    }
}

TEST(DialogTls, can_be_required_for_data) {
    const auto settings = listener_with_tls(TlsRequire::login_and_data);
    Dialog dialog(settings);
    dialog.tls_began("");
    dialog.set_login(Login::done);
    for (const char* line : {"RETR a", "STOR a", "APPE a", "STOU", "LIST", "NLST", "MLSD"})
        expect_row(dialog, {line, Step::answer, 521});
    // An unknown verb may move data while a data address is pending.
    const auto decision = dialog.next(command("XYZZY"), true);
    EXPECT_EQ(decision.step, Step::answer);
    EXPECT_EQ(decision.reply.code, 521);
    expect_row(dialog, {"XYZZY", Step::forward});
    expect_row(dialog, {"PBSZ 0", Step::answer, 200});
    expect_row(dialog, {"PROT C", Step::answer, 534});
    expect_row(dialog, {"PROT P", Step::answer, 200});
    expect_row(dialog, {"RETR a", Step::transfer});
    expect_row(dialog, {"PROT C", Step::answer, 534});
    EXPECT_TRUE(dialog.protects_data());
}

TEST(DialogTls, allows_plain_data_if_only_the_login_needs_tls) {
    const auto settings = listener_with_tls(TlsRequire::login);
    Dialog dialog(settings);
    dialog.tls_began("");
    dialog.set_login(Login::done);
    expect_row(dialog, {"RETR a", Step::transfer});
}

TEST(DialogTls, forgets_the_login_and_epsv_all_at_auth) {
    const auto settings = listener_with_tls();
    Dialog dialog(settings);
    dialog.set_login(Login::done);
    expect_row(dialog, {"EPSV ALL", Step::answer, 200});
    expect_row(dialog, {"AUTH TLS", Step::start_tls, 234});
    dialog.tls_began("");
    EXPECT_EQ(dialog.login(), Login::none);
    dialog.set_login(Login::done);
    expect_row(dialog, {"PASV", Step::passive});
}

TEST(DialogTls, ends_with_ccc_if_allowed_and_never_begins_again) {
    const auto settings = listener_with_tls(TlsRequire::login, true);
    Dialog dialog(settings);
    expect_row(dialog, {"CCC", Step::answer, 533});
    dialog.tls_began("");
    dialog.set_login(Login::done);
    expect_row(dialog, {"PBSZ 0", Step::answer, 200});
    expect_row(dialog, {"PROT P", Step::answer, 200});
    expect_row(dialog, {"CCC", Step::leave_tls, 200});
    dialog.tls_left();
    EXPECT_TRUE(dialog.protects_data());
    expect_row(dialog, {"AUTH TLS", Step::answer, 503});
    expect_row(dialog, {"PROT C", Step::answer, 503});
    expect_row(dialog, {"CCC", Step::answer, 533});
    expect_row(dialog, {"REIN", Step::answer, 502});
    expect_row(dialog, {"RETR a", Step::transfer});
    // A login would be in plain text.
    expect_row(dialog, {"USER berta", Step::answer, 530});
    EXPECT_FALSE(dialog.offers_auth());
}

TEST(DialogTls, requires_host_to_equal_the_name_in_the_handshake) {
    const auto settings = listener_with_tls();
    Dialog dialog(settings);
    expect_row(dialog, {"HOST whatever.example.com", Step::answer_noted, 220});
    dialog.tls_began("ftp.example.com");
    expect_row(dialog, {"HOST other.example.com", Step::answer, 504});
    expect_row(dialog, {"HOST ftp.example.com", Step::answer_noted, 220});
    expect_row(dialog, {"HOST FTP.Example.com", Step::answer_noted, 220});
    Dialog nameless(settings);
    nameless.tls_began("");
    expect_row(nameless, {"HOST other.example.com", Step::answer_noted, 220});
}

}  // namespace
}  // namespace ballast::session
