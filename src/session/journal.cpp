// SPDX-License-Identifier: Apache-2.0
#include "session/journal.h"

#include "base/ascii.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

using ftp::State;

std::string_view first_word(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    return text.substr(0, text.find(' '));
}

std::string_view behind_first_word(std::string_view text) {
    const auto word = first_word(text);
    text.remove_prefix(static_cast<std::size_t>(word.data() - text.data()) + word.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    return text;
}

/// Returns "UTF8" for "OPTS utf8 ON".
std::string second_word(std::string_view line) {
    return base::upper(first_word(behind_first_word(line)));
}

/// Options that have one value: a later line replaces the earlier. For others, such as "OPTS MODE Z
/// LEVEL 5" and "OPTS RETR Parallelism=4;", a line may set only a part.
bool has_one_value(std::string_view option) {
    constexpr auto known = std::to_array<std::string_view>({"HASH", "MLST", "UTF-8", "UTF8"});
    return std::ranges::find(known, option) != known.end();
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// RFC 959 4.2: "x1z" is information. 202: "not implemented, superfluous at this site".
bool may_change_something(const ftp::Reply& reply) {
    constexpr std::uint16_t superfluous = 202;
    const bool is_information = reply.code / 10 % 10 == 1;
    return (reply.kind() == 2 || reply.kind() == 3) && !is_information && reply.code != superfluous;
}

/// The SITE commands of ProFTPD, Pure-FTPd, vsftpd, wu-ftpd, pyftpdlib and SFTPGo that act on files
/// or only report something.
bool is_stateless_site(std::string_view word) {
    constexpr auto known = std::to_array<std::string_view>(
        {"CHGRP", "CHMOD", "CHOWN", "COPY", "HELP", "LINK", "MKDIR", "QUOTA", "RMDIR", "SYMLINK",
         "TRUNCATE", "UTIME", "VERSION", "WHO"});
    return std::ranges::find(known, word) != known.end();
}

std::string changed_by(std::string_view what) {
    constexpr std::size_t name_bytes_max = 32;
    return ftp::escaped(what.substr(0, name_bytes_max)) + " may have changed the session";
}

/// Byte for byte, because a name may begin with a space.
std::string_view argument_of(std::string_view line) {
    const auto space = line.find(' ');
    return space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
}

}  // namespace

std::optional<std::string> path_of_257(std::string_view message) {
    const auto open = message.find('"');
    if (open == std::string_view::npos) return std::nullopt;
    std::string path;
    for (std::size_t i = open + 1; i < message.size(); ++i) {
        if (message[i] == '"') {
            if (i + 1 == message.size() || message[i + 1] != '"') return path;
            ++i;
        }
        path += message[i];
    }
    return std::nullopt;
}

void Journal::note(const ftp::Command& command, const ftp::Reply& reply) {
    const ftp::Verb* const verb = ftp::find_verb(command.verb);
    begin_command();
    if (verb == nullptr) return note_unknown(command.verb, reply);
    switch (verb->sets) {
        case State::none: return;
        case State::site: return note_site(command, reply);
        case State::told_directory: return note_told_directory(reply);
        case State::unseen: return note_unknown(command.verb, reply);
        case State::restart:
        case State::rename_from:
            if (reply.kind() != 3) return;
            is_restart_old_ = is_restart_old_ && verb->sets != State::restart;
            return set(verb->sets, command.line);
        default: break;
    }
    if (!reply.is_positive()) return;
    switch (verb->sets) {
        case State::option: note_option(command); break;
        case State::directory: note_directory(command); break;
        case State::everything: clear(); break;
        default: set(verb->sets, command.line); break;
    }
}

/// RFC 959 4.1.3: RNTO must immediately follow RNFR. RFC 3659 5.3 says the same of REST, but most
/// servers keep REST until the next transfer of a file.
void Journal::begin_command() {
    forget(State::rename_from);
    is_restart_old_ = is_restart_old_ || find(State::restart) != nullptr;
}

void Journal::note_transfer(const ftp::Command& command, bool is_refused) {
    begin_command();
    const auto data = ftp::data_of(command.verb);
    if (data == ftp::Data::none && !is_refused) lose(changed_by(command.verb));
    forget(State::prepare);
    if (ftp::transfers_file(command.verb)) {
        forget(State::range);
        forget(State::restart);
        is_restart_old_ = false;
    }
    if (data == ftp::Data::upload) forget(State::allocate);
}

void Journal::note_unknown(std::string_view what, const ftp::Reply& reply) {
    if (may_change_something(reply)) lose(changed_by(what));
}

void Journal::note_login() {
    if (std::exchange(is_logged_in_, true)) lose("the user logged in again");
}

void Journal::note_site(const ftp::Command& command, const ftp::Reply& reply) {
    const auto word = base::upper(first_word(command.argument));
    if (is_stateless_site(word)) return;
    if (word != "UMASK" && word != "IDLE")
        return note_unknown(word.empty() ? "SITE" : "SITE " + word, reply);
    // Without a value the command is a question.
    if (!reply.is_positive() || behind_first_word(command.argument).empty()) return;
    std::erase_if(entries_, [&](const Entry& each) {
        return each.state == State::site && second_word(each.line) == word;
    });
    add(State::site, command.line);
}

void Journal::note_option(const ftp::Command& command) {
    const auto name = second_word(command.line);
    std::erase_if(entries_, [&](const Entry& each) {
        return each.state == State::option &&
               (has_one_value(name) ? second_word(each.line) == name : each.line == command.line);
    });
    add(State::option, command.line);
    // From now on the same name has other bytes.
    const bool has_moved = std::ranges::any_of(entries_, [](const Entry& each) {
        return each.state == State::directory && !is_ascii(each.line);
    });
    if (name.starts_with("UTF") && has_moved) lose_directory("the encoding of names changed");
}

/// Steps are kept as the client sent them. Only the server knows where ".." leads, because a
/// directory may be a symbolic link.
void Journal::note_directory(const ftp::Command& command) {
    if (command.argument.starts_with('/')) {
        forget_directory();
        return add(State::directory, command.line);
    }
    if (lost_directory_.empty()) add(State::directory, command.line);
}

void Journal::note_told_directory(const ftp::Reply& reply) {
    constexpr std::uint16_t path_told = 257;
    if (reply.code != path_told) return;
    const auto path = path_of_257(reply.message());
    // The path becomes a command, so it must not contain a line end.
    constexpr std::string_view forbidden("\0\r\n", 3);
    if (!path || path->empty() || path->find_first_of(forbidden) != std::string::npos) return;
    forget_directory();
    add(State::directory, "CWD " + *path);
    is_directory_told_ = lost_directory_.empty();
}

std::string Journal::gap() const {
    if (!gap_.empty()) return gap_;
    if (!lost_directory_.empty()) return "the directory is not known: " + lost_directory_;
    if (is_restart_old_) return "the backend may have forgotten REST";
    return {};
}

bool Journal::is_binary() const {
    const auto* const type = find(State::type);
    if (type == nullptr) return false;
    const auto name = behind_first_word(type->line);
    return !name.starts_with('A') && !name.starts_with('a');
}

bool Journal::is_plain_stream() const {
    const auto is_default = [this](State state, char letter) {
        const auto* const set = find(state);
        return set == nullptr || base::upper(behind_first_word(set->line)).starts_with(letter);
    };
    return is_default(State::mode, 'S') && is_default(State::structure, 'F') &&
           find(State::range) == nullptr;
}

std::vector<std::string> Journal::take_owed() {
    const auto is_owed = [](const Entry& each) {
        return each.state == State::client_name || each.state == State::option;
    };
    std::vector<std::string> owed;
    for (auto& each : entries_)
        if (is_owed(each)) owed.push_back(each.line);
    std::erase_if(entries_, is_owed);
    return owed;
}

std::vector<std::string> Journal::lines() const {
    std::vector<std::string> lines;
    lines.reserve(entries_.size());
    for (const auto& each : entries_) lines.push_back(each.line);
    return lines;
}

std::optional<std::string> Journal::told_directory() const {
    if (!is_directory_told_) return std::nullopt;
    return std::string(argument_of(find(State::directory)->line));
}

void Journal::mark_in_force(ftp::Features& features) const {
    for (const auto& [state, line] : entries_) {
        const auto argument = behind_first_word(line);
        const auto value = behind_first_word(argument);
        const auto option = second_word(line);
        if (state == State::language) features.mark("LANG", argument, ftp::Features::Mark::one);
        if (state != State::option) continue;
        if (option == "MLST") features.mark(option, value, ftp::Features::Mark::listed);
        if (option == "HASH") features.mark(option, value, ftp::Features::Mark::one);
    }
}

std::string Journal::path_of(std::string_view file) const {
    if (file.starts_with('/')) return std::string(file);
    std::string path;
    const auto append = [&](std::string_view part) {
        if (part.empty()) return;
        if (!path.empty() && !path.ends_with('/')) path += '/';
        path += part;
    };
    for (const auto& [state, line] : entries_) {
        if (state != State::directory) continue;
        const bool goes_up = !line.contains(' ');
        append(goes_up ? ".." : argument_of(line));
    }
    append(file);
    return path;
}

const Journal::Entry* Journal::find(State state) const {
    const auto found = std::ranges::find(entries_, state, &Entry::state);
    return found == entries_.end() ? nullptr : &*found;
}

void Journal::forget(State state) {
    std::erase_if(entries_, [=](const Entry& each) { return each.state == state; });
}

void Journal::set(State state, std::string_view line) {
    forget(state);
    add(state, line);
}

/// Inserts behind the other lines of the same state.
void Journal::add(State state, std::string_view line) {
    const auto limit = is_logged_in_ ? bytes_max : bytes_before_login_max;
    std::size_t bytes = sizeof(Entry) + line.size();
    for (const auto& each : entries_) bytes += sizeof(Entry) + each.line.size();
    if (bytes > limit) {
        auto reason = fmt::format("the client has set more than {} bytes", limit);
        return state == State::directory ? lose_directory(std::move(reason))
                                         : lose(std::move(reason));
    }
    entries_.insert(std::ranges::upper_bound(entries_, state, {}, &Entry::state),
                    {state, std::string(line)});
}

void Journal::lose(std::string reason) {
    if (gap_.empty()) gap_ = std::move(reason);
}

void Journal::forget_directory() {
    forget(State::directory);
    is_directory_told_ = false;
    lost_directory_.clear();
}

/// The directory stays lost until an absolute path or a 257 names it.
void Journal::lose_directory(std::string reason) {
    forget_directory();
    lost_directory_ = std::move(reason);
}

}  // namespace ballast::session
