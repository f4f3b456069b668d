// SPDX-License-Identifier: Apache-2.0
#include "admin/api.h"

#include "base/log.h"
#include "fake_daemon.h"
#include "loop/job.h"
#include "support/log_lines.h"
#include "support/temporary_directory.h"
#include "support/test_loop.h"

#include <gtest/gtest.h>
#include <optional>
#include <sys/stat.h>

namespace ballast::admin {
namespace {

using namespace std::chrono_literals;
using pool::AdminState;

std::string refused(unsigned status, std::string_view what) {
    return std::to_string(status) + ' ' + refusal(status, what).body;
}

loop::Task<> put(loop::Task<Answer> asked, std::optional<Answer>& into) {
    into = co_await std::move(asked);
}

class ApiTest : public testing::Test {
protected:
    Answer ask(std::string method, std::string target, std::string body = {}) {
        std::optional<Answer> answer;
        const auto job = loop::Job::start(put(
            api_->answer({std::move(method), std::move(target), std::move(body), true}), answer));
        loop_.settle();
        return answer.value_or(Answer{.status = 0, .body = "no answer"});
    }
    /// The status and the body.
    std::string said(std::string method, std::string target, std::string body = {}) {
        const auto answer = ask(std::move(method), std::move(target), std::move(body));
        return std::to_string(answer.status) + ' ' + answer.body;
    }
    void start(std::string state_file) {
        api_.emplace(loop_, daemon_.actions(), std::move(state_file));
        api_->restore();
    }
    void SetUp() override { start({}); }

    support::TestLoop loop_;
    FakeDaemon daemon_;
    std::optional<Api> api_;
};

TEST_F(ApiTest, shows_the_last_minutes_and_what_a_request_may_do) {
    EXPECT_EQ(said("GET", "/v1/history"), R"(200 {"interval":5,"samples":[],"backends":[]})");
    api_->begin_history();
    loop_.run_for(History::interval);
    const auto history = said("GET", "/v1/history");
    EXPECT_TRUE(history.contains(R"("sessions":7,"transfers":0,"bytes_per_second":0},{"at")"))
        << history;
    EXPECT_TRUE(
        history.contains(R"("backend":"f1","address":"192.0.2.1:21","bytes_per_second":[0,0]})"))
        << history;
    EXPECT_EQ(said("GET", "/v1/rights"),
              R"(200 {"may_look":false,"may_change":false,"may_sign_in":false})");
}

TEST_F(ApiTest, shows_the_page_if_it_has_one) {
    EXPECT_EQ(ask("GET", "/").status, 404U);
    constexpr PageFile files[] = {
        {.path = "/", .type = "text/html", .etag = "\"1\"", .bytes = "page"}};
    api_->show(files);
    EXPECT_EQ(said("GET", "/"), "200 page");
    EXPECT_EQ(ask("GET", "/nothing").status, 404U);
}

TEST_F(ApiTest, tells_its_version) {
    const auto answer = ask("GET", "/v1/version");
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.body.starts_with(R"({"version":"0.)")) << answer.body;
}

TEST_F(ApiTest, shows_the_process_that_serves_and_those_that_finish) {
    EXPECT_EQ(said("GET", "/v1/generations"),
              R"(200 {"generations":[{"pid":41,"sessions":5,"transfers":2,"socket":""},)"
              R"({"pid":17,"sessions":1,"transfers":0,"socket":""}]})");
}

TEST_F(ApiTest, upgrades_and_tells_who_serves_or_why_not) {
    std::optional<Answer> answer;
    auto job = loop::Job::start(put(api_->answer({"POST", "/v1/upgrade", "", true}), answer));
    loop_.settle();
    ASSERT_EQ(daemon_.upgrades.size(), 1U);
    EXPECT_FALSE(answer);
    daemon_.upgrades[0]({4711, {}});
    loop_.settle();
    EXPECT_EQ(answer->body, R"({"upgraded":true,"pid":4711})");
    job = loop::Job::start(put(api_->answer({"POST", "/v1/upgrade", "", true}), answer));
    daemon_.upgrades[1]({0, "it ended with status 3"});
    loop_.settle();
    EXPECT_EQ(answer->status, 422U);
    EXPECT_EQ(answer->body, refusal(422, "it ended with status 3").body);
}

TEST_F(ApiTest, a_reload_upgrades_if_it_may_and_there_is_a_new_program) {
    std::optional<Answer> answer;
    const auto reload = [&](const char* body) {
        return loop::Job::start(put(api_->answer({"POST", "/v1/reload", body, true}), answer));
    };
    const auto same = reload(R"({"upgrade":true})");
    EXPECT_EQ(daemon_.reloads.size(), 1U);
    daemon_.has_new_program = true;
    const auto without = reload("");
    EXPECT_EQ(daemon_.reloads.size(), 2U);
    const auto with = reload(R"({"upgrade":true})");
    EXPECT_EQ(daemon_.upgrades.size(), 1U);
    const auto wrong = reload(R"({"upgrade":1})");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400U);
}

TEST_F(ApiTest, shows_backends_and_balancer) {
    daemon_.backends.resize(1);
    daemon_.backends[0].is_ejected = true;
    daemon_.backends[0].admin = AdminState::draining;
    daemon_.backends[0].transfers = 2;
    daemon_.backends[0].sessions_elsewhere = 5;
    const std::string f1 =
        R"(200 {"backends":[{"pool":"files","backend":"f1","address":"192.0.2.1:21","state":"drain",)"
        R"("health":"up","health_since":null,"reason":"","ejected":true,"backup":false,"failover":"off","weight":0,)"
        R"("max_sessions":0,"sessions":3,"transfers":2,"sessions_elsewhere":5,"transfers_elsewhere":0,"bytes_per_second":0,"login_seconds":0,"logins":0,"logins_refused":0,"errors":[]}]})";
    EXPECT_EQ(said("GET", "/v1/backends"), f1);
    EXPECT_EQ(said("GET", "/v1/backends/files/f1/state"), f1);
    EXPECT_EQ(said("GET", "/v1/state"), R"(200 {"state":"ready","sessions":7})");
}

TEST_F(ApiTest, shows_metrics_as_text_for_prometheus) {
    daemon_.metrics.sessions = 9;
    const auto answer = ask("GET", "/metrics");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.type, "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_TRUE(answer.body.contains("\nballast_sessions 9\n")) << answer.body;
    EXPECT_EQ(ask("POST", "/metrics").status, 405);
}

TEST_F(ApiTest, changes_the_state_of_a_backend) {
    const auto answer = ask("PUT", "/v1/backends/files/f2/state", R"({"state":"drain-idle"})");
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(
        answer.body.contains(R"("backend":"f2","address":"192.0.2.1:21","state":"drain-idle")"))
        << answer.body;
    EXPECT_FALSE(answer.body.contains("f1"));
    EXPECT_EQ(daemon_.backends[0].admin, AdminState::ready);
    EXPECT_EQ(daemon_.backends[1].admin, AdminState::draining_idle);
}

TEST_F(ApiTest, drains_a_backend_by_moving_and_shows_what_moves) {
    daemon_.backends[0].failover = "transfer";
    const auto answer = ask("PUT", "/v1/backends/files/f1/state", R"({"state":"drain-move"})");
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.body.contains(R"("state":"drain-move")")) << answer.body;
    EXPECT_TRUE(answer.body.contains(R"("failover":"transfer")")) << answer.body;
    EXPECT_EQ(daemon_.backends[0].admin, AdminState::draining_move);
    EXPECT_EQ(said("GET", "/v1/backends?state=drain-move&fields=backend"),
              R"(200 {"backends":[{"backend":"f1"}]})");
}

TEST_F(ApiTest, changes_the_state_of_the_balancer) {
    EXPECT_EQ(said("PUT", "/v1/state", R"({"state":"disabled"})"),
              R"(200 {"state":"disabled","sessions":7})");
    EXPECT_EQ(daemon_.balancer.admin, AdminState::disabled);
}

TEST_F(ApiTest, takes_names_with_any_bytes) {
    const std::string disable = R"({"state":"disabled"})";
    EXPECT_EQ(ask("PUT", "/v1/backends/odd%2Fpool/a%0Ab%2fc/state", disable).status, 200);
    EXPECT_EQ(daemon_.backends[2].admin, AdminState::disabled);
    EXPECT_TRUE(ask("GET", "/v1/backends").body.contains(R"("backend":"a\u000ab/c")"));
}

TEST_F(ApiTest, says_which_backends_there_are) {
    const std::string drain = R"({"state":"drain"})";
    EXPECT_EQ(said("PUT", "/v1/backends/files/f3/state", drain),
              refused(404, "pool 'files' has no backend 'f3' (use f1 or f2)"));
    EXPECT_EQ(said("GET", "/v1/backends/%0A/f1/state"),
              refused(404, "there is no pool '\\x0a' with backends (use files or odd/pool)"));
    daemon_.backends.clear();
    EXPECT_EQ(said("GET", "/v1/backends/files/f1/state"),
              refused(404, "there is no pool 'files' with backends (no pool has one)"));
}

TEST_F(ApiTest, refuses_what_is_no_state) {
    const std::string example = R"( (send {"state": "drain"}))";
    const auto not_alone =
        refused(400, "the body is not an object with the member \"state\" alone" + example);
    for (const auto* const body : {"{}", "[]", R"("drain")", R"({"state":1})",
                                   R"({"State":"drain"})", R"({"state":"drain","wait":true})"}) {
        EXPECT_EQ(said("PUT", "/v1/backends/files/f1/state", body), not_alone) << body;
        EXPECT_EQ(said("PUT", "/v1/state", body), not_alone) << body;
    }
    for (const auto* const body : {"", "{", "drain", "{\"state\":\"drain\"}}", "\xff"}) {
        const auto answer = ask("PUT", "/v1/state", body);
        EXPECT_EQ(answer.status, 400);
        EXPECT_TRUE(answer.body.contains(R"("detail":"the body is not JSON: )")) << answer.body;
    }
    EXPECT_EQ(
        said("PUT", "/v1/state", R"({"state":"off\n"})"),
        refused(400, "there is no state 'off\\x0a' (use ready, drain, drain-idle or disabled)"));
    EXPECT_EQ(said("PUT", "/v1/backends/files/f1/state", R"({"state":"off"})"),
              refused(400,
                      "there is no state 'off' (use ready, drain, drain-move, drain-idle or "
                      "disabled)"));
    // From the whole balancer there is nowhere to move.
    EXPECT_EQ(
        said("PUT", "/v1/state", R"({"state":"drain-move"})"),
        refused(400, "there is no state 'drain-move' (use ready, drain, drain-idle or disabled)"));
    const std::string deep(60'000, '[');
    EXPECT_EQ(ask("PUT", "/v1/state", deep).status, 400);
    EXPECT_EQ(daemon_.balancer.admin, AdminState::ready);
    EXPECT_EQ(daemon_.backends[0].admin, AdminState::ready);
}

TEST_F(ApiTest, lists_its_routes_where_there_is_nothing) {
    for (const auto* const target :
         {"/", "/v1", "/v1/", "/v1/backends/", "/v1/backends/files/f1",
          "/v1/backends/../../etc/passwd", "/v1/backends/files/f1/state/",
          "/v1/backends/files%2Ff1/state", "/V1/state", "/v1/%73tate/"}) {
        const auto answer = ask("GET", target);
        EXPECT_EQ(answer.status, 404) << target;
        EXPECT_TRUE(answer.body.contains(R"("routes":["GET /openapi.json","GET /v1/version",)"))
            << answer.body;
        EXPECT_TRUE(answer.body.contains(R"("PUT /v1/backends/{pool}/{backend}/state")"));
    }
    EXPECT_EQ(ask("GET", "/v1/%73tate").status, 200);
    EXPECT_EQ(ask("GET", "/v1/%").status, 400);
    EXPECT_EQ(ask("GET", "http://x/v1/state").status, 400);
}

TEST_F(ApiTest, names_the_methods_of_a_route) {
    const auto answer = ask("DELETE", "/v1/state");
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.allow, "GET, PUT");
    EXPECT_EQ(answer.body, refusal(405, "'DELETE' is not for '/v1/state' (use GET or PUT)").body);
    EXPECT_EQ(ask("GET", "/v1/reload").allow, "POST");
    EXPECT_TRUE(daemon_.reloads.empty());
}

TEST_F(ApiTest, lists_what_was_asked_for) {
    EXPECT_EQ(said("GET", "/v1/backends?backend=f*&fields=backend,sessions"),
              R"(200 {"backends":[{"backend":"f1","sessions":3},{"backend":"f2","sessions":3}]})");
    EXPECT_EQ(said("GET", "/v1/backends?pool=odd%2Fpool&fields=backend"),
              R"(200 {"backends":[{"backend":"a\u000ab/c"}]})");
    EXPECT_EQ(said("GET", "/v1/backends?ejected=true"), R"(200 {"backends":[]})");
    EXPECT_EQ(said("GET", "/v1/generations?pid=17&fields=transfers"),
              R"(200 {"generations":[{"transfers":0}]})");
}

TEST_F(ApiTest, gives_long_lists_page_by_page) {
    const auto page = [this](std::string_view more) {
        return said("GET", "/v1/backends?fields=backend&limit=1&pool=files" + std::string(more));
    };
    EXPECT_EQ(page(""), R"(200 {"backends":[{"backend":"f1"}],"next":"1"})");
    EXPECT_EQ(page("&after=1"), R"(200 {"backends":[{"backend":"f2"}]})");
    EXPECT_EQ(page("&after=9"), R"(200 {"backends":[]})");
}

TEST_F(ApiTest, refuses_wishes_that_a_list_cannot_meet) {
    const auto fields =
        "use pool, backend, address, state, health, health_since, reason, ejected, backup";
    for (const auto* const target :
         {"/v1/backends?fields=user", "/v1/backends?user=x", "/v1/backends?fields="}) {
        const auto answer = ask("GET", target);
        EXPECT_EQ(answer.status, 400) << target;
        EXPECT_TRUE(answer.body.contains(fields)) << answer.body;
    }
    for (const auto* const target : {"limit=0", "limit=1001", "limit=x", "after=x", "backend=%"})
        EXPECT_EQ(ask("GET", std::string("/v1/backends?") + target).status, 400) << target;
    EXPECT_EQ(ask("GET", "/v1/backends?backend=" + std::string(1025, '*')).status, 400);
    EXPECT_EQ(said("GET", "/v1/state?state=ready"),
              refused(400, "/v1/state has no parameter 'state' (use none)"));
}

TEST_F(ApiTest, takes_no_body_where_there_is_none_to_take) {
    EXPECT_EQ(said("POST", "/v1/reopen", "{}"),
              refused(400, "the request has a body (send it without one)"));
    EXPECT_EQ(daemon_.reopened, 0);
}

TEST_F(ApiTest, describes_itself) {
    const auto document = said("GET", "/openapi.json");
    for (const auto* const part :
         {R"("openapi":"3.1.0")", R"("/v1/backends/{pool}/{backend}/state":{"get":{)",
          R"("put":{"summary":"Drains, disables or readies a backend.")",
          R"("enum":["ready","drain","drain-move","drain-idle","disabled"])",
          R"("enum":["ready","drain","drain-idle","disabled"])",
          R"("enum":["off","session","transfer"])"})
        EXPECT_TRUE(document.contains(part)) << part;
}

session::View view(std::string id, std::string user) {
    session::View made;
    made.id = std::move(id);
    made.user = std::move(user);
    made.client = base::Address::parse("192.0.2.7:4711").value();
    made.phase = session::Phase::idle;
    return made;
}

TEST_F(ApiTest, shows_sessions_page_by_page) {
    daemon_.sessions = {view("a1", "anna"), view("a2", "bert"), view("a3", "anna"),
                        view("a4", "anna\n")};
    const auto page = [this](std::string_view more) {
        return said("GET", "/v1/sessions?fields=id,user&" + std::string(more));
    };
    EXPECT_EQ(page("user=anna"),
              R"(200 {"sessions":[{"id":"a1","user":"anna"},{"id":"a3","user":"anna"}]})");
    EXPECT_EQ(
        page("user=anna*&limit=2"),
        R"(200 {"sessions":[{"id":"a1","user":"anna"},{"id":"a3","user":"anna"}],"next":"a3"})");
    EXPECT_EQ(page("user=anna*&limit=2&after=a3"),
              R"(200 {"sessions":[{"id":"a4","user":"anna\u000a"}]})");
    daemon_.is_stuck = true;
    EXPECT_EQ(ask("GET", "/v1/sessions").status, 503U);
}

TEST_F(ApiTest, shows_one_session) {
    daemon_.sessions = {view("a1", "anna")};
    daemon_.sessions[0].client_tls = {
        .version = "TLSv1.3", .cipher = "X", .server_name = "ftp.example.com", .is_resumed = true};
    const auto answer = said("GET", "/v1/sessions/a1");
    EXPECT_TRUE(answer.starts_with(R"(200 {"id":"a1","listener":"","client":"192.0.2.7:4711",)"))
        << answer;
    EXPECT_TRUE(answer.contains(R"("client_tls":{"version":"TLSv1.3","cipher":"X",)"
                                R"("server_name":"ftp.example.com","resumed":true},)"
                                R"("backend_tls":null,"transferring":false)"))
        << answer;
    EXPECT_EQ(said("GET", "/v1/sessions/a2"),
              refused(404, "there is no session 'a2' here (it may have ended)"));
}

TEST_F(ApiTest, shows_transfers) {
    daemon_.sessions = {view("a1", "anna"), view("a2", "bert")};
    EXPECT_EQ(said("GET", "/v1/transfers"), R"(200 {"transfers":[]})");
    auto& transfer = daemon_.sessions[1].transfer.emplace();
    transfer.verb = "RETR";
    transfer.file = "/a \xff";
    transfer.progress.direction = ftp::Direction::download;
    transfer.progress.bytes = 1000;
    transfer.progress.size = 3000;
    transfer.progress.moving_since = loop_.now();
    loop_.run_for(4s);
    const auto answer = said("GET",
                             "/v1/transfers?fields=session,file,direction,bytes,size,seconds,"
                             "bytes_per_second,seconds_left");
    EXPECT_EQ(answer, R"(200 {"transfers":[{"session":"a2","file":"/a \u00ff","direction":)"
                      R"("download","bytes":1000,"size":3000,"seconds":4,"bytes_per_second":250,)"
                      R"("seconds_left":8}]})");
    EXPECT_EQ(said("GET", "/v1/transfers?direction=upload"), R"(200 {"transfers":[]})");
}

TEST_F(ApiTest, ends_sessions_and_transfers) {
    daemon_.sessions = {view("a1", "anna"), view("a2", "bert")};
    daemon_.sessions[1].transfer.emplace();
    EXPECT_EQ(said("DELETE", "/v1/sessions/a1"), R"(200 {"ended":true})");
    EXPECT_EQ(said("DELETE", "/v1/transfers/a2"), R"(200 {"ended":true})");
    EXPECT_EQ(said("DELETE", "/v1/transfers/a1"),
              refused(409, "session 'a1' transfers nothing now"));
    EXPECT_EQ(ask("DELETE", "/v1/sessions/a3").status, 404U);
    EXPECT_EQ(ask("DELETE", "/v1/transfers/a3").status, 404U);
    daemon_.is_stuck = true;
    for (const auto* const target : {"/v1/sessions/a3", "/v1/transfers/a3"})
        EXPECT_EQ(ask("DELETE", target).status, 503U);
    EXPECT_EQ(ask("GET", "/v1/sessions/a3").status, 503U);
    EXPECT_EQ(daemon_.acted, (std::vector<std::string>{"end a1", "end transfer of a2"}));
}

TEST_F(ApiTest, tunes_a_backend) {
    EXPECT_EQ(ask("PUT", "/v1/backends/files/f1/weight", R"({"weight":7})").status, 200U);
    EXPECT_EQ(ask("PUT", "/v1/backends/files/f1/weight", R"({"weight":null})").status, 200U);
    EXPECT_EQ(ask("PUT", "/v1/backends/files/f1/weight", R"({"weight":0})").status, 200U);
    EXPECT_EQ(ask("PUT", "/v1/backends/files/f1/max_sessions", R"({"max_sessions":0})").status,
              200U);
    using Tunings = decltype(daemon_.tuned);
    EXPECT_EQ(daemon_.tuned, (Tunings{{Tuned::weight, 7},
                                      {Tuned::weight, std::nullopt},
                                      {Tuned::weight, 0},
                                      {Tuned::max_sessions, 0}}));
    for (const auto* const body :
         {R"({"weight":257})", R"({"weight":-1})", R"({"weight":"7"})", R"({"weight":1.5})", "{}"})
        EXPECT_EQ(ask("PUT", "/v1/backends/files/f1/weight", body).status, 400U) << body;
    EXPECT_EQ(ask("PUT", "/v1/backends/files/f9/weight", R"({"weight":7})").status, 404U);
    EXPECT_EQ(daemon_.tuned.size(), 4U);
}

TEST_F(ApiTest, probes_a_backend_now) {
    EXPECT_EQ(said("POST", "/v1/backends/files/f1/probe"), R"(200 {"probing":true})");
    EXPECT_EQ(said("POST", "/v1/backends/files/f2/probe"),
              refused(409, "'f2' has no probes (see [pool.files.probe])"));
    EXPECT_EQ(ask("POST", "/v1/backends/files/f9/probe").status, 404U);
}

TEST_F(ApiTest, lifts_bans_and_forgets_stickiness) {
    EXPECT_EQ(said("DELETE", "/v1/bans/192.0.2.7"), R"(200 {"lifted":2})");
    EXPECT_EQ(said("DELETE", "/v1/bans/2001:db8::7?user=anna%20b"), R"(200 {"lifted":2})");
    EXPECT_EQ(ask("DELETE", "/v1/bans/anna").status, 400U);
    EXPECT_EQ(daemon_.unbanned, (std::vector<std::string>{"192.0.2.7 ", "2001:db8::7 anna b"}));
    EXPECT_EQ(said("DELETE", "/v1/pools/files/stickiness?client=192.0.2.7"),
              R"(200 {"forgotten":1})");
    EXPECT_EQ(said("DELETE", "/v1/pools/files/stickiness"), R"(200 {"forgotten":1})");
    EXPECT_EQ(ask("DELETE", "/v1/pools/files/stickiness?client=x").status, 400U);
    EXPECT_EQ(ask("DELETE", "/v1/pools/none/stickiness").status, 404U);
    EXPECT_EQ(daemon_.forgotten, (std::vector<std::string>{"192.0.2.7 ", " "}));
}

TEST_F(ApiTest, lists_the_clients_whose_backend_is_remembered) {
    const std::string list = "/v1/pools/files/stickiness";
    EXPECT_EQ(said("GET", list), R"(200 {"clients":[]})");
    daemon_.remembered = 600;  // more than one turn looks at
    EXPECT_EQ(said("GET", list + "?limit=2&fields=backend,sessions"),
              R"(200 {"clients":[{"backend":"f1","sessions":1},{"backend":"f2","sessions":2}],)"
              R"("next":"2"})");
    EXPECT_EQ(said("GET", list + "?backend=f1&after=596&fields=sessions"),
              R"(200 {"clients":[{"sessions":597},{"sessions":599}]})");
    EXPECT_EQ(said("GET", list + "?sessions=600&fields=sessions"),
              R"(200 {"clients":[{"sessions":600}]})");
    EXPECT_EQ(said("GET", list + "?sessions=1&limit=1&fields=sessions"),
              R"(200 {"clients":[{"sessions":1}]})");
    EXPECT_EQ(said("GET", list + "?client=192.0.2.7"),
              R"(200 {"clients":[{"client":"192.0.2.0/24","user":"","backend":"f1","sessions":1,)"
              R"("last_used":"2027-01-15T08:00:00.000Z"}]})");
    EXPECT_EQ(said("GET", list + "?client=192.0.2.8"), R"(200 {"clients":[]})");
    EXPECT_EQ(ask("GET", list + "?after=x").status, 400U);
    EXPECT_EQ(ask("GET", "/v1/pools/none/stickiness").status, 404U);
}

TEST_F(ApiTest, sets_the_level_of_the_log) {
    EXPECT_EQ(said("PUT", "/v1/log", R"({"level":"debug"})"), R"(200 {"level":"debug"})");
    EXPECT_EQ(daemon_.levels, std::vector{log::Level::debug});
    EXPECT_EQ(said("PUT", "/v1/log", R"({"level":"trace"})"),
              refused(400, "there is no level 'trace' (use error, warning, info or debug)"));
    EXPECT_EQ(ask("GET", "/v1/log").status, 200U);
}

TEST_F(ApiTest, is_ready_if_a_pool_can_serve) {
    EXPECT_EQ(ask("GET", "/livez").status, 200U);
    EXPECT_EQ(ask("GET", "/readyz").status, 503U);
    daemon_.pools.resize(2);
    daemon_.pools[1].name = "files";
    daemon_.pools[1].can_serve = true;
    EXPECT_EQ(said("GET", "/readyz"), R"(200 {"ready":true,"pools":["files"]})");
    daemon_.balancer.admin = AdminState::draining;
    EXPECT_EQ(ask("GET", "/readyz").status, 503U);
}

TEST_F(ApiTest, shows_the_configuration) {
    const auto answer = ask("GET", "/v1/configuration");
    EXPECT_EQ(answer.type, "application/toml");
    EXPECT_EQ(answer.body, "[listener.ftp]\n");
}

TEST_F(ApiTest, reopens_logs) {
    EXPECT_EQ(said("POST", "/v1/reopen"), R"(200 {"reopened":true})");
    EXPECT_EQ(daemon_.reopened, 1);
    daemon_.can_reopen = false;
    EXPECT_EQ(said("POST", "/v1/reopen"),
              refused(500, "cannot open /var/log/x: Permission denied"));
}

class ReloadTest : public ApiTest {
protected:
    void ask_for_reload() {
        job_ = loop::Job::start(put(api_->answer({"POST", "/v1/reload", "", true}), answer_));
        loop_.settle();
    }
    std::optional<Answer> answer_;
    loop::Job job_;
};

TEST_F(ReloadTest, waits_for_the_report) {
    ask_for_reload();
    ASSERT_EQ(daemon_.reloads.size(), 1);
    EXPECT_FALSE(answer_);
    loop_.run_for(59s);
    EXPECT_FALSE(answer_);
    daemon_.reloads[0](
        {.applied = true, .problems = {}, .warnings = {"a", "b\n"}, .needs_restart = {"workers"}});
    loop_.settle();
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->status, 200);
    EXPECT_EQ(answer_->body, R"({"applied":true,"problems":[],"warnings":["a","b\u000a"],)"
                             R"("needs_restart":["workers"]})");
}

TEST_F(ReloadTest, says_why_nothing_has_changed) {
    ask_for_reload();
    daemon_.reloads.at(0)(
        {.applied = false, .problems = {"f:1:2: x"}, .warnings = {}, .needs_restart = {}});
    loop_.settle();
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->status, 422);
    EXPECT_TRUE(answer_->body.contains(R"("problems":["f:1:2: x"])")) << answer_->body;
    EXPECT_TRUE(answer_->body.contains(R"("detail":"the configuration has problems)"));
    EXPECT_TRUE(answer_->body.contains(R"("applied":false)"));
}

TEST_F(ReloadTest, is_not_waited_for_longer_than_a_minute) {
    ask_for_reload();
    loop_.run_for(60s);
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->status, 504);
    daemon_.reloads.at(0)(
        {.applied = true, .problems = {}, .warnings = {}, .needs_restart = {}});  // harmless
    loop_.settle();
}

TEST_F(ReloadTest, may_end_when_whoever_asked_is_gone) {
    ask_for_reload();
    job_.cancel();
    daemon_.reloads.at(0)({.applied = true, .problems = {}, .warnings = {}, .needs_restart = {}});
    loop_.settle();
    EXPECT_FALSE(answer_);
}

class StateFileTest : public ApiTest {
protected:
    const support::TemporaryDirectory directory_;
    const std::string file_ = directory_.file("state.json");
};

TEST_F(StateFileTest, keeps_states_over_a_restart) {
    start(file_);
    EXPECT_EQ(ask("PUT", "/v1/backends/files/f1/state", R"({"state":"drain"})").status, 200);
    EXPECT_EQ(ask("PUT", "/v1/backends/files/f2/state", R"({"state":"disabled"})").status, 200);
    EXPECT_EQ(ask("PUT", "/v1/backends/files/f2/state", R"({"state":"ready"})").status, 200);
    EXPECT_EQ(ask("PUT", "/v1/state", R"({"state":"drain"})").status, 200);
    struct stat status{};
    ASSERT_EQ(::stat(file_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);

    daemon_ = FakeDaemon();
    start(file_);
    EXPECT_EQ(daemon_.backends[0].admin, AdminState::draining);
    EXPECT_EQ(daemon_.backends[1].admin, AdminState::ready);
    EXPECT_EQ(daemon_.balancer.admin, AdminState::draining);
}

TEST_F(StateFileTest, keeps_the_state_of_a_backend_that_is_gone_for_a_while) {
    start(file_);
    EXPECT_EQ(ask("PUT", "/v1/backends/files/f1/state", R"({"state":"drain"})").status, 200);
    daemon_ = FakeDaemon();
    daemon_.backends.erase(daemon_.backends.begin());
    start(file_);
    EXPECT_EQ(ask("PUT", "/v1/state", R"({"state":"ready"})").status, 200);
    daemon_ = FakeDaemon();
    start(file_);
    EXPECT_EQ(daemon_.backends[0].admin, AdminState::draining);
}

TEST_F(StateFileTest, is_ignored_if_it_is_damaged) {
    directory_.write("state.json", "{\"state\":");
    support::LogLines log(log::Level::warning);
    start(file_);
    EXPECT_EQ(log.count("the file of administrative states is ignored"), 1);
    EXPECT_EQ(ask("PUT", "/v1/state", R"({"state":"drain"})").status, 200);
    EXPECT_TRUE(states_from(directory_.read("state.json")));
}

TEST_F(StateFileTest, that_cannot_be_written_is_an_error_although_the_state_changes) {
    support::LogLines log(log::Level::warning);
    start(directory_.file("none/state.json"));
    const auto answer = ask("PUT", "/v1/backends/files/f1/state", R"({"state":"drain"})");
    EXPECT_EQ(answer.status, 500);
    EXPECT_TRUE(
        answer.body.contains("the state is changed, but a restart will lose it: cannot write"))
        << answer.body;
    EXPECT_EQ(daemon_.backends[0].admin, AdminState::draining);
    EXPECT_EQ(log.count("administrative states cannot be kept"), 1);
    EXPECT_EQ(log.count("is ignored"), 0);
}

}  // namespace
}  // namespace ballast::admin
