// SPDX-License-Identifier: Apache-2.0
#include "session/file_facts.h"

#include "backend/refusal.h"
#include "base/ascii.h"
#include "base/number.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace ballast::session {

namespace {

constexpr auto known_time = std::chrono::seconds(5);
constexpr std::size_t files_max = 8;
/// A longer path is not remembered.
constexpr std::size_t path_bytes_max = 1024;

/// RFC 3659 2.3: YYYYMMDDHHMMSS, then perhaps a fraction, which some servers leave out.
std::string time_in(std::string_view text) {
    constexpr std::size_t digits = 14;
    const auto time = base::trimmed(text).substr(0, digits);
    const bool is_time = time.size() == digits &&
                         std::ranges::all_of(time, [](char c) { return c >= '0' && c <= '9'; });
    return is_time ? std::string(time) : std::string();
}

std::string_view verb_of(std::string_view line) { return line.substr(0, line.find(' ')); }

/// RFC 959 5.4: a server may answer any command with 421, and then closes.
base::Error farewell(std::string_view line, const ftp::Reply& reply) {
    return backend::refusal(fmt::format("{}:", verb_of(line)), reply);
}

}  // namespace

void FileFacts::note(std::string_view verb, const ftp::Reply& reply) {
    constexpr std::uint16_t file_status = 213;
    if (reply.code != file_status) return;
    if (verb == "SIZE") size = base::parse_number<std::uint64_t>(base::trimmed(reply.message()));
    if (verb == "MDTM") time = time_in(reply.message());
}

void FileFacts::complete(const FileFacts& other) {
    if (!size) size = other.size;
    if (time.empty()) time = other.time;
}

std::string difference(const FileFacts& began, const FileFacts& other, bool trusts) {
    if (began.size && other.size && *began.size != *other.size)
        return fmt::format("the file has {} bytes there, not {}", *other.size, *began.size);
    if (!began.time.empty() && !other.time.empty() && began.time != other.time)
        return fmt::format("the file is of {} there, not of {}", other.time, began.time);
    if (trusts) return {};
    if (!began.size || !other.size)
        return fmt::format("{} server does not tell the size of the file",
                           began.size ? "that" : "the first");
    if (began.time.empty() || other.time.empty())
        return fmt::format("{} server does not tell the time of the file",
                           began.time.empty() ? "the first" : "that");
    return {};
}

std::vector<std::string> questions(std::string_view path, const FileFacts& facts,
                                   bool size_is_announced) {
    std::vector<std::string> lines;
    if (!facts.size && !size_is_announced) lines.push_back(fmt::format("SIZE {}", path));
    if (facts.time.empty()) lines.push_back(fmt::format("MDTM {}", path));
    return lines;
}

loop::Task<base::Result<>> ask(backend::Leg& leg, std::vector<std::string> lines,
                               FileFacts& facts) {
    if (leg.takes_several()) {
        if (auto sent = co_await leg.send_several(lines); !sent) co_return sent;
        co_return co_await hear_answers(leg, std::move(lines), facts);
    }
    for (const auto& line : lines) {
        const auto reply = co_await leg.command(line);
        if (!reply) co_return std::unexpected(reply.error());
        if (reply->code == 421) co_return std::unexpected(farewell(line, *reply));
        facts.note(verb_of(line), *reply);
    }
    co_return base::Result<>();
}

loop::Task<base::Result<>> hear_answers(backend::Leg& leg, std::vector<std::string> lines,
                                        FileFacts& facts) {
    for (const auto& line : lines) {
        const auto heard = co_await leg.hear(leg.answer_time(line), false);
        if (!heard) co_return std::unexpected(heard.error());
        if (heard->reply.code == 421) co_return std::unexpected(farewell(line, heard->reply));
        facts.note(verb_of(line), heard->reply);
    }
    co_return base::Result<>();
}

void KnownFiles::add(std::string_view path, const FileFacts& facts, loop::Time now) {
    if (path.empty() || path.size() > path_bytes_max) return;
    FileFacts all = facts;
    all.complete(find(path, now));
    std::erase_if(entries_, [&](const Entry& each) {
        return each.path == path || now - each.at > known_time;
    });
    if (entries_.size() == files_max) entries_.erase(entries_.begin());
    entries_.push_back({std::string(path), std::move(all), now});
}

FileFacts KnownFiles::find(std::string_view path, loop::Time now) const {
    const auto found = std::ranges::find(entries_, path, &Entry::path);
    return found != entries_.end() && now - found->at <= known_time ? found->facts : FileFacts();
}

}  // namespace ballast::session
