// SPDX-License-Identifier: Apache-2.0
// All orders of events in a transfer, up to a number of events. In each the promise of the end
// holds: only a whole transfer looks whole. BALLAST_WALK_DEPTH sets the number; 24 takes a minute
// with sanitizers.
#include "session/transfer_machine.h"

#include <algorithm>
#include <charconv>
#include <compare>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using Action = TransferAction;
using Kind = TransferEvent::Kind;
using Result = TransferResult;

int walk_depth() {
    int depth = 7;
    if (const char* const text = std::getenv("BALLAST_WALK_DEPTH"))
        (void)std::from_chars(text, text + std::string_view(text).size(), depth);
    return depth;
}

constexpr std::initializer_list<Kind> end_outcomes = {Kind::end_passed, Kind::end_blocked,
                                                      Kind::end_failed};

/// One of our connections, as its peer sees it.
enum class Seen : std::uint8_t { absent, open, ended, reset };
enum class Job : std::uint8_t { none, runs, is_over };

/// The machine's surroundings. They allow only possible events, and record the actions.
struct Surroundings {
    Seen client = Seen::absent;
    Seen backend = Seen::open;
    Job relay = Job::none;
    Job dial = Job::none;
    Job client_tls = Job::none;
    Job backend_tls = Job::none;
    std::uint16_t final_code = 0;  // the last one of the backend
    bool is_sent = false;
    bool is_begun = false;
    bool is_lost = false;
    bool is_disabled = false;
    bool shall_move = false;  // down or drained
    bool was_begun = false;   // a former backend had
    bool bytes_came = false;
    bool data_ended = false;    // the sender ended them properly
    bool client_ended = false;  // the client ended its direction
    bool is_vouched_for = false;
    bool client_left = false;
    bool said_quit = false;
    bool is_behind = false;
    bool said_abor = false;
    bool end_has_no_room = false;
    bool was_passed_on = false;         // the end of the client's direction
    bool was_confirmed_before = false;  // a 2xx had come by then
    bool heard_abor = false;            // the backend got ABOR
    std::uint8_t replies = 0;           // final replies to the client
    std::uint8_t unjudged = 0;          // events since the machine's last `next`
    bool is_done = false;

    friend auto operator<=>(const Surroundings&, const Surroundings&) = default;
};

struct State {
    TransferMachine machine;
    Surroundings world;
    loop::Time now = loop::Time{} + 1h;

    friend auto operator<=>(const State&, const State&) = default;
};

/// How one state was reached.
using Path = std::string;

class Walk {
public:
    Walk(std::string_view name, const TransferTerms& terms) : name_(name), terms_(terms) {}

    void run(int depth) {
        std::map<State, Path> reached;
        State first{TransferMachine(terms_), {}};
        settle(first, "", reached);
        if (is_expected()) {
            State expected{TransferMachine(terms_), {}};
            expected.machine.on({Kind::backend_expected}, expected.now);
            expected.world.backend = Seen::absent;
            reached.clear();
            settle(expected, "", reached);
        }
        std::map<State, Path> known = reached;
        for (int i = 0; i < depth && !reached.empty(); ++i) {
            std::map<State, Path> next;
            for (const auto& [state, path] : reached) step(state, path, next);
            for (auto it = next.begin(); it != next.end();)
                it = known.insert(*it).second ? std::next(it) : next.erase(it);
            reached = std::move(next);
            if (testing::Test::HasFailure()) return;
        }
        states_ = known.size();
    }
    [[nodiscard]] std::size_t states() const { return states_; }
    [[nodiscard]] std::size_t done() const { return done_; }

private:
    [[nodiscard]] bool is_expected() const {
        return terms_.backend_leads || terms_.backend_connect_time == 7s;
    }
    [[nodiscard]] bool uploads() const { return terms_.direction == ftp::Direction::upload; }
    [[nodiscard]] bool downloads() const { return terms_.direction == ftp::Direction::download; }

    void expect(bool holds, std::string_view what, const Path& path) {
        if (!holds) ADD_FAILURE() << name_ << ": " << what << " after " << path;
    }

    /// One more event, or the passing of time.
    void step(const State& from, const Path& path, std::map<State, Path>& next) {
        if (from.world.is_done) return;
        for (const auto& event : possible(from)) {
            State state = from;
            const auto told = path + fmt::format(" {}", static_cast<int>(event.kind)) +
                              (event.code != 0 ? fmt::format(":{}", event.code) : "");
            happen(state, event);
            // More events may come before the next call.
            if (++state.world.unjudged < 3) next.emplace(state, told + '+');
            settle(state, told, next);
        }
        const auto due = from.machine.deadline();
        if (from.world.unjudged > 0 || due == loop::never) return;
        State later = from;
        later.now = std::max(due, later.now);
        const auto told = path + " time";
        if (!later.machine.is_passing_end_on()) return settle(later, told, next);
        // Its owner tries again whenever it wakes up.
        for (const auto kind : end_outcomes) {
            State branch = later;
            happen(branch, {.kind = kind});
            settle(branch, told + fmt::format(" {}", static_cast<int>(kind)), next);
        }
    }

    [[nodiscard]] std::vector<TransferEvent> possible(const State& state) const {
        const auto& world = state.world;
        const auto& machine = state.machine;
        std::vector<TransferEvent> events;
        const auto add = [&](bool can_happen, std::initializer_list<Kind> kinds) {
            if (!can_happen) return;
            for (const auto kind : kinds) events.push_back({.kind = kind, .time = 1s});
        };
        const bool listens = machine.is_listening();
        const bool backend_speaks =
            listens && world.is_sent && !world.is_lost && world.final_code == 0;
        add(backend_speaks && !world.is_begun, {Kind::begun});
        add(backend_speaks, {Kind::reply_lost});
        if (backend_speaks)
            for (const std::uint16_t code : std::initializer_list<std::uint16_t>{226, 450, 421})
                events.push_back({.kind = Kind::final_came, .code = code});
        add(listens && !world.is_disabled, {Kind::backend_disabled});
        add(listens && terms_.may_leave && !world.shall_move,
            {Kind::backend_down, Kind::backend_drained});
        add(listens && !world.said_abor, {Kind::abor});
        add(listens && !world.client_left, {Kind::client_left});
        add(listens && !world.client_left && !world.said_quit && world.client_ended,
            {Kind::client_vouched});
        add(listens && uploads() && !world.client_left,
            {world.is_behind ? Kind::client_heard : Kind::client_behind});
        const bool may_connect =
            world.client == Seen::absent && (terms_.dials_client ? world.dial == Job::runs : true);
        add(machine.looks_at_client() && may_connect, {Kind::client_connected});
        add(machine.looks_at_client() && world.dial == Job::runs, {Kind::client_unreachable});
        add(machine.looks_at_client() && world.client_tls == Job::runs,
            {Kind::client_secured, Kind::client_tls_failed});
        add(machine.looks_at_backend() && world.backend == Seen::absent, {Kind::backend_connected});
        add(machine.looks_at_backend() && world.backend_tls == Job::runs,
            {Kind::backend_secured, Kind::backend_tls_failed});
        add(machine.awaits_notice(), {Kind::backend_noticed});
        add(machine.is_passing_end_on() && world.end_has_no_room, end_outcomes);
        if (world.relay != Job::runs) return events;
        add(!world.bytes_came, {Kind::first_byte});
        add(true, {Kind::ended, Kind::source_failed, Kind::sink_failed, Kind::stalled});
        const bool is_protected =
            uploads() ? terms_.client_is_protected : terms_.backend_is_protected;
        add(is_protected, {Kind::ended_vouched});
        add(terms_.may_leave, {Kind::stalled_by_client});
        add(machine.awaits_resumption(), {Kind::differs, Kind::resumed});
        const bool goes_both_ways = !uploads() && !downloads() && !world.client_ended;
        add(goes_both_ways, {Kind::way_ended});
        add(goes_both_ways && terms_.client_is_protected, {Kind::way_ended_vouched});
        return events;
    }

    void happen(State& state, const TransferEvent& event) {
        auto& world = state.world;
        switch (event.kind) {
            case Kind::begun: world.is_begun = true; break;
            case Kind::final_came: world.final_code = event.code; break;
            case Kind::reply_lost: world.is_lost = true; break;
            case Kind::backend_disabled: world.is_disabled = true; break;
            case Kind::backend_down:
            case Kind::backend_drained: world.shall_move = true; break;
            case Kind::abor: world.said_abor = true; break;
            case Kind::client_left: world.client_left = true; break;
            case Kind::client_vouched: world.said_quit = true; break;
            case Kind::client_behind: world.is_behind = true; break;
            case Kind::client_heard: world.is_behind = false; break;
            case Kind::client_connected: world.client = Seen::open; [[fallthrough]];
            case Kind::client_unreachable: world.dial = Job::is_over; break;
            case Kind::client_secured:
            case Kind::client_tls_failed: world.client_tls = Job::is_over; break;
            case Kind::backend_connected: world.backend = Seen::open; break;
            case Kind::backend_secured:
            case Kind::backend_tls_failed: world.backend_tls = Job::is_over; break;
            case Kind::first_byte: world.bytes_came = true; break;
            case Kind::ended_vouched: world.is_vouched_for = true; [[fallthrough]];
            case Kind::ended:
                world.data_ended = true;
                world.client_ended = world.client_ended || uploads();
                [[fallthrough]];
            case Kind::source_failed:
            case Kind::sink_failed:
            case Kind::stalled_by_client:
            case Kind::differs:
            case Kind::stalled: world.relay = Job::is_over; break;
            case Kind::way_ended_vouched: world.is_vouched_for = true; [[fallthrough]];
            case Kind::way_ended: world.client_ended = true; break;
            case Kind::end_passed:
                world.was_passed_on = true;
                world.end_has_no_room = false;
                if (uploads()) world.backend = Seen::ended;
                break;
            case Kind::end_blocked: world.end_has_no_room = true; break;
            case Kind::end_failed: world.end_has_no_room = false; break;
            default: break;
        }
        state.machine.on(event, state.now);
    }

    /// Does what the machine wants until it waits. Returns a result for each possible outcome.
    void settle(State state, const Path& path, std::map<State, Path>& next, int steps = 0) {
        state.world.unjudged = 0;
        if (steps > 30) return expect(false, "it never waits", path);
        const auto action = state.machine.next(state.now);
        const auto told = path + fmt::format(" [{}]", static_cast<int>(action));
        const auto go_on = [&](const State& from) { settle(from, told, next, steps + 1); };
        const auto each = [&](std::initializer_list<Kind> outcomes) {
            for (const auto kind : outcomes) {
                State branch = state;
                happen(branch, {.kind = kind, .time = 1s});
                go_on(branch);
            }
        };
        auto& world = state.world;
        switch (action) {
            case Action::wait:
                expect_to_go_on(state, told);
                next.emplace(state, path);
                return;
            case Action::done:
                ++done_;
                world.is_done = true;
                expect_promise(state, told);
                next.emplace(state, path);
                return;
            case Action::send_command: {
                State refused = state;
                refused.world.replies = 1;  // by the owner
                happen(refused, {.kind = Kind::command_not_sent});
                go_on(refused);
                world.is_sent = true;
                happen(state, {.kind = Kind::command_sent, .time = 60s});
                break;
            }
            case Action::move_on: return move_on(state, told, next, steps);
            case Action::pass_end_on:
                expect(world.client_ended, "an end is passed on that has not come", told);
                expect(world.is_vouched_for || world.said_quit || !world.client_left,
                       "an end is passed on of a client that has left", told);
                expect(world.is_vouched_for || !terms_.is_close_strict,
                       "an end without close_notify is passed on", told);
                expect(!world.said_abor || !world.is_begun, "an aborted upload is ended", told);
                expect(!uploads() || world.final_code / 100 != 2,
                       "an upload is ended after its confirmation", told);
                return each(end_outcomes);
            case Action::end_client:
                expect(may_end(world), "the client's data ends properly and is not whole", told);
                if (world.client == Seen::open) world.client = Seen::ended;
                return each({Kind::client_ended, Kind::client_not_ended});
            case Action::settle_replies: {
                // The final reply may turn out to be STAT's answer.
                for (const std::uint16_t code : std::initializer_list<std::uint16_t>{226, 450}) {
                    State branch = state;
                    if (branch.world.final_code == 421 && code == 226) continue;
                    happen(branch, {.kind = Kind::final_came, .code = code});
                    happen(branch, {.kind = Kind::replies_settled});
                    go_on(branch);
                }
                happen(state, {.kind = Kind::replies_settled});
                break;
            }
            case Action::abort:
            case Action::abort_broken: {
                expect(world.is_sent, "ABOR before the command", told);
                world.heard_abor = true;
                reset(world.backend);
                State lost = state;
                happen(lost, {.kind = Kind::reply_lost});
                go_on(lost);
                if (action == Action::abort_broken && world.final_code == 0)
                    happen(state, {.kind = Kind::final_came, .code = 226});
                break;
            }
            default: perform(state, action, told); break;
        }
        go_on(state);
    }

    /// Each thing that can become of looking for another backend.
    void move_on(const State& from, const Path& path, std::map<State, Path>& next, int steps) {
        expect(terms_.may_leave && downloads(), "it leaves a backend and may not", path);
        expect(!from.world.said_abor && !from.world.client_left, "nobody waits for it", path);
        const auto why = from.machine.lost_by();
        const bool is_lost =
            why != TransferReason::server_down && why != TransferReason::server_drained;
        State stays = from;
        if (!is_lost) {
            happen(stays, {.kind = Kind::stays});
            settle(stays, path, next, steps + 1);
        }
        State left = from;
        leave(left.world);
        if (!is_lost) happen(left, {.kind = Kind::left});
        State in_vain = left;
        in_vain.world.is_lost = true;
        happen(in_vain, {.kind = Kind::not_moved});
        settle(in_vain, path, next, steps + 1);
        State moved = left;
        moved.world.backend = Seen::open;
        happen(moved, {.kind = Kind::command_sent, .time = 60s});
        settle(moved, path, next, steps + 1);
    }

    /// What was known of the former backend says nothing about the next one.
    static void leave(Surroundings& world) {
        world.backend = Seen::reset;
        world.relay = world.backend_tls = Job::none;
        world.was_begun = world.was_begun || world.is_begun;
        world.final_code = 0;
        world.is_begun = world.is_lost = world.is_disabled = world.shall_move = false;
        world.data_ended = world.is_vouched_for = false;
    }

    static void reset(Seen& connection) {
        if (connection == Seen::open) connection = Seen::reset;
    }

    void perform(State& state, Action action, const Path& path) {
        auto& world = state.world;
        switch (action) {
            case Action::dial_client: world.dial = Job::runs; return;
            case Action::secure_client: world.client_tls = Job::runs; return;
            case Action::secure_backend: world.backend_tls = Job::runs; return;
            case Action::move:
                expect(world.client == Seen::open && world.backend == Seen::open,
                       "data moves without a connection", path);
                world.relay = Job::runs;
                return;
            case Action::close_backend:
                expect(world.data_ended && !uploads(), "a backend is left before its end", path);
                world.backend = Seen::ended;
                return;
            case Action::stop_moving: world.relay = Job::is_over; return;
            case Action::break_client:
                reset(world.client);
                world.relay = Job::is_over;
                world.dial = Job::is_over;
                return;
            case Action::reset_backend:
                // The backend of an upload gets ABOR before a reset, if it is still connected.
                expect(!uploads() || !world.is_begun || world.is_lost || world.heard_abor ||
                           world.backend != Seen::open || may_be_reset(state),
                       "an upload is reset before the backend has heard ABOR", path);
                reset(world.backend);
                return;
            case Action::tell_final:
                ++world.replies;
                expect(world.final_code != 0, "a reply is passed on before it came", path);
                return;
            case Action::tell_failure:
            case Action::tell_refusal:
                ++world.replies;
                expect(state.machine.own_code() >= 400, "a failure sounds like a success", path);
                return;
            case Action::tell_aborted:
                ++world.replies;
                expect(world.said_abor, "ABOR is answered and was not sent", path);
                return;
            case Action::give_up_reply: world.is_lost = true; return;
            default: return;
        }
    }

    /// The backend has refused, or has ended its data connection.
    [[nodiscard]] static bool may_be_reset(const State& state) {
        return state.world.final_code / 100 > 2 ||
               state.machine.reason() == TransferReason::server_closed ||
               state.machine.reason() == TransferReason::server_tls ||
               state.machine.reason() == TransferReason::server_missing ||
               state.machine.is_missing();
    }

    /// By design: the data ended properly and 2xx came; or it was refused and an end is harmless.
    [[nodiscard]] bool may_end(const Surroundings& world) const {
        const bool was_ended = uploads() ? world.was_passed_on : world.data_ended;
        if (!was_ended) return false;
        if (world.final_code / 100 == 2) return true;
        return downloads() && world.final_code == 450 && (terms_.is_listing || !world.bytes_came);
    }

    void expect_to_go_on(const State& state, const Path& path) {
        const auto& world = state.world;
        const bool something_will_come =
            world.relay == Job::runs || world.dial == Job::runs || world.backend_tls == Job::runs;
        const auto due = state.machine.deadline();
        expect(due != loop::never || something_will_come, "it waits for ever", path);
        // The data are broken, or whole and confirmed soon.
        expect(!world.is_disabled || due <= state.now + 2s, "it waits for a disabled backend",
               path);
        expect(due > state.now || world.is_behind, "it does not wait", path);
    }

    void expect_promise(const State& state, const Path& path) {
        const auto& world = state.world;
        const auto result = state.machine.result();
        const bool is_whole = result == Result::whole;
        expect(world.replies == 1, "not one final reply", path);
        expect(!is_whole || world.client == Seen::ended, "whole, and the client got no end", path);
        expect(!is_whole || world.final_code / 100 == 2, "whole, and not confirmed", path);
        expect(!is_whole || !uploads() || world.was_passed_on, "whole without an end", path);
        expect(!is_whole || world.data_ended, "whole, and the data did not end", path);
        if (is_whole || !world.is_sent || result == Result::not_a_transfer) return;
        // A refused transfer has moved nothing, and its connections go with it.
        if (result == Result::refused)
            return expect(!world.is_begun && !world.was_begun, "refused late", path);
        expect(world.client != Seen::open, "the client's data is left open", path);
        expect(world.client != Seen::ended || may_end(world), "an abnormal end is clean", path);
        expect(world.backend != Seen::open, "the backend's data is left open", path);
        const bool is_honest = uploads() && world.backend == Seen::ended;
        expect(!is_honest || world.was_passed_on, "the backend got an end", path);
    }

    std::string name_;
    TransferTerms terms_;
    std::size_t states_ = 0;
    std::size_t done_ = 0;
};

TransferTerms terms_of(ftp::Direction direction) {
    return {.direction = direction,
            .client_connect_time = 30s,
            .client_tls_time = 11s,
            .backend_connect_time = 5s,
            .stall_time = 300s,
            .reply_time = 60s,
            .final_reply_time = 90s,
            .failover_time = 30s};
}

TEST(TransferWalk, keeps_the_promise_of_the_end_in_every_order_of_events) {
    constexpr auto down = ftp::Direction::download;
    constexpr auto up = ftp::Direction::upload;
    constexpr auto maybe = ftp::Direction::unknown;
    std::vector<std::pair<std::string_view, TransferTerms>> all;
    const auto add = [&](std::string_view name, ftp::Direction direction, auto change) {
        auto terms = terms_of(direction);
        change(terms);
        all.emplace_back(name, terms);
    };
    add("download", down, [](auto&) {});
    add("listing", down, [](auto& terms) { terms.is_listing = true; });
    add("protected download", down, [](auto& terms) {
        terms.client_is_protected = terms.backend_is_protected = terms.is_close_strict = true;
    });
    add("download that may move", down, [](auto& terms) { terms.may_leave = true; });
    add("listing that may move", down,
        [](auto& terms) { terms.may_leave = terms.is_listing = true; });
    add("protected download that may move", down, [](auto& terms) {
        terms.may_leave = terms.client_is_protected = terms.backend_is_protected = true;
        terms.is_close_strict = true;
    });
    add("upload", up, [](auto&) {});
    add("protected upload", up, [](auto& terms) { terms.client_is_protected = true; });
    add("strict upload, secured first", up, [](auto& terms) {
        terms.client_is_protected = terms.secures_client_first = terms.is_close_strict = true;
    });
    add("what may be a transfer", maybe, [](auto&) {});
    add("what may be one, protected", maybe,
        [](auto& terms) { terms.client_is_protected = terms.backend_is_protected = true; });
    add("download of an active client, as-client", down,
        [](auto& terms) { terms.dials_client = terms.backend_leads = true; });
    add("upload to an active backend", up, [](auto& terms) { terms.backend_connect_time = 7s; });
    std::size_t states = 0;
    for (const auto& [name, terms] : all) {
        Walk walk(name, terms);
        // They have many more states.
        walk.run(terms.may_leave ? walk_depth() - 1 : walk_depth());
        if (HasFailure()) return;
        EXPECT_GT(walk.done(), 0U) << name;
        states += walk.states();
    }
    RecordProperty("states", static_cast<int>(states));
    std::printf("%zu states at depth %d\n", states, walk_depth());
}

}  // namespace
}  // namespace ballast::session
