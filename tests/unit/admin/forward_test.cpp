// SPDX-License-Identifier: Apache-2.0
#include "admin/forward.h"

#include "admin/api.h"
#include "fake_daemon.h"
#include "loop/job.h"
#include "support/log_lines.h"
#include "support/test_loop.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <optional>

namespace ballast::admin {
namespace {

template <typename T>
loop::Task<> put(loop::Task<T> asked, std::optional<T>& into) {
    into = co_await std::move(asked);
}

/// A balancer "a" with others, and what it asks them.
class ForwardTest : public testing::Test {
protected:
    void SetUp() override {
        daemon_.nodes = {{.name = "b"}, {.name = "a", .is_self = true}, {.name = "c"}};
        api_.emplace(loop_, daemon_.actions(), "");
    }
    std::string ask(std::string method, std::string target, std::string body = {}) {
        std::optional<Answer> answer;
        Request request{std::move(method), std::move(target), std::move(body)};
        request.by = "user 7";
        const auto job = loop::Job::start(put(api_->answer(std::move(request)), answer));
        loop_.settle();
        if (!answer) return "no answer";
        return std::to_string(answer->status) + ' ' + answer->body;
    }
    std::string ask_as_node(std::string question) {
        std::optional<std::string> answer;
        const auto job = loop::Job::start(put(api_->answer_node(std::move(question)), answer));
        loop_.settle();
        return answer.value_or("no answer");
    }
    /// What this node says when the operator of another asks.
    void answers(const std::string& node, const std::string& question, const Answer& answer) {
        daemon_.answers[{node, question}] = to_text(answer);
    }
    static std::string refused(unsigned status, std::string_view what) {
        return std::to_string(status) + ' ' + refusal(status, what).body;
    }

    support::TestLoop loop_;
    FakeDaemon daemon_;
    std::optional<Api> api_;
};

session::View session(std::string id) {
    session::View view;
    view.id = std::move(id);
    return view;
}

TEST_F(ForwardTest, shows_all_nodes) {
    daemon_.nodes = {{.name = "a",
                      .is_self = true,
                      .state = "ready",
                      .store = "connected",
                      .version = "1.2",
                      .sessions = 3,
                      .transfers = 1},
                     {.name = "b", .heartbeat_age = 0.5}};
    EXPECT_EQ(
        ask("GET", "/v1/nodes"),
        R"(200 {"nodes":[{"name":"a","self":true,"state":"ready","store":"connected","version":"1.2",)"
        R"("address":"","ports":"","since":null,"heartbeat_age":null,"sessions":3,"transfers":1},)"
        R"({"name":"b","self":false,"state":"","store":"","version":"","address":"","ports":"","since":null,)"
        R"("heartbeat_age":0.5,"sessions":0,"transfers":0}]})");
    EXPECT_TRUE(daemon_.asked.empty());
}

TEST_F(ForwardTest, another_node_answers_if_it_is_named) {
    answers("b", "GET /v1/bans?client=192.0.2.%2A\nuser 7 at a\n", {.body = R"({"bans":[]})"});
    EXPECT_EQ(ask("GET", "/v1/bans?node=b&client=192.0.2.*"), R"(200 {"bans":[]})");
    answers("c", "PUT /v1/log\nuser 7 at a\n{\"level\":\"debug\"}",
            {.body = R"({"level":"debug"})"});
    EXPECT_EQ(ask("PUT", "/v1/log?node=c", R"({"level":"debug"})"), R"(200 {"level":"debug"})");
    EXPECT_TRUE(daemon_.levels.empty());
}

TEST_F(ForwardTest, a_node_may_be_named_itself) {
    EXPECT_EQ(ask("GET", "/v1/bans?node=a"), R"(200 {"bans":[]})");
    EXPECT_TRUE(daemon_.asked.empty());
}

TEST_F(ForwardTest, what_is_wrong_is_refused_here) {
    EXPECT_TRUE(ask("GET", "/v1/bans?node=b&colour=red").starts_with("400 "));
    EXPECT_TRUE(ask("PUT", "/v1/log?node=b", "{}").starts_with("400 "));
    EXPECT_TRUE(ask("GET", "/v1/nothing?node=b").starts_with("404 "));
    EXPECT_EQ(ask("GET", "/v1/bans?node=d"), refused(404, "there is no node 'd' (use b, a or c)"));
    EXPECT_EQ(ask("GET", "/v1/events?node=b"),
              refused(400,
                      "/v1/events of another node cannot be followed from here (connect to "
                      "that node)"));
    EXPECT_TRUE(daemon_.asked.empty());
    daemon_.nodes.resize(0);
    daemon_.nodes.push_back({.name = "a", .is_self = true});
    EXPECT_EQ(ask("GET", "/v1/bans?node=d"),
              refused(404,
                      "there is no node 'd': this Ballast knows no other (see "
                      "cluster.store)"));
}

TEST_F(ForwardTest, a_node_that_does_not_answer_is_named) {
    EXPECT_EQ(ask("GET", "/v1/bans?node=b"),
              refused(504,
                      "node 'b' does not answer: waiting for its answer: Connection timed "
                      "out (see `ballast nodes`)"));
    daemon_.answers[{"b", "GET /v1/bans\nuser 7 at a\n"}] = "what?";
    EXPECT_EQ(ask("GET", "/v1/bans?node=b"),
              refused(502,
                      "the answer of node 'b' is not understood (do both run the same "
                      "version?)"));
}

TEST_F(ForwardTest, lists_of_all_nodes_are_one) {
    answers("b", "GET /v1/generations\nuser 7 at a\n",
            {.body = R"({"generations":[{"pid":7},{"pid":8,"seconds":0.5}]})"});
    answers("c", "GET /v1/generations\nuser 7 at a\n", {.body = R"({"generations":[]})"});
    daemon_.generations.resize(1);
    EXPECT_EQ(ask("GET", "/v1/generations?node=*"),
              R"(200 {"generations":[{"node":"a","pid":41,"sessions":5,"transfers":2,"socket":""},)"
              R"({"node":"b","pid":7},{"node":"b","pid":8,"seconds":5E-1}]})");
}

/// That a node is missing in a list.
std::string unanswered(std::string_view node) {
    return fmt::format(
        R"x("unanswered":[{{"node":"{0}","reason":"node '{0}' does not answer: waiting for its )x"
        R"x(answer: Connection timed out (see `ballast nodes`)"}}])x",
        node);
}

TEST_F(ForwardTest, a_list_says_which_nodes_are_missing_in_it) {
    answers("c", "GET /v1/generations?pid=7\nuser 7 at a\n",
            {.body = R"({"generations":[{"pid":7}]})"});
    EXPECT_EQ(ask("GET", "/v1/generations?node=*&pid=7"),
              R"(200 {"generations":[{"node":"c","pid":7}],)" + unanswered("b") + "}");
    answers("b", "GET /v1/generations?pid=7\nuser 7 at a\n", {.body = R"({"others":[]})"});
    EXPECT_TRUE(
        ask("GET", "/v1/generations?node=*&pid=7").contains(R"(its answer is not understood)"));
}

TEST_F(ForwardTest, only_lists_can_be_had_from_all_nodes) {
    const auto answer =
        refused(400, "only lists can be had from all nodes at once (name one node)");
    EXPECT_EQ(ask("PUT", "/v1/state?node=*", R"({"state":"drain"})"), answer);
    EXPECT_EQ(ask("DELETE", "/v1/sessions/s1?node=*"), answer);
    EXPECT_EQ(daemon_.balancer.admin, pool::AdminState::ready);
    EXPECT_TRUE(daemon_.asked.empty());
}

TEST_F(ForwardTest, pages_go_on_from_node_to_node) {
    daemon_.sessions = {session("1"), session("2"), session("3")};
    answers("b", "GET /v1/sessions?fields=id&limit=1\nuser 7 at a\n",
            {.body = R"({"sessions":[{"id":"8"}],"next":"x/y"})"});
    answers("b", "GET /v1/sessions?after=x%2Fy&fields=id&limit=2\nuser 7 at a\n",
            {.body = R"({"sessions":[{"id":"9"}]})"});
    answers("c", "GET /v1/sessions?fields=id&limit=1\nuser 7 at a\n",
            {.body = R"({"sessions":[{"id":"5"}]})"});
    const auto page = [&](std::string_view after) {
        return ask("GET", fmt::format("/v1/sessions?node=*&fields=id&limit=2{}", after));
    };
    EXPECT_EQ(page(""), R"(200 {"sessions":[{"node":"a","id":"1"},{"node":"a","id":"2"}],)"
                        R"("next":"a/2"})");
    EXPECT_EQ(page("&after=a/2"),
              R"(200 {"sessions":[{"node":"a","id":"3"},{"node":"b","id":"8"}],"next":"b/x/y"})");
    EXPECT_EQ(page("&after=b/x%2Fy"),
              R"(200 {"sessions":[{"node":"b","id":"9"},{"node":"c","id":"5"}]})");
    // A node that has gone meanwhile is passed over.
    EXPECT_EQ(
        page("&after=bb/4"),
        R"(504 )" +
            refusal(
                504,
                R"(node 'c' does not answer: waiting for its answer: Connection timed out (see `ballast nodes`))")
                .body);
}

TEST_F(ForwardTest, a_full_page_ends_between_nodes) {
    daemon_.sessions = {session("1"), session("2")};
    EXPECT_EQ(ask("GET", "/v1/sessions?node=*&fields=id&limit=2"),
              R"(200 {"sessions":[{"node":"a","id":"1"},{"node":"a","id":"2"}],"next":"b/"})");
}

TEST_F(ForwardTest, a_wish_that_no_node_grants_is_refused) {
    EXPECT_TRUE(ask("GET", "/v1/sessions?node=*&limit=0").starts_with("400 "));
    daemon_.is_stuck = true;
    daemon_.nodes.resize(2);
    // Nobody has answered: a refusal, not an empty list.
    EXPECT_TRUE(ask("GET", "/v1/sessions?node=*").starts_with("504 "));
}

TEST_F(ForwardTest, a_session_is_found_at_its_node) {
    daemon_.sessions = {session("1")};
    EXPECT_EQ(ask("DELETE", "/v1/sessions/1"), R"(200 {"ended":true})");
    EXPECT_TRUE(daemon_.asked.empty());
    const std::string question = "DELETE /v1/sessions/2\nuser 7 at a\n";
    answers("b", question, refusal(404, "not here"));
    answers("c", question, {.body = R"({"ended":true})"});
    EXPECT_EQ(ask("DELETE", "/v1/sessions/2"), R"(200 {"node":"c","ended":true})");
    EXPECT_EQ(daemon_.asked.size(), 2U);
    answers("c", question, refusal(409, "it transfers nothing"));
    EXPECT_EQ(ask("DELETE", "/v1/sessions/2"), refused(409, "it transfers nothing"));
}

TEST_F(ForwardTest, a_session_that_nobody_has_is_refused_as_before) {
    for (const auto* const node : {"b", "c"})
        answers(node, "GET /v1/sessions/2\nuser 7 at a\n", refusal(404, "not here"));
    EXPECT_EQ(ask("GET", "/v1/sessions/2"),
              refused(404, "there is no session '2' here (it may have ended)"));
    daemon_.answers.erase({"b", "GET /v1/sessions/2\nuser 7 at a\n"});
    EXPECT_EQ(ask("GET", "/v1/sessions/2"),
              refused(404,
                      "there is no session '2' here (it may have ended). It may be at b, "
                      "where nobody answers"));
}

TEST_F(ForwardTest, a_session_is_not_sought_elsewhere_if_its_node_is_named) {
    EXPECT_TRUE(ask("DELETE", "/v1/sessions/2?node=a").starts_with("404 "));
    EXPECT_TRUE(daemon_.asked.empty());
}

TEST_F(ForwardTest, tells_other_nodes_what_an_operator_decides) {
    EXPECT_TRUE(
        ask("PUT", "/v1/backends/files/f1/state", R"({"state":"drain"})").starts_with("200"));
    EXPECT_TRUE(
        ask("PUT", "/v1/backends/files/no/state", R"({"state":"drain"})").starts_with("404"));
    EXPECT_TRUE(ask("PUT", "/v1/state", R"({"state":"drain"})").starts_with("200"));
    // What a restart or a reload restores was decided before.
    api_->restore();
    EXPECT_EQ(daemon_.shared, std::vector<std::string>{"files/f1 drain"});
}

TEST_F(ForwardTest, answers_other_nodes) {
    daemon_.sessions = {session("1")};
    support::LogLines lines(log::Level::info);
    EXPECT_EQ(ask_as_node("DELETE /v1/sessions/1\nuser 7 at b\n"), "200\n{\"ended\":true}");
    EXPECT_EQ(daemon_.acted, std::vector<std::string>{"end 1"});
    const auto text = lines.text();
    EXPECT_TRUE(text.contains("an operator's request, by another node")) << text;
    EXPECT_TRUE(text.contains("user 7 at b")) << text;
}

TEST_F(ForwardTest, asks_nobody_on_behalf_of_another_node) {
    EXPECT_TRUE(ask_as_node("DELETE /v1/sessions/2\n\n").starts_with("404\n"));
    EXPECT_EQ(ask_as_node("GET /v1/bans?node=c\n\n"), "200\n{\"bans\":[]}");
    EXPECT_TRUE(daemon_.asked.empty());
}

TEST_F(ForwardTest, refuses_what_it_cannot_do_for_another_node) {
    EXPECT_TRUE(ask_as_node("nonsense").starts_with("400\n"));
    EXPECT_TRUE(ask_as_node("GET /v1/nothing\n\n").starts_with("404\n"));
    EXPECT_TRUE(ask_as_node("GET /v1/events\n\n").starts_with("404\n"));
}

}  // namespace
}  // namespace ballast::admin
