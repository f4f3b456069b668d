// SPDX-License-Identifier: Apache-2.0
#include "session/transfer_machine.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

namespace ballast::session {

static void PrintTo(TransferAction action, std::ostream* out) {
    *out << "action " << static_cast<int>(action);
}

namespace {

using namespace std::chrono_literals;
using Action = TransferAction;
using Kind = TransferEvent::Kind;
using Reason = TransferReason;
using Result = TransferResult;
using Actions = std::vector<Action>;

TransferTerms terms_of(ftp::Direction direction) {
    return {.direction = direction,
            .client_connect_time = 30s,
            .client_tls_time = 10s,
            .backend_connect_time = 5s,
            .stall_time = 300s,
            .reply_time = 60s,
            .final_reply_time = 90s};
}

TransferTerms secured_first() {
    auto terms = terms_of(ftp::Direction::upload);
    terms.client_is_protected = true;
    terms.secures_client_first = true;
    return terms;
}

/// A machine, the time, and an owner that performs all actions at once.
class Story {
public:
    explicit Story(const TransferTerms& terms) : machine_(terms) {}
    explicit Story(ftp::Direction direction) : Story(terms_of(direction)) {}

    /// Events before the next `actions` count as simultaneous.
    Story& on(Kind kind) {
        machine_.on({.kind = kind, .time = 1s}, now_);
        return *this;
    }
    Story& on_final(std::uint16_t code) {
        machine_.on({.kind = Kind::final_came, .code = code}, now_);
        return *this;
    }
    Story& on_line() {
        machine_.on({.kind = Kind::line_came, .at = now_}, now_);
        return *this;
    }
    Story& after(loop::Time::duration time) {
        now_ += time;
        return *this;
    }
    Story& at_deadline() {
        EXPECT_NE(machine_.deadline(), loop::never);
        now_ = machine_.deadline();
        return *this;
    }
    /// The result of the next `pass_end_on` or `end_client`.
    Story& when_passed_on(Kind outcome) {
        passed_on_ = outcome;
        return *this;
    }
    Story& when_ended(Kind outcome) {
        ended_ = outcome;
        return *this;
    }
    /// The actions of now, without the last `wait` or `done` and without `settle_replies`.
    Actions actions() {
        Actions all;
        for (int i = 0; i < 20; ++i) {
            const auto action = machine_.next(now_);
            if (action <= Action::done) return all;
            if (action != Action::settle_replies) all.push_back(action);
            if (action == Action::settle_replies) on(Kind::replies_settled);
            if (action == Action::send_command) on(Kind::command_sent);
            if (action == Action::pass_end_on) on(passed_on_);
            if (action == Action::end_client) on(ended_);
            if (action == Action::abort_broken && machine_.final_code() == 0) on_final(226);
        }
        ADD_FAILURE() << "it never waits";
        return all;
    }
    bool is_done() { return machine_.next(now_) == Action::done; }
    TransferMachine& machine() { return machine_; }

    /// Up to the point where both connections are open and the backend has begun.
    Story& begin() {
        EXPECT_EQ(on(Kind::client_connected).actions(), (Actions{Action::send_command}));
        return on(Kind::begun);
    }
    Story& move() {
        EXPECT_EQ(begin().actions(), (Actions{Action::move}));
        return on(Kind::first_byte);
    }
    /// Runs the rest. Expects these last actions and this result.
    void expect_end(const Actions& last, Result result, Reason reason = Reason::none,
                    std::uint16_t own_code = 0) {
        EXPECT_EQ(actions(), last);
        EXPECT_TRUE(is_done());
        EXPECT_EQ(to_string(machine_.result()), to_string(result));
        EXPECT_EQ(to_string(machine_.reason()), to_string(reason));
        if (own_code != 0) EXPECT_EQ(machine_.own_code(), own_code);
    }

private:
    TransferMachine machine_;
    loop::Time now_ = loop::Time{} + 1h;
    Kind passed_on_ = Kind::end_passed;
    Kind ended_ = Kind::client_ended;
};

constexpr auto down = ftp::Direction::download;
constexpr auto up = ftp::Direction::upload;
constexpr auto maybe = ftp::Direction::unknown;
const Actions whole = {Action::end_client, Action::close, Action::tell_final};
const Actions broken = {Action::break_client, Action::reset_backend};

TEST(TransferMachine, ends_a_download_only_after_the_backends_2xx) {
    Story run(down);
    EXPECT_EQ(run.move().on(Kind::ended).actions(), (Actions{Action::close_backend}));
    run.on_final(226).expect_end(whole, Result::whole);
}

TEST(TransferMachine, waits_for_the_last_byte_after_an_early_2xx) {
    Story run(down);
    EXPECT_EQ(run.move().on_final(226).actions(), Actions{});
    run.on(Kind::ended)
        .expect_end({Action::close_backend, Action::end_client, Action::close, Action::tell_final},
                    Result::whole);
}

TEST(TransferMachine, moves_an_empty_file_without_a_1xx) {
    Story run(down);
    EXPECT_EQ(run.on(Kind::client_connected).actions(), (Actions{Action::send_command}));
    EXPECT_EQ(run.on_final(226).actions(), (Actions{Action::move}));
    EXPECT_EQ(run.on(Kind::ended).actions(), (Actions{Action::close_backend, Action::end_client,
                                                      Action::close, Action::tell_final}));
}

TEST(TransferMachine, fails_a_download_whose_client_is_gone_at_its_end) {
    Story run(down);
    run.move().on(Kind::ended).actions();
    run.on_final(226).when_ended(Kind::client_not_ended);
    run.expect_end(
        {Action::end_client, Action::break_client, Action::reset_backend, Action::tell_failure},
        Result::failed, Reason::client_closed, 426);
}

TEST(TransferMachine, breaks_both_ends_if_one_of_them_breaks) {
    struct Row {
        ftp::Direction direction;
        Kind kind;
        Reason reason;
        bool hears_abor;
    };
    constexpr Row rows[] = {
        {down, Kind::source_failed, Reason::server_broke, false},
        {down, Kind::sink_failed, Reason::client_closed, false},
        {down, Kind::stalled, Reason::server_stalled, false},
        {down, Kind::stalled_by_client, Reason::client_stalled, false},
        {up, Kind::source_failed, Reason::client_broke, true},
        {up, Kind::sink_failed, Reason::server_closed, false},  // it broke the data itself
        {up, Kind::stalled, Reason::server_stalled, true},
        {up, Kind::stalled_by_client, Reason::client_stalled, true},
    };
    for (const auto& row : rows) {
        Story run(row.direction);
        run.move().on(row.kind);
        if (row.hears_abor) {
            run.expect_end({Action::break_client, Action::abort_broken, Action::tell_failure},
                           Result::failed, row.reason, 426);
            continue;
        }
        EXPECT_EQ(run.actions(), broken);
        run.on_final(426).expect_end({Action::tell_final}, Result::failed, row.reason);
    }
}

TEST(TransferMachine, sends_abor_to_a_backend_that_does_not_report_its_broken_data) {
    Story run(down);
    EXPECT_EQ(run.move().on(Kind::sink_failed).actions(), broken);
    EXPECT_EQ(run.after(999ms).actions(), Actions{});
    run.after(1ms).expect_end({Action::abort_broken, Action::tell_failure}, Result::failed,
                              Reason::client_closed, 426);
}

TEST(TransferMachine, gives_the_backend_time_to_accept_before_it_resets_a_download) {
    for (const bool has_noticed : {false, true}) {
        Story run(down);
        EXPECT_EQ(run.begin().actions(), (Actions{Action::move}));
        EXPECT_EQ(run.on(Kind::sink_failed).actions(), (Actions{Action::break_client}));
        EXPECT_TRUE(run.machine().awaits_notice());
        if (has_noticed)
            run.on(Kind::backend_noticed);
        else
            run.after(1s);
        EXPECT_EQ(run.actions(), (Actions{Action::reset_backend}));
    }
}

TEST(TransferMachine, passes_an_uploads_end_on_after_its_grace) {
    Story run(up);
    EXPECT_EQ(run.move().on(Kind::ended).actions(), Actions{});
    EXPECT_EQ(run.after(999ms).actions(), Actions{});
    EXPECT_EQ(run.after(1ms).actions(), (Actions{Action::pass_end_on}));
    run.on_final(226).expect_end(whole, Result::whole);
}

TEST(TransferMachine, passes_an_uploads_end_on_at_once_if_it_is_confirmed) {
    Story by_tls(up);
    EXPECT_EQ(by_tls.move().on(Kind::ended_vouched).actions(), (Actions{Action::pass_end_on}));
    Story by_quit(up);
    by_quit.move().on(Kind::client_vouched).on(Kind::client_left).on(Kind::ended);
    EXPECT_EQ(by_quit.actions(), (Actions{Action::pass_end_on}));
}

TEST(TransferMachine, holds_an_uploads_end_until_the_clients_commands_are_read) {
    Story run(up);
    run.move().on(Kind::client_behind).on(Kind::ended);
    EXPECT_EQ(run.actions(), Actions{});
    EXPECT_EQ(run.after(2s).actions(), Actions{});
    EXPECT_EQ(run.on(Kind::client_heard).actions(), (Actions{Action::pass_end_on}));
}

TEST(TransferMachine, breaks_an_upload_whose_client_has_left) {
    const Actions aborted = {Action::break_client, Action::abort_broken, Action::tell_failure};
    Story before(up);
    before.move().on(Kind::client_left);
    before.expect_end(aborted, Result::failed, Reason::client_left, 426);
    Story together(up);
    together.move().on(Kind::client_left).on(Kind::ended);
    together.expect_end(aborted, Result::failed, Reason::client_left, 426);
    Story behind(up);
    behind.move().on(Kind::ended).actions();
    behind.after(500ms).on(Kind::client_left);
    behind.expect_end(aborted, Result::failed, Reason::client_left, 426);
    Story too_late(up);
    too_late.move().on(Kind::ended).actions();
    EXPECT_EQ(too_late.after(1s).actions(), (Actions{Action::pass_end_on}));
    EXPECT_EQ(too_late.on(Kind::client_left).actions(), Actions{});
}

TEST(TransferMachine, trusts_a_close_notify_of_a_client_that_has_left) {
    auto terms = terms_of(up);
    terms.client_is_protected = true;
    for (const bool is_vouched_for : {true, false}) {
        Story run(terms);
        EXPECT_EQ(run.begin().actions(), (Actions{Action::secure_client}));
        EXPECT_EQ(run.on(Kind::client_secured).actions(), (Actions{Action::move}));
        EXPECT_EQ(run.on(Kind::client_left).actions(), Actions{});
        if (is_vouched_for) {
            EXPECT_EQ(run.on(Kind::ended_vouched).actions(), (Actions{Action::pass_end_on}));
            continue;
        }
        run.on(Kind::ended)
            .expect_end({Action::break_client, Action::abort_broken, Action::tell_failure},
                        Result::failed, Reason::client_left, 426);
    }
}

TEST(TransferMachine, requires_close_notify_if_so_configured) {
    for (const auto direction : {down, up}) {
        auto terms = terms_of(direction);
        terms.client_is_protected = direction == up;
        terms.backend_is_protected = direction == down;
        terms.is_close_strict = true;
        Story run(terms);
        run.begin().actions();
        run.on(direction == up ? Kind::client_secured : Kind::backend_secured);
        EXPECT_EQ(run.actions(), (Actions{Action::move}));
        run.on(Kind::first_byte).on(Kind::ended).actions();
        EXPECT_EQ(run.machine().reason(), Reason::no_close_notify);
    }
}

TEST(TransferMachine, does_not_trust_a_2xx_before_an_uploads_end) {
    Story run(up);
    EXPECT_EQ(run.move().on_final(226).actions(), Actions{});
    EXPECT_EQ(run.on(Kind::ended).actions(), Actions{});
    run.after(1s).expect_end({Action::break_client, Action::abort_broken, Action::tell_failure},
                             Result::failed, Reason::confirmed_too_early, 451);
}

TEST(TransferMachine, does_not_trust_a_2xx_while_the_end_has_no_room) {
    for (const bool passes_at_last : {false, true}) {
        Story run(up);
        run.move().on(Kind::ended_vouched).when_passed_on(Kind::end_blocked);
        EXPECT_EQ(run.actions(), (Actions{Action::pass_end_on}));
        EXPECT_TRUE(run.machine().is_passing_end_on());
        run.on_final(226);
        if (passes_at_last) run.on(Kind::end_passed);
        EXPECT_EQ(run.actions().front(), Action::break_client);
        EXPECT_EQ(run.machine().reason(), Reason::confirmed_too_early);
    }
}

TEST(TransferMachine, gives_up_if_the_end_has_no_room_for_too_long) {
    Story run(up);
    run.move().on(Kind::ended_vouched).when_passed_on(Kind::end_blocked).actions();
    run.after(299s).on(Kind::end_blocked);
    EXPECT_EQ(run.machine().reason(), Reason::none);
    run.on_line().after(1s).actions();  // its reply may be late by then too
    EXPECT_EQ(run.machine().reason(), Reason::server_stalled);
}

TEST(TransferMachine, sends_a_refusal_before_it_breaks_a_partial_file) {
    Story run(down);
    EXPECT_EQ(run.move().on_final(451).actions(), Actions{});
    run.after(250ms).expect_end(
        {Action::stop_moving, Action::tell_final, Action::break_client, Action::reset_backend},
        Result::failed, Reason::refused);
    Story ended(down);
    ended.move().on_final(450).actions();
    ended.on(Kind::ended)
        .expect_end({Action::close_backend, Action::stop_moving, Action::tell_final,
                     Action::break_client, Action::reset_backend},
                    Result::failed, Reason::refused);
}

TEST(TransferMachine, ends_refused_data_properly_if_that_is_harmless) {
    auto listing = terms_of(down);
    listing.is_listing = true;
    for (const std::uint16_t code : std::initializer_list<std::uint16_t>{450, 550, 421, 426}) {
        for (const bool is_listing : {true, false}) {
            Story run(is_listing ? listing : terms_of(down));
            run.begin().actions();
            if (is_listing) run.on(Kind::first_byte);
            const auto actions = run.on(Kind::ended).on_final(code).actions();
            const bool is_harmless = code != 421 && code != 426;
            EXPECT_EQ(std::ranges::count(actions, Action::end_client), is_harmless ? 1 : 0) << code;
            EXPECT_EQ(std::ranges::count(actions, Action::break_client), is_harmless ? 0 : 1);
            EXPECT_EQ(run.machine().result(), Result::failed);
        }
    }
}

TEST(TransferMachine, aborts_an_upload_that_is_refused_while_it_moves) {
    Story run(up);
    run.move().on_final(452).expect_end(
        {Action::stop_moving, Action::tell_final, Action::break_client, Action::abort_broken},
        Result::failed, Reason::refused);
    Story closing(up);
    closing.move().on_final(421).expect_end(
        {Action::stop_moving, Action::tell_final, Action::break_client, Action::reset_backend},
        Result::failed, Reason::refused);
}

TEST(TransferMachine, passes_a_refusal_without_1xx_on) {
    Story run(down);
    run.on(Kind::client_connected).actions();
    run.on_final(550).expect_end({Action::tell_final}, Result::refused, Reason::refused);
}

TEST(TransferMachine, keeps_the_data_address_of_a_command_that_moved_no_data) {
    Story run(maybe);
    EXPECT_FALSE(run.machine().looks_at_client());
    run.actions();
    EXPECT_FALSE(run.machine().looks_at_client());
    run.on_final(214).expect_end({Action::tell_final}, Result::not_a_transfer);
}

TEST(TransferMachine, passes_the_clients_end_on_while_data_moves_the_other_way) {
    Story run(maybe);
    EXPECT_EQ(run.actions(), (Actions{Action::send_command}));
    run.on(Kind::begun).on(Kind::client_connected);
    EXPECT_EQ(run.actions(), (Actions{Action::move}));
    EXPECT_EQ(run.on(Kind::way_ended).actions(), Actions{});
    run.after(1s).when_passed_on(Kind::end_blocked);
    EXPECT_EQ(run.actions(), (Actions{Action::pass_end_on}));
    EXPECT_TRUE(run.machine().is_passing_end_on());
    run.at_deadline().on(Kind::end_passed);
    EXPECT_EQ(run.actions(), Actions{});
    EXPECT_EQ(run.on(Kind::ended).actions(), (Actions{Action::close_backend}));
    run.on_final(226).expect_end(whole, Result::whole);
}

TEST(TransferMachine, prefers_an_abor_to_events_that_came_with_it) {
    const Actions aborted = {Action::break_client, Action::abort, Action::tell_aborted};
    Story uploading(up);
    uploading.move().on(Kind::abor).on(Kind::ended_vouched);
    uploading.expect_end(aborted, Result::aborted, Reason::aborted);
    Story downloaded(down);
    downloaded.move().on(Kind::ended).actions();
    downloaded.on_final(226).on(Kind::abor).expect_end(aborted, Result::aborted, Reason::aborted);
    Story early(down);
    early.on(Kind::client_connected).actions();
    EXPECT_EQ(early.on(Kind::abor).actions(), Actions{});  // there is nothing to abort yet
    early.on(Kind::begun).expect_end(aborted, Result::aborted, Reason::aborted);
}

TEST(TransferMachine, distinguishes_a_lost_backend_from_a_late_one) {
    Story lost(down);
    lost.move().on(Kind::reply_lost);
    lost.expect_end({Action::break_client, Action::reset_backend, Action::tell_failure},
                    Result::failed, Reason::reply_lost, 426);
    Story late(down);
    late.move().on(Kind::ended).actions();
    EXPECT_EQ(late.after(89s).actions(), Actions{});
    late.after(1s).expect_end(
        {Action::give_up_reply, Action::break_client, Action::reset_backend, Action::tell_failure},
        Result::failed, Reason::reply_late, 451);
}

TEST(TransferMachine, does_not_give_up_a_reply_while_its_lines_come) {
    Story run(down);
    run.move().on(Kind::ended).actions();
    run.after(60s).on_line().after(30s);
    EXPECT_EQ(run.actions(), Actions{});
    EXPECT_EQ(run.after(59s).actions(), Actions{});
    EXPECT_EQ(run.after(1s).actions().front(), Action::give_up_reply);
}

TEST(TransferMachine, gives_each_side_its_time_to_connect) {
    Story client(down);
    EXPECT_EQ(client.actions(), (Actions{Action::send_command}));
    client.on(Kind::begun).actions();
    EXPECT_EQ(client.after(29s).actions(), Actions{});
    EXPECT_EQ(client.after(1s).actions(), (Actions{Action::break_client}));
    EXPECT_EQ(client.machine().reason(), Reason::client_missing);
    EXPECT_EQ(client.machine().own_code(), 425);

    Story backend(down);
    backend.on(Kind::backend_expected).begin().actions();
    EXPECT_EQ(backend.after(4s).actions(), Actions{});
    EXPECT_EQ(backend.after(1s).actions(), (Actions{Action::break_client}));
    EXPECT_EQ(backend.machine().reason(), Reason::server_missing);
}

TEST(TransferMachine, dials_the_client_after_the_backend_has_connected_if_the_backend_leads) {
    auto terms = terms_of(down);
    terms.dials_client = true;
    terms.backend_leads = true;
    Story run(terms);
    EXPECT_EQ(run.on(Kind::backend_expected).actions(), (Actions{Action::send_command}));
    EXPECT_EQ(run.on(Kind::begun).actions(), Actions{});
    EXPECT_EQ(run.after(29s).on(Kind::backend_connected).actions(), (Actions{Action::dial_client}));
    EXPECT_EQ(run.on(Kind::client_connected).actions(), (Actions{Action::move}));
    Story in_vain(terms);
    in_vain.on(Kind::backend_expected).actions();
    in_vain.on(Kind::begun).actions();
    in_vain.on(Kind::backend_connected).actions();
    in_vain.on(Kind::client_unreachable).actions();
    EXPECT_EQ(in_vain.machine().reason(), Reason::client_unreachable);
    EXPECT_EQ(in_vain.machine().own_code(), 425);
}

TEST(TransferMachine, breaks_a_transfer_if_the_client_left_before_its_data) {
    Story run(down);
    EXPECT_EQ(run.actions(), (Actions{Action::send_command}));
    EXPECT_EQ(run.on(Kind::client_left).actions(), Actions{});  // it may be a refusal
    EXPECT_EQ(run.on(Kind::begun).actions(), (Actions{Action::break_client}));
    EXPECT_EQ(run.machine().reason(), Reason::client_left_early);
}

TEST(TransferMachine, continues_a_download_after_its_client_left) {
    Story run(down);
    EXPECT_EQ(run.move().on(Kind::client_left).actions(), Actions{});
    run.on(Kind::ended)
        .on_final(226)
        .expect_end({Action::close_backend, Action::end_client, Action::close, Action::tell_final},
                    Result::whole);
}

TEST(TransferMachine, judges_the_clients_handshake_before_the_backend_gets_an_upload) {
    Story run(secured_first());
    EXPECT_EQ(run.actions(), (Actions{Action::say_150}));
    EXPECT_EQ(run.on(Kind::client_connected).actions(), (Actions{Action::secure_client}));
    EXPECT_EQ(run.machine().reach(), TransferReach::nowhere);
    EXPECT_EQ(run.on(Kind::client_secured).actions(), (Actions{Action::send_command}));
    EXPECT_EQ(run.on(Kind::begun).actions(), (Actions{Action::move}));
}

TEST(TransferMachine, refuses_an_upload_before_the_backend_gets_it) {
    struct Row {
        bool is_connected;
        Kind kind;
        loop::Time::duration time;
        Actions last;
        Result result;
        Reason reason;
        std::uint16_t code;
    };
    const Actions refusal = {Action::break_client, Action::tell_refusal};
    const Actions refused_tls = {Action::break_client, Action::reset_backend, Action::tell_refusal};
    const Row rows[] = {
        {true, Kind::client_tls_failed, 0s, refused_tls, Result::refused, Reason::client_tls, 522},
        {true, Kind::client_heard, 10s, refused_tls, Result::refused, Reason::client_tls_late, 522},
        {false, Kind::client_heard, 30s, refusal, Result::refused, Reason::client_missing, 425},
        {false, Kind::client_left, 0s, refusal, Result::refused, Reason::client_left_early, 425},
        {true, Kind::client_left, 0s, refusal, Result::refused, Reason::client_left_early, 425},
        {false,
         Kind::abor,
         0s,
         {Action::break_client, Action::reset_backend, Action::tell_aborted},
         Result::aborted,
         Reason::aborted,
         426},
    };
    for (const auto& row : rows) {
        Story run(secured_first());
        run.actions();
        if (row.is_connected) run.on(Kind::client_connected).actions();
        run.on(row.kind).after(row.time);
        run.expect_end(row.last, row.result, row.reason, row.code);
        EXPECT_EQ(run.machine().reach(), TransferReach::nowhere);
    }
}

TEST(TransferMachine, judges_a_handshake_that_was_done_before_the_command) {
    auto terms = terms_of(down);
    terms.client_is_protected = true;
    for (const bool is_good : {true, false}) {
        Story run(terms);
        run.on(Kind::client_connected).on(Kind::client_secured_early);
        EXPECT_EQ(run.actions(), (Actions{Action::secure_client}));
        run.on(is_good ? Kind::client_secured : Kind::client_tls_failed);
        EXPECT_EQ(run.actions().back(), is_good ? Action::send_command : Action::tell_refusal);
    }
}

TEST(TransferMachine, starts_the_handshake_timeouts_when_the_backend_begins) {
    auto terms = terms_of(down);
    terms.client_is_protected = true;
    Story run(terms);
    run.on(Kind::client_connected).actions();
    run.after(50s).on(Kind::begun);
    EXPECT_EQ(run.actions(), (Actions{Action::secure_client}));
    EXPECT_EQ(run.after(9s).actions(), Actions{});
    EXPECT_EQ(run.after(1s).actions(), (Actions{Action::break_client}));
    EXPECT_EQ(run.machine().own_code(), 522);
    // The backend's reply about data that we refused does not help the client.
    EXPECT_EQ(run.on_final(426).actions(), (Actions{Action::reset_backend, Action::tell_failure}));
}

TEST(TransferMachine, accepts_the_end_only_if_every_stat_is_answered) {
    Story run(down);
    run.move().on(Kind::ended).actions();
    run.on_final(226);
    auto& machine = run.machine();
    EXPECT_EQ(machine.next(loop::Time{}), Action::settle_replies);
    // The assumed final reply was STAT's answer. The real one comes later.
    run.on_final(451).on(Kind::replies_settled);
    run.expect_end(
        {Action::stop_moving, Action::tell_final, Action::break_client, Action::reset_backend},
        Result::failed, Reason::refused);
}

TEST(TransferMachine, says_what_it_is_doing) {
    Story run(secured_first());
    const auto phase = [&] { return to_string(run.machine().phase()); };
    EXPECT_EQ(phase(), "opening");
    run.actions();
    EXPECT_EQ(phase(), "waiting for the client");
    run.on(Kind::client_connected).actions();
    EXPECT_EQ(phase(), "handshake");
    run.on(Kind::client_secured).actions();
    EXPECT_EQ(phase(), "waiting for the backend");
    run.on(Kind::begun).actions();
    EXPECT_EQ(phase(), "moving");
    run.on(Kind::ended).actions();
    EXPECT_EQ(phase(), "ending");
    run.on(Kind::client_left).actions();
    EXPECT_EQ(phase(), "aborting");
}

}  // namespace
}  // namespace ballast::session
