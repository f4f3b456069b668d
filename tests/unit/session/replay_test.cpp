// SPDX-License-Identifier: Apache-2.0
#include "session/replay.h"

#include "loop/job.h"
#include "support/fake_backend.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <optional>
#include <random>

namespace ballast::session {
namespace {

using Kind = ReplayProblem::Kind;
using Lines = std::vector<std::string>;

ftp::Command command(const std::string& line) {
    const auto space = line.find(' ');
    return {line.substr(0, space),
            space == std::string::npos ? std::string() : line.substr(space + 1), line};
}

/// "link" leads to a directory with a different parent.
const support::DirectoryTree& tree() {
    static const support::DirectoryTree tree{
        {"/", "/a", "/a/b", "/a/b/c", "/x", "/x/deep", "/say \"hi\"", "/caf\xc3\xa9"},
        {{"/a/link", "/x/deep"}, {"/x/back", "/a"}}};
    return tree;
}

class ReplayTest : public testing::Test {
protected:
    ReplayTest() {
        for (auto* each : {&first, &second}) each->script.tree = tree();
    }

    template <typename T>
    struct Run {
        static loop::Task<> into(loop::Task<T> task, std::optional<T>& result) {
            result.emplace(co_await std::move(task));
        }
    };
    template <typename T>
    T result_of(loop::Task<T> task) {
        std::optional<T> result;
        const auto job = loop::Job::start(Run<T>::into(std::move(task), result));
        EXPECT_TRUE(loop.run_until([&] { return result.has_value(); }));
        return std::move(*result);
    }
    std::unique_ptr<backend::Leg> log_in(const support::FakeBackend& backend) {
        const backend::Contact contact{
            backend.address(), settings, std::make_shared<const config::Backend>(),
            nullptr,           known,    {}};
        auto leg = result_of(backend::Leg::connect(network, contact, false, signal));
        EXPECT_TRUE(leg);
        EXPECT_EQ(result_of((*leg)->command("USER anna"))->code, 331);
        EXPECT_EQ(result_of((*leg)->command("PASS secret"))->code, 230);
        return std::move(*leg);
    }
    /// Like a session that forwards its client's commands.
    void say(backend::Leg& leg, const std::string& line) {
        const auto said = command(line);
        const auto reply = result_of(leg.command(said.line));
        ASSERT_TRUE(reply) << line;
        if (ftp::transfers_file(said.verb))
            return journal.note_transfer(said, reply->is_negative());
        journal.note(said, *reply);
    }
    void say_all(const Lines& lines) {
        journal.note_login();
        const auto leg = log_in(first);
        for (const auto& line : lines) say(*leg, line);
    }
    Replayed replay_on_second() {
        leg_of_second = log_in(second);
        second.heard.clear();
        return result_of(replay(*leg_of_second, journal));
    }
    void expect_same_state(const Lines& lines) {
        say_all(lines);
        const auto replayed = replay_on_second();
        ASSERT_TRUE(replayed) << to_string(replayed.error());
        EXPECT_EQ(support::to_string(second.state()), support::to_string(first.state()));
    }
    void expect_refusal_to_replay(const Lines& lines, const std::string& reason) {
        journal.clear();
        say_all(lines);
        const auto replayed = replay_on_second();
        ASSERT_FALSE(replayed);
        EXPECT_EQ(replayed.error().kind, Kind::incomplete);
        EXPECT_EQ(to_string(replayed.error()), "the journal is not complete: " + reason);
        EXPECT_EQ(second.heard, Lines{});
    }

    support::TestLoop loop;
    support::MemoryNetwork network{loop};
    const std::shared_ptr<const config::Pool> settings = std::make_shared<config::Pool>();
    std::shared_ptr<backend::Known> known = std::make_shared<backend::Known>();
    support::FakeBackend first{network, {base::Ip::parse("10.0.0.11").value(), 21}};
    support::FakeBackend second{network, {base::Ip::parse("10.0.0.12").value(), 21}};
    loop::Signal signal{loop};
    Journal journal;
    std::unique_ptr<backend::Leg> leg_of_second;
};

TEST_F(ReplayTest, of_an_empty_journal_sends_nothing) {
    expect_same_state({});
    EXPECT_EQ(second.heard, Lines{});
}

TEST_F(ReplayTest, brings_another_backend_to_the_same_state) {
    expect_same_state({"CLNT tester", "OPTS UTF8 ON", "OPTS MODE Z LEVEL 5", "OPTS MODE Z BLOCK 64",
                       "LANG de", "SITE UMASK 077", "SITE IDLE 60", "TYPE L 8", "MODE Z", "STRU R",
                       "ALLO 5", "CWD /a", "PWD", "CWD link", "CDUP"});
    EXPECT_EQ(second.state().directory, "/x");
    EXPECT_EQ(second.heard,
              (Lines{"CLNT tester", "OPTS UTF8 ON", "OPTS MODE Z LEVEL 5", "OPTS MODE Z BLOCK 64",
                     "LANG de", "SITE UMASK 077", "SITE IDLE 60", "TYPE L 8", "MODE Z", "STRU R",
                     "ALLO 5", "CWD /a", "PWD", "CWD link", "CDUP"}));
}

TEST_F(ReplayTest, ends_with_rnfr_or_rest) {
    expect_same_state({"CWD /a", "PWD", "RNFR b"});
    EXPECT_EQ(second.heard, (Lines{"CWD /a", "PWD", "RNFR b"}));
    EXPECT_EQ(result_of(leg_of_second->command("RNTO d"))->code, 250);
    journal.clear();
    expect_same_state({"REST 5"});
    EXPECT_EQ(second.state().restart, 5);
    EXPECT_TRUE(leg_of_second->is_restart_armed());
}

TEST_F(ReplayTest, sends_nothing_that_the_first_backend_refused) {
    expect_same_state({"OPTS NONSENSE", "TYPE X", "CWD missing", "RNFR missing", "MODE Q"});
    EXPECT_EQ(second.heard, Lines{});
}

TEST_F(ReplayTest, reads_a_name_with_quotes_from_a_257) {
    expect_same_state({"CWD say \"hi\"", "PWD"});
    EXPECT_EQ(second.heard, (Lines{"CWD /say \"hi\"", "PWD"}));
}

TEST_F(ReplayTest, does_not_begin_if_the_journal_is_incomplete) {
    expect_refusal_to_replay({"TYPE I", "SITE TURBO ON", "TYPE A"},
                             "SITE TURBO may have changed the session");
    expect_refusal_to_replay({"TURBO ON"}, "TURBO may have changed the session");
    expect_refusal_to_replay({"SMNT /x"}, "SMNT may have changed the session");
    expect_refusal_to_replay({"ACCT secret"}, "ACCT may have changed the session");
    expect_refusal_to_replay({"REST 5", "NOOP"}, "the backend may have forgotten REST");
    expect_refusal_to_replay({"CWD caf\xc3\xa9", "OPTS UTF8 ON"},
                             "the directory is not known: the encoding of names changed");
}

TEST_F(ReplayTest, reports_what_was_refused_and_how) {
    say_all({"TYPE I", "CWD /a", "PWD"});
    second.script.tree->directories = {"/"};
    const auto replayed = replay_on_second();
    ASSERT_FALSE(replayed);
    EXPECT_EQ(replayed.error().kind, Kind::refused);
    EXPECT_EQ(replayed.error().reply.code, 550);
    EXPECT_EQ(to_string(replayed.error()), "CWD /a was answered with 550 No such directory.");
    EXPECT_EQ(second.heard, (Lines{"TYPE I", "CWD /a"}));
}

TEST_F(ReplayTest, compares_the_directory_with_the_257) {
    say_all({"CWD /a", "PWD"});
    second.script.tree->links["/a"] = "/x";
    const auto replayed = replay_on_second();
    ASSERT_FALSE(replayed);
    EXPECT_EQ(replayed.error().kind, Kind::elsewhere);
    EXPECT_EQ(to_string(replayed.error()),
              "the directory is another one: \"/x\" is the current directory.");
}

TEST_F(ReplayTest, reports_a_421) {
    say_all({"TYPE I"});
    second.script.replies["TYPE"] = "421 Too late.";
    const auto replayed = replay_on_second();
    ASSERT_FALSE(replayed);
    EXPECT_EQ(replayed.error().kind, Kind::refused);
    EXPECT_EQ(replayed.error().reply.code, 421);
}

TEST_F(ReplayTest, reports_a_lost_connection) {
    say_all({"TYPE I"});
    second.script.replies["TYPE"] = support::closes;
    const auto replayed = replay_on_second();
    ASSERT_FALSE(replayed);
    EXPECT_EQ(replayed.error().kind, Kind::lost);
    EXPECT_EQ(replayed.error().error.fault, base::Fault::backend);
}

TEST_F(ReplayTest, of_earlier_options_keeps_those_that_the_backend_accepts) {
    for (const auto* line : {"CLNT tester", "OPTS NONSENSE", "OPTS UTF8 ON"})
        journal.note(command(line), ftp::make_reply(200, "Noted."));
    journal.note_login();
    const auto leg = log_in(first);
    first.heard.clear();
    EXPECT_TRUE(result_of(say_owed(*leg, journal)));
    EXPECT_EQ(first.heard, (Lines{"CLNT tester", "OPTS NONSENSE", "OPTS UTF8 ON"}));
    EXPECT_EQ(journal.lines(), (Lines{"CLNT tester", "OPTS UTF8 ON"}));
    EXPECT_TRUE(journal.is_complete());
    EXPECT_EQ(journal.take_owed(), (Lines{"CLNT tester", "OPTS UTF8 ON"}));
}

Lines parted(std::string_view text) {
    Lines parts;
    while (!text.empty()) {
        const auto end = std::min(text.find('|'), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

/// Picks any of these, some more often than others.
std::string random_line(std::mt19937_64& random) {
    static const Lines common = parted(
        "CLNT one|CLNT two|OPTS UTF8 ON|OPTS UTF8 OFF|OPTS utf8 on|"
        "OPTS MLST type;size;|OPTS MLST type;|OPTS MODE Z LEVEL 1|OPTS MODE Z LEVEL 9|"
        "OPTS MODE Z BLOCK 64|OPTS NONSENSE|LANG de|LANG en|LANG fr|LANG|TYPE A|"
        "TYPE A N|TYPE I|TYPE L 8|TYPE E|MODE S|MODE Z|MODE B|STRU F|STRU R|STRU P|"
        "ALLO 5|ALLO 7|CWD a|CWD b|CWD c|CWD link|CWD ..|CWD a/b|CWD ../link|"
        "CWD missing|CWD x|CWD back|CWD deep|CWD say \"hi\"|CWD caf\xc3\xa9|XCWD a|"
        "CWD /|CWD /a|XCWD /a/b|CWD /a/link|CWD /x/back|CWD /missing|CDUP|CDUP|XCUP|"
        "PWD|PWD|XPWD|NOOP|SITE UMASK 077|SITE UMASK 027|SITE UMASK|SITE IDLE 60|"
        "SITE CHMOD 644 a|SITE HELP|SITE NONSENSE|MKD new|RNFR a|RNFR missing|RNTO b|"
        "REST 5|RETR missing|RETR missing|RETR missing|SIZE a|STAT");
    static const Lines rare = {"SITE TURBO 1", "TURBO 1", "ACCT secret", "SMNT /x"};
    constexpr std::size_t rarity = 800;
    const auto one_of = [&](const Lines& lines) { return lines[random() % lines.size()]; };
    return random() % rarity == 0 ? one_of(rare) : one_of(common);
}

TEST_F(ReplayTest, of_random_sessions_brings_both_backends_to_the_same_state) {
    constexpr std::uint64_t sessions = 200;
    std::uint64_t replayed_sessions = 0;
    for (std::uint64_t seed = 1; seed <= sessions; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        const auto commands = 1 + random() % 400;
        Lines lines;
        for (std::uint64_t i = 0; i < commands; ++i) lines.push_back(random_line(random));
        journal.clear();
        say_all(lines);
        const auto replayed = replay_on_second();
        if (journal.is_complete()) {
            ++replayed_sessions;
            ASSERT_TRUE(replayed) << to_string(replayed.error());
            ASSERT_EQ(support::to_string(second.state()), support::to_string(first.state()));
        } else {
            ASSERT_FALSE(replayed);
            ASSERT_EQ(replayed.error().kind, Kind::incomplete);
            ASSERT_EQ(second.heard, Lines{});
        }
    }
    // Both must have happened, or the test proves nothing.
    EXPECT_GT(replayed_sessions, sessions / 4);
    EXPECT_LT(replayed_sessions, sessions);
}

}  // namespace
}  // namespace ballast::session
