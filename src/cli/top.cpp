// SPDX-License-Identifier: Apache-2.0
#include "cli/top.h"

#include "cli/printable.h"
#include "cli/raw_terminal.h"
#include "cli/running_daemon.h"
#include "cli/top_frame.h"
#include "cli/watch.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

namespace ballast::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto usual_interval = std::chrono::seconds(1);
/// A daemon that does not reply must not keep `q` from working.
constexpr auto patience = std::chrono::seconds(3);

RunningTransfer transfer_of(const json::object& entry) {
    const auto size = amount_at(entry, "size");
    return {.session = text_at(entry, "session"),
            .user = text_at(entry, "user"),
            .client = text_at(entry, "client"),
            .backend = text_at(entry, "pool") + '/' + text_at(entry, "backend"),
            .direction = text_at(entry, "direction"),
            .file = text_at(entry, "file"),
            .bytes = number_at(entry, "bytes"),
            .size = size ? std::optional(static_cast<std::uint64_t>(*size)) : std::nullopt,
            .seconds = amount_at(entry, "seconds").value_or(0),
            .bytes_per_second = amount_at(entry, "bytes_per_second").value_or(0)};
}

/// What the daemon says at one look.
struct Replies {
    json::object version;
    json::object state;
    json::object transfers;
};

Outcome<Replies> look_at(const RunningDaemon& daemon, const CommandLine& wanted) {
    auto version = daemon.ask({"GET", "/v1/version", "", patience});
    if (!version) return std::unexpected(version.error());
    auto state = daemon.ask({"GET", "/v1/state", "", patience});
    if (!state) return std::unexpected(state.error());
    auto transfers =
        daemon.ask({"GET", target_with("/v1/transfers", wanted.filters), "", patience});
    if (!transfers) return std::unexpected(transfers.error());
    return Replies{std::move(*version), std::move(*state), std::move(*transfers)};
}

/// What is shown, as it was at the last look.
struct Picture {
    Summary summary;
    std::vector<RunningTransfer> transfers;
    Rates rates;

    Outcome<void> look(const RunningDaemon& daemon, const CommandLine& wanted) {
        const auto replies = look_at(daemon, wanted);
        if (!replies) return std::unexpected(replies.error());
        summary = {.version = text_at(replies->version, "version"),
                   .state = text_at(replies->state, "state"),
                   .sessions = number_at(replies->state, "sessions"),
                   .problem = {}};
        transfers.clear();
        for (const auto& each : list_at(replies->transfers, "transfers"))
            transfers.push_back(transfer_of(as_object(each)));
        rates.update(transfers, Clock::now());
        return {};
    }
};

/// The same as one object.
Outcome<std::string> frame_as_json(const RunningDaemon& daemon, const CommandLine& wanted) {
    auto replies = look_at(daemon, wanted);
    if (!replies) return std::unexpected(replies.error());
    const json::object frame = {{"version", replies->version["version"]},
                                {"state", replies->state["state"]},
                                {"sessions", replies->state["sessions"]},
                                {"transfers", replies->transfers["transfers"]}};
    return printable_json(json::serialize(frame)) + '\n';
}

/// From the upper left corner; what is behind each line and below the last one goes.
std::string drawn(const std::vector<std::string>& lines) {
    std::string text = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i)
        text += (i == 0 ? "" : "\r\n") + lines[i] + "\x1b[K";
    return text + "\x1b[J";
}

/// The signal that has ended it, or 0.
int run(RawTerminal& terminal, const RunningDaemon& daemon, const CommandLine& wanted,
        Picture picture) {
    using Kind = RawTerminal::Event::Kind;
    auto order = Order::rate;
    bool is_paused = false;
    const auto interval = wanted.watch.value_or(usual_interval);
    auto next_look = Clock::now() + interval;
    for (;;) {
        const auto frame =
            top_frame(picture.summary, picture.transfers, order, is_paused, standard_output());
        if (!terminal.write(drawn(frame))) return SIGHUP;
        const auto event = terminal.wait(next_look);
        if (event.kind == Kind::end) return event.value;
        if (event.kind == Kind::key && (event.value == 'q' || event.value == 'Q')) return 0;
        if (event.kind == Kind::key && event.value == 's') order = next_order(order);
        if (event.kind == Kind::key && event.value == ' ') is_paused = !is_paused;
        if (event.kind != Kind::time) continue;
        next_look = Clock::now() + interval;
        if (is_paused) continue;
        if (const auto looked = picture.look(daemon, wanted); !looked)
            picture.summary.problem = looked.error().what;
    }
}

}  // namespace

Status top(const CommandLine& wanted) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return status_of(std::unexpected(daemon.error()));
    if (wanted.json)
        return status_of(
            show(wanted, [&](const Screen&) { return frame_as_json(*daemon, wanted); }));
    // What is wrong at once is said where it stays.
    Picture picture;
    if (const auto looked = picture.look(*daemon, wanted); !looked) return status_of(looked);
    int signal = 0;
    {
        auto terminal = RawTerminal::open();
        if (!terminal)
            return status_of(
                std::unexpected(Failure{"standard output is not a terminal (use `ballast top "
                                        "--json`, or `ballast transfers --watch`)"}));
        signal = run(*terminal, *daemon, wanted, std::move(picture));
    }
    if (signal == 0) return Status::good;
    // As if the signal had ended it, which the shell wants to know.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(signal);
    return Status::failed;
}

}  // namespace ballast::cli
