// SPDX-License-Identifier: Apache-2.0
#include "session/replay.h"

#include "base/ascii.h"

#include <exception>
#include <fmt/format.h>

namespace ballast::session {

namespace {

using Kind = ReplayProblem::Kind;

ftp::Command command_of(const std::string& line) {
    const auto space = line.find(' ');
    return {base::upper(line.substr(0, space)),
            space == std::string::npos ? std::string() : line.substr(space + 1), line};
}

/// RFC 959 5.4: 2xx, or 350 for REST and RNFR.
bool is_accepted(const ftp::Command& command, const ftp::Reply& reply) {
    constexpr std::uint16_t goes_on = 350;
    const auto* const verb = ftp::find_verb(command.verb);
    const bool expects_more = verb != nullptr && (verb->sets == ftp::State::restart ||
                                                  verb->sets == ftp::State::rename_from);
    return expects_more ? reply.code == goes_on : reply.is_positive();
}

ReplayProblem lost(base::Error error, std::string_view line) {
    return {.kind = Kind::lost, .line = ftp::loggable(line), .error = std::move(error)};
}

/// Whether the backend is in the first backend's directory.
loop::Task<Replayed> check_directory(backend::Leg& leg, std::string expected) {
    auto reply = co_await leg.command("PWD");
    if (!reply) co_return std::unexpected(lost(std::move(reply.error()), "PWD"));
    const auto path = path_of_257(reply->message());
    constexpr std::uint16_t path_told = 257;
    if (reply->code == path_told && path == expected) co_return Replayed();
    const auto kind = reply->code == path_told ? Kind::elsewhere : Kind::refused;
    co_return std::unexpected(ReplayProblem{kind, "PWD", std::move(*reply)});
}

}  // namespace

std::string to_string(const ReplayProblem& problem) {
    switch (problem.kind) {
        case Kind::incomplete: return "the journal is not complete: " + problem.line;
        case Kind::refused:
            return fmt::format("{} was answered with {} {}", problem.line, problem.reply.code,
                               problem.reply.message());
        case Kind::elsewhere:
            return fmt::format("the directory is another one: {}", problem.reply.message());
        case Kind::lost: return fmt::format("{}: {}", problem.line, base::to_string(problem.error));
    }
    std::terminate();
}

loop::Task<Replayed> replay(backend::Leg& leg, const Journal& journal) {
    if (!journal.is_complete())
        co_return std::unexpected(ReplayProblem{Kind::incomplete, journal.gap()});
    auto told = journal.told_directory();
    const auto told_line = told ? "CWD " + *told : std::string();
    for (const auto& line : journal.lines()) {
        const auto command = command_of(line);
        auto reply = co_await leg.command(line);
        if (!reply) co_return std::unexpected(lost(std::move(reply.error()), line));
        if (!is_accepted(command, *reply))
            co_return std::unexpected(
                ReplayProblem{Kind::refused, ftp::loggable(line), std::move(*reply)});
        if (command.verb == "REST") leg.note_restart();
        if (!told || line != told_line) continue;
        if (auto checked = co_await check_directory(leg, *told); !checked) co_return checked;
        told.reset();
    }
    co_return Replayed();
}

loop::Task<base::Result<>> say_owed(backend::Leg& leg, Journal& journal) {
    for (const auto& line : journal.take_owed()) {
        const auto reply = co_await leg.command(line);
        if (!reply) co_return std::unexpected(reply.error());
        journal.note(command_of(line), *reply);
    }
    co_return base::Result<>();
}

}  // namespace ballast::session
