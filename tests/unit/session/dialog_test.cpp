// SPDX-License-Identifier: Apache-2.0
#include "session/dialog.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::session {
namespace {

using Login = Dialog::Login;

ftp::Command command(const std::string& line) {
    const auto space = line.find(' ');
    return {line.substr(0, space),
            space == std::string::npos ? std::string() : line.substr(space + 1), line};
}

/// A listener without TLS.
const config::Listener& listener() {
    static const config::Listener settings;
    return settings;
}

Dialog dialog_at(Login login) {
    Dialog dialog(listener());
    dialog.set_login(login);
    return dialog;
}

/// The step for a line, and Ballast's own reply if there is one.
struct Row {
    const char* line;
    Login login;
    Step step;
    int code = 0;
};

constexpr Row before_login[] = {
    {"USER anna", Login::none, Step::log_in},
    {"USER", Login::none, Step::answer, 501},
    {"PASS x", Login::none, Step::answer, 503},
    {"ACCT x", Login::none, Step::answer, 503},
    {"USER anna", Login::in_progress, Step::log_in},
    {"PASS x", Login::in_progress, Step::credential},
    {"ACCT x", Login::in_progress, Step::credential},
    {"QUIT", Login::none, Step::quit},
    {"FEAT", Login::none, Step::features},
    {"REIN", Login::none, Step::reinitialize},
    {"NOOP", Login::none, Step::answer, 200},
    {"SYST", Login::none, Step::answer, 215},
    {"HELP", Login::none, Step::answer, 214},
    {"ABOR", Login::none, Step::answer, 226},
    {"CLNT x", Login::none, Step::answer_noted, 200},
    {"OPTS UTF8 ON", Login::none, Step::answer_noted, 200},
    {"HOST a.example", Login::none, Step::answer_noted, 220},
    {"HOST a.example", Login::in_progress, Step::answer, 503},
    {"AUTH TLS", Login::none, Step::answer, 502},
    {"PBSZ 0", Login::none, Step::answer, 502},
    {"PROT P", Login::none, Step::answer, 502},
    {"CCC", Login::none, Step::answer, 502},
    {"PASV", Login::none, Step::answer, 530},
    {"EPSV", Login::none, Step::answer, 530},
    {"PORT 1,2,3,4,5,6", Login::none, Step::answer, 530},
    {"EPRT |1|1.2.3.4|5|", Login::none, Step::answer, 530},
    {"REST 5", Login::none, Step::answer, 530},
    {"STAT", Login::none, Step::answer, 530},
    {"SITE HELP", Login::none, Step::answer, 530},
    {"XYZZY", Login::none, Step::answer, 500},
    {"XYZZY", Login::in_progress, Step::answer, 500},
};

constexpr Row after_login[] = {
    {"USER anna", Login::done, Step::credential},
    {"PASS x", Login::done, Step::credential},
    {"ACCT x", Login::done, Step::credential},
    {"QUIT", Login::done, Step::quit},
    {"FEAT", Login::done, Step::features},
    {"REIN", Login::done, Step::reinitialize},
    {"PASV", Login::done, Step::passive},
    {"EPSV", Login::done, Step::passive},
    {"EPSV 1", Login::done, Step::passive},
    {"EPSV nonsense", Login::done, Step::passive},
    {"EPSV ALL", Login::done, Step::answer, 200},
    {"EPSV all", Login::done, Step::answer, 200},
    {"PORT 1,2,3,4,5,6", Login::done, Step::active},
    {"EPRT |1|1.2.3.4|5|", Login::done, Step::active},
    {"REST 5", Login::done, Step::restart},
    {"ABOR", Login::done, Step::abort},
    {"STAT", Login::done, Step::forward},
    {"HOST a.example", Login::done, Step::answer, 503},
    {"AUTH TLS", Login::done, Step::answer, 502},
    {"MODE S", Login::done, Step::forward},
    {"MODE Z", Login::done, Step::forward},
    {"MODE", Login::done, Step::forward},
    {"MODE B", Login::done, Step::answer, 504},
    {"MODE b", Login::done, Step::answer, 504},
    {"MODE C", Login::done, Step::answer, 504},
    {"RETR a", Login::done, Step::transfer},
    {"STOR a", Login::done, Step::transfer},
    {"STOU", Login::done, Step::transfer},
    {"APPE a", Login::done, Step::transfer},
    {"LIST", Login::done, Step::transfer},
    {"NLST", Login::done, Step::transfer},
    {"MLSD", Login::done, Step::transfer},
    {"MLST", Login::done, Step::forward},
    {"NOOP", Login::done, Step::forward},
    {"SYST", Login::done, Step::forward},
    {"HELP", Login::done, Step::forward},
    {"OPTS UTF8 ON", Login::done, Step::forward},
    {"XYZZY", Login::done, Step::forward},
    {"LPRT 1", Login::done, Step::answer, 502},
    {"LPSV", Login::done, Step::answer, 502},
    {"SPSV", Login::done, Step::answer, 502},
    {"ADAT x", Login::done, Step::answer, 502},
    {"MIC x", Login::done, Step::answer, 502},
    {"CONF x", Login::done, Step::answer, 502},
    {"ENC x", Login::done, Step::answer, 502},
};

void expect_row(const Row& row) {
    Dialog dialog = dialog_at(row.login);
    const auto decision = dialog.next(command(row.line), false);
    EXPECT_EQ(static_cast<int>(decision.step), static_cast<int>(row.step)) << row.line;
    EXPECT_EQ(decision.reply.code, row.code) << row.line;
}

TEST(Dialog, answers_by_itself_before_login) {
    for (const auto& row : before_login) expect_row(row);
}

TEST(Dialog, decides_by_the_verb_after_login) {
    for (const auto& row : after_login) expect_row(row);
}

TEST(Dialog, lets_no_verb_reach_a_backend_before_login) {
    for (const auto& verb : ftp::verbs()) {
        Dialog dialog(listener());
        const auto [step, reply] = dialog.next(command(std::string(verb.name) + " x"), true);
        const bool is_local = step == Step::answer || step == Step::answer_noted ||
                              step == Step::features || step == Step::reinitialize ||
                              step == Step::quit || step == Step::log_in;
        EXPECT_TRUE(is_local) << verb.name;
        if (verb.before_login == ftp::BeforeLogin::refused && step == Step::answer) {
            EXPECT_GE(reply.code, 500) << verb.name;
        }
    }
}

TEST(Dialog, sends_every_verb_that_moves_data_to_the_transfer) {
    for (const auto& verb : ftp::verbs()) {
        Dialog dialog = dialog_at(Login::done);
        const auto step = dialog.next(command(std::string(verb.name)), true).step;
        EXPECT_EQ(step == Step::transfer, verb.handling == ftp::Handling::transfer) << verb.name;
    }
}

TEST(Dialog, treats_an_unknown_verb_as_a_transfer_while_a_data_address_is_pending) {
    Dialog dialog = dialog_at(Login::done);
    EXPECT_EQ(dialog.next(command("XYZZY a"), true).step, Step::maybe_transfer);
    EXPECT_EQ(dialog.next(command("XYZZY a"), false).step, Step::forward);
    EXPECT_EQ(dialog.next(command("SITE a"), true).step, Step::forward);
}

TEST(Dialog, rejects_all_but_epsv_after_epsv_all_until_rein) {
    Dialog dialog = dialog_at(Login::done);
    EXPECT_EQ(dialog.next(command("EPSV ALL"), false).step, Step::answer);
    for (const char* line : {"PASV", "PORT 1,2,3,4,5,6", "EPRT |1|1.2.3.4|5|"}) {
        const auto decision = dialog.next(command(line), false);
        EXPECT_EQ(decision.step, Step::answer) << line;
        EXPECT_EQ(decision.reply.code, 503) << line;
    }
    EXPECT_EQ(dialog.next(command("EPSV"), false).step, Step::passive);
    dialog.reinitialize();
    EXPECT_EQ(dialog.login(), Login::none);
    dialog.set_login(Login::done);
    EXPECT_EQ(dialog.next(command("PASV"), false).step, Step::passive);
}

}  // namespace
}  // namespace ballast::session
