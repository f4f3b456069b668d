// SPDX-License-Identifier: Apache-2.0
#include "backend/leg.h"

#include "backend/survey.h"
#include "loop/job.h"
#include "support/borrowed.h"
#include "support/fake_backend.h"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <optional>

namespace ballast::backend {
namespace {

using namespace std::chrono_literals;

class LegTest : public testing::Test {
protected:
    template <typename T>
    struct Run {
        static loop::Task<> into(loop::Task<T> task, std::optional<T>& result) {
            result.emplace(co_await std::move(task));
        }
    };
    /// A task's result, however long it takes on the loop's own clock.
    template <typename T>
    T result_of(loop::Task<T> task) {
        std::optional<T> result;
        const auto job = loop::Job::start(Run<T>::into(std::move(task), result));
        EXPECT_TRUE(loop.run_until([&] { return result.has_value(); }));
        return std::move(*result);
    }
    base::Result<std::unique_ptr<Leg>> connect() {
        const Contact contact{backend.address(),
                              support::borrowed(settings),
                              std::make_shared<const config::Backend>(),
                              nullptr,
                              known,
                              {}};
        return result_of(Leg::connect(network, contact, false, signal));
    }
    std::unique_ptr<Leg> logged_in() {
        auto leg = connect();
        EXPECT_TRUE(leg);
        EXPECT_EQ(result_of((*leg)->command("USER anna"))->code, 331);
        EXPECT_EQ(result_of((*leg)->command("PASS secret"))->code, 230);
        return std::move(*leg);
    }

    support::TestLoop loop;
    support::MemoryNetwork network{loop};
    config::Pool settings;
    std::shared_ptr<Known> known = std::make_shared<Known>();
    support::FakeBackend backend{network, {base::Ip::parse("10.0.0.11").value(), 21}};
    loop::Signal signal{loop};
};

TEST_F(LegTest, reads_the_greeting) {
    const auto leg = connect();
    ASSERT_TRUE(leg);
    EXPECT_EQ((*leg)->address(), backend.address());
}

TEST_F(LegTest, fails_with_a_reason_if_no_backend_serves) {
    const struct {
        const char* greeting;
        const char* reason;
        base::Fault fault;
    } table[] = {
        {"421 Too many.", "10.0.0.11:21 greeted with 421 Too many.", base::Fault::backend_full},
        {"530 Go away.", "10.0.0.11:21 greeted with 530 Go away.", base::Fault::backend},
        {"Hello.", "an invalid FTP reply from 10.0.0.11:21", base::Fault::backend},
    };
    for (const auto& row : table) {
        backend.script.greeting = row.greeting;
        const auto leg = connect();
        ASSERT_FALSE(leg);
        EXPECT_EQ(leg.error().fault, row.fault);
        EXPECT_EQ(base::to_string(leg.error()), row.reason);
    }
    backend.script.greeting = "";
    const auto silent = connect();
    ASSERT_FALSE(silent);
    EXPECT_EQ(silent.error().code, std::make_error_code(std::errc::timed_out));
    backend.kill();
    const auto refused = connect();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, std::make_error_code(std::errc::connection_refused));
}

TEST_F(LegTest, gives_up_on_a_reply_that_does_not_come_in_time) {
    const auto leg = logged_in();
    backend.script.replies["MDTM"] = "";
    const auto before = loop.now();
    const auto reply = result_of(leg->command("MDTM a"));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, std::make_error_code(std::errc::timed_out));
    EXPECT_EQ(loop.now() - before, settings.reply_timeout);
}

TEST_F(LegTest, sends_several_lines_at_once_and_hears_each_reply) {
    network.shape.slice_bytes = 4096;  // a backend that reads line by line
    const auto leg = logged_in();
    backend.script.replies["SIZE"] = "213 7";
    backend.script.replies["MDTM"] = "550 No.";
    ASSERT_TRUE(result_of(leg->send_several({"SIZE a", "MDTM a", "NOOP"})));
    for (const auto code : {213, 550, 200}) {
        const auto heard = result_of(leg->hear(settings.reply_timeout, false));
        ASSERT_TRUE(heard);
        EXPECT_EQ(heard->reply.code, code);
    }
    // No reply is owed any more, so the next command gets its own.
    const auto reply = result_of(leg->command("SIZE a"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->code, 213);
}

TEST_F(LegTest, knows_whether_a_lost_command_was_sent) {
    const auto leg = logged_in();
    backend.script.replies["MDTM"] = "";
    ASSERT_FALSE(result_of(leg->ask("MDTM a", false)));
    EXPECT_TRUE(leg->has_asked());
    backend.kill();
    ASSERT_FALSE(result_of(leg->ask("MDTM a", false)));
    EXPECT_FALSE(leg->has_asked());
}

TEST_F(LegTest, refuses_an_endless_reply_and_other_bytes) {
    for (const auto& words : {"211-x\r\n" + std::string(100'000, 'a'), std::string("hello")}) {
        auto leg = logged_in();
        backend.script.replies["STAT"] = words;
        const auto reply = result_of(leg->command("STAT"));
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().fault, base::Fault::backend);
    }
}

TEST_F(LegTest, returns_several_replies_one_by_one) {
    const auto leg = logged_in();
    backend.script.replies["SITE"] = "250 One.\r\n250-Two\r\n250 Two.\r\n421 Three.";
    EXPECT_EQ(result_of(leg->command("SITE x"))->text, "250 One.\r\n");
    EXPECT_EQ(leg->poll_reply()->value().text, "250-Two\r\n250 Two.\r\n");
    EXPECT_EQ(leg->poll_reply()->value().code, 421);
    EXPECT_FALSE(leg->poll_reply());
}

TEST_F(LegTest, returns_the_last_reply_before_the_end) {
    const auto leg = logged_in();
    leg->watch();
    backend.say_to_all("421 Going.");
    backend.kill();
    loop.settle();
    const auto words = leg->poll_reply();
    ASSERT_TRUE(words && *words);
    EXPECT_EQ((*words)->code, 421);
    leg->watch();
    loop.settle();
    const auto end = leg->poll_reply();
    ASSERT_TRUE(end);
    EXPECT_FALSE(*end);
}

TEST_F(LegTest, does_not_mistake_lines_behind_the_greeting_for_an_answer) {
    backend.script.greeting = "220 Hello.\r\n230 Welcome.\r\n250-More\r\n250 of it.";
    const auto leg = connect();
    ASSERT_TRUE(leg);
    EXPECT_EQ(result_of((*leg)->command("USER anna"))->code, 331);
    EXPECT_EQ(result_of((*leg)->command("PASS secret"))->code, 230);
    backend.script.replies["SITE"] = "250 One.\r\n250 Two.";
    EXPECT_EQ(result_of((*leg)->command("SITE x"))->text, "250 One.\r\n");
    EXPECT_EQ(result_of((*leg)->command("PWD"))->code, 257);
}

TEST_F(LegTest, sees_a_421_that_came_before_the_command) {
    backend.script.greeting = "220 Hello.\r\n230 Welcome.\r\n421 Going down.";
    const auto leg = connect();
    ASSERT_TRUE(leg);
    const auto reply = result_of((*leg)->command("USER anna"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->code, 421);
    EXPECT_FALSE(backend.has_heard("USER anna"));
}

/// A server whose bytes the test sends one by one.
class RawLegTest : public LegTest {
protected:
    RawLegTest() {
        backend.close();
        network.listen(backend.address(), [this](std::unique_ptr<net::Stream> stream) {
            peer = std::move(stream);
            say("220 Hello.\r\n");
        });
    }
    void say(std::string_view bytes) { ASSERT_EQ(peer->write(bytes).bytes, bytes.size()); }
    std::string heard() {
        std::array<char, 256> buffer{};
        const auto io = peer->read(buffer);
        return {buffer.data(), io.bytes};
    }
    /// The reply to a command that the server answers after reading it.
    std::string answer_to(Leg& leg, const char* line, const char* answer) {
        std::optional<base::Result<ftp::Reply>> result;
        const auto job =
            loop::Job::start(Run<base::Result<ftp::Reply>>::into(leg.command(line), result));
        loop.settle();
        EXPECT_EQ(heard(), std::string(line) + "\r\n");
        say(answer);
        EXPECT_TRUE(loop.run_until([&] { return result.has_value(); }));
        return *result ? (*result)->text : base::to_string(result->error());
    }
    std::unique_ptr<net::Stream> peer;
};

TEST_F(RawLegTest, drops_unexpected_replies_wherever_they_are_split) {
    constexpr std::string_view unasked = "230-Wel\r\n230 come.\r\n";
    for (std::size_t cut = 0; cut <= unasked.size(); ++cut) {
        const auto leg = connect();
        ASSERT_TRUE(leg);
        // The first part is there before USER is sent, the rest comes with its answer.
        say(unasked.substr(0, cut));
        const auto rest = std::string(unasked.substr(cut)) + "331 Password?\r\n";
        const auto expected = cut == 0 ? "230-Wel\r\n230 come.\r\n" : "331 Password?\r\n";
        EXPECT_EQ(answer_to(**leg, "USER anna", rest.c_str()), expected) << cut;
        if (cut != 0) {
            EXPECT_EQ(answer_to(**leg, "PASS x", "230 In.\r\n"), "230 In.\r\n") << cut;
        }
    }
}

TEST_F(RawLegTest, does_not_mistake_an_empty_line_for_the_beginning_of_a_reply) {
    const auto leg = connect();
    ASSERT_TRUE(leg);
    say("\r\n\r");
    EXPECT_EQ(answer_to(**leg, "USER anna", "\n331 Password?\r\n"), "331 Password?\r\n");
    say("\r\n");
    EXPECT_EQ(answer_to(**leg, "PASS x", "230 In.\r\n"), "230 In.\r\n");
    // Nor Telnet commands, complete or not.
    say("\xff\xfe\x18");
    EXPECT_EQ(answer_to(**leg, "CWD a", "250 Done.\r\n"), "250 Done.\r\n");
    say("\r\n\xff");
    EXPECT_EQ(answer_to(**leg, "CWD b",
                        "\xfc\x18"
                        "250 Done.\r\n"),
              "250 Done.\r\n");
}

TEST_F(RawLegTest, returns_only_the_part_of_an_unfinished_reply_that_its_caller_wants) {
    const auto leg = connect();
    ASSERT_TRUE(leg);
    const auto hear = [&](Leg::Part part) {
        return result_of((*leg)->hear(10s, loop::never, [part](std::uint16_t) { return part; }));
    };
    ASSERT_TRUE(result_of((*leg)->send_meanwhile("STAT")));
    say("211-a\r\n b\r\n");
    const auto before = loop.now();
    EXPECT_EQ(hear(Leg::Part::none).error().code, std::errc::timed_out);
    EXPECT_EQ(loop.now(), before);  // a reply that shall stay unread is not waited for
    const auto lines = hear(Leg::Part::lines);
    ASSERT_TRUE(lines);
    EXPECT_FALSE(lines->is_end);
    EXPECT_EQ(lines->reply, (ftp::Reply{211, "211-a\r\n b\r\n"}));
    say("211 c\r\n");
    EXPECT_EQ(hear(Leg::Part::lines)->reply.text, "211 c\r\n");

    ASSERT_TRUE(result_of((*leg)->send_meanwhile("STAT")));
    say("211-a\r\n b\r\n211 c\r\n");
    EXPECT_EQ(hear(Leg::Part::whole)->reply.text, "211-a\r\n b\r\n211 c\r\n");
    EXPECT_EQ(hear(Leg::Part::whole).error().code, std::errc::timed_out);
    EXPECT_EQ(loop.now(), before + 10s);
}

TEST_F(RawLegTest, gives_up_a_backend_that_sends_without_end) {
    constexpr auto said_too_much = [](const base::Error& error) {
        return base::to_string(error).contains("endless unexpected replies");
    };
    std::string flood;
    for (int i = 0; i < 200; ++i) flood += "200 And another thing.\r\n";
    {
        // While no command is pending.
        const auto leg = connect();
        ASSERT_TRUE(leg);
        (*leg)->watch();
        say(flood);
        loop.settle();
        int replies = 0;
        for (;; ++replies) {
            const auto said = (*leg)->poll_reply();
            ASSERT_TRUE(said) << replies;
            if (!*said) {
                EXPECT_TRUE(said_too_much(said->error()));
                break;
            }
        }
        EXPECT_LT(replies, 100);
    }
    {
        // Before a command.
        const auto leg = connect();
        ASSERT_TRUE(leg);
        say(flood);
        const auto reply = result_of((*leg)->command("NOOP"));
        ASSERT_FALSE(reply);
        EXPECT_TRUE(said_too_much(reply.error()));
    }
    {
        // Instead of the answer: 1xx replies without end.
        const auto leg = connect();
        ASSERT_TRUE(leg);
        std::string announcements;
        for (int i = 0; i < 200; ++i) announcements += "150 Soon.\r\n";
        EXPECT_EQ(answer_to(**leg, "SITE x", announcements.c_str()), "150 Soon.\r\n");
        for (int replies = 0;; ++replies) {
            ASSERT_LT(replies, 100);
            const auto said = (*leg)->poll_reply();
            ASSERT_TRUE(said);
            if (*said) continue;
            EXPECT_TRUE(said_too_much(said->error()));
            break;
        }
    }
}

TEST_F(RawLegTest, tolerates_a_backend_that_answers_everything_twice) {
    const auto leg = connect();
    ASSERT_TRUE(leg);
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(answer_to(**leg, "NOOP", "200 Yes.\r\n200 And again.\r\n"), "200 Yes.\r\n");
        loop.run_for(20ms);
    }
    // Also one that announces each of many transfers.
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(answer_to(**leg, "RETR x", "150 Soon.\r\n226 Done.\r\n"), "150 Soon.\r\n");
        ASSERT_EQ(result_of((*leg)->reply(loop.after(1s)))->code, 226);
    }
}

TEST_F(LegTest, treats_a_reply_that_looks_complete_as_complete_after_a_second) {
    const auto leg = logged_in();
    backend.script.replies["SITE"] = "211-One\r\n212 Two";
    const auto before = loop.now();
    EXPECT_EQ(result_of(leg->command("SITE x"))->code, 212);
    EXPECT_EQ(loop.now() - before, 1s);
}

TEST_F(LegTest, opens_data_with_epsv_and_falls_back_to_pasv_for_good) {
    backend.script.knows_epsv = false;
    const auto leg = logged_in();
    EXPECT_FALSE(known->prefers_pasv());
    ASSERT_TRUE(result_of(leg->open_data()));
    EXPECT_TRUE(known->prefers_pasv());
    ASSERT_TRUE(result_of(leg->open_data()));
    EXPECT_EQ(std::ranges::count(backend.heard, "EPSV"), 1);
    EXPECT_EQ(std::ranges::count(backend.heard, "PASV"), 2);
}

TEST_F(LegTest, tries_epsv_again_if_pasv_is_unknown_too) {
    known->set_prefers_pasv(true);
    backend.script.replies["PASV"] = "502 What?";
    const auto leg = logged_in();
    EXPECT_TRUE(result_of(leg->open_data()));
    EXPECT_FALSE(known->prefers_pasv());
    EXPECT_TRUE(result_of(leg->open_data()));
    EXPECT_EQ(std::ranges::count(backend.heard, "PASV"), 1);
}

TEST_F(LegTest, distinguishes_a_refused_data_connection_from_a_lost_backend) {
    auto leg = logged_in();
    backend.script.replies["EPSV"] = "425 No port.";
    const auto refused = result_of(leg->open_data());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reply->code, 425);
    EXPECT_FALSE(refused.error().control_is_lost);
    EXPECT_FALSE(backend.has_heard("PASV"));

    backend.script.replies["EPSV"] = "229 Here (|||1|)";
    const auto unreachable = result_of(leg->open_data());
    ASSERT_FALSE(unreachable);
    EXPECT_FALSE(unreachable.error().reply);
    EXPECT_FALSE(unreachable.error().control_is_lost);

    backend.script.replies["EPSV"] = "";
    const auto lost = result_of(leg->open_data());
    ASSERT_FALSE(lost);
    EXPECT_TRUE(lost.error().control_is_lost);
}

TEST_F(LegTest, learns_the_greeting_from_a_survey_if_any_client_may_see_it) {
    const struct {
        std::string said;
        std::string learnt;
    } table[] = {
        {"220 Welcome to alf1.", "220 Welcome to alf1.\r\n"},
        {"220-Here\r\nis\r\n421 alf1\r\n220 Go on.",
         "220-Here\r\nis\r\n421 alf1\r\n220 Go on.\r\n"},
        {"120 Soon.\r\n220 Now.", "220 Now.\r\n"},
        {"220 \x1b[31mred\x07\x7f", "220  [31mred  \r\n"},
        {"220 a\xff\xfd\x18z", "220 a \xfd z\r\n"},
        {std::string("220 a\0z", 7), "220 a z\r\n"},
        {"230 You are in.", ""},
        {"220 " + std::string(4096, 'x'), ""},
    };
    for (const auto& row : table) {
        backend.script.greeting = row.said;
        const auto leg = connect();
        ASSERT_TRUE(leg);
        const auto survey = result_of(take_survey(**leg));
        ASSERT_TRUE(survey);
        EXPECT_EQ(survey->greeting, row.learnt);
        // The greeting takes no memory for the rest of the session.
        EXPECT_EQ((*leg)->take_greeting(), ftp::Reply());
    }
}

TEST_F(LegTest, takes_a_survey) {
    backend.script.features = " SIZE\r\n REST STREAM\r\n";
    backend.script.replies["NOOP"] = "250 Still here.";
    const auto leg = logged_in();
    const auto survey = result_of(take_survey(*leg));
    ASSERT_TRUE(survey);
    EXPECT_TRUE(survey->answers_feat);
    EXPECT_TRUE(survey->features.has("SIZE"));
    EXPECT_EQ(survey->system, "UNIX Type: L8");
    EXPECT_EQ(survey->noop_code, 250);
}

TEST_F(LegTest, leaves_unanswered_questions_of_a_survey_at_their_defaults) {
    backend.script.replies = {{"FEAT", "502 What?"}, {"SYST", "502 What?"}, {"NOOP", "530 No."}};
    const auto leg = logged_in();
    const auto survey = result_of(take_survey(*leg));
    ASSERT_TRUE(survey);
    EXPECT_FALSE(survey->answers_feat);
    EXPECT_TRUE(survey->features.empty());
    EXPECT_EQ(survey->system, "");
    EXPECT_EQ(survey->noop_code, std::nullopt);
}

}  // namespace
}  // namespace ballast::backend
