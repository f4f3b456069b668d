// SPDX-License-Identifier: Apache-2.0
#include "session/journal.h"

#include "ftp/verb.h"

#include <algorithm>
#include <utility>

namespace ballast::session {

namespace {

/// "UTF8" of "OPTS UTF8 ON": a later setting of the same option replaces the earlier.
std::string option_name(std::string_view argument) {
    std::string name(argument.substr(0, argument.find(' ')));
    std::ranges::transform(name, name.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    });
    return name;
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
    const auto sets = verb == nullptr ? ftp::State::none : verb->sets;
    // RFC 959 4.1.3: RNFR must be immediately followed by RNTO.
    rename_from_.clear();
    if (sets == ftp::State::rename_from) {
        if (reply.kind() == 3) rename_from_ = command.line;
        return;
    }
    if (command.verb == "PWD" || command.verb == "XPWD") return note_directory(command, reply);
    if (!reply.is_positive() && sets != ftp::State::user) return;
    switch (sets) {
        case ftp::State::user: user_ = command.argument; break;
        case ftp::State::host: host_ = command.argument; break;
        case ftp::State::client_name: client_name_ = command.line; break;
        case ftp::State::language: language_ = command.line; break;
        case ftp::State::option: note_option(command); break;
        case ftp::State::type: type_ = command.line; break;
        case ftp::State::mode: mode_ = command.line; break;
        case ftp::State::structure: structure_ = command.line; break;
        case ftp::State::allocate: allocate_ = command.line; break;
        case ftp::State::directory: note_directory(command, reply); break;
        case ftp::State::everything: clear(); break;
        case ftp::State::none:
        case ftp::State::account:
        case ftp::State::restart:
        case ftp::State::rename_from: break;
    }
}

void Journal::note_option(const ftp::Command& command) {
    const auto name = option_name(command.argument);
    std::erase_if(options_, [&](const std::string& line) {
        return option_name(std::string_view(line).substr(line.find(' ') + 1)) == name;
    });
    constexpr std::size_t options_max = 32;  // whoever sets more gets no more by failover
    if (options_.size() < options_max) options_.push_back(command.line);
}

void Journal::note_directory(const ftp::Command& command, const ftp::Reply& reply) {
    const bool asks = command.verb == "PWD" || command.verb == "XPWD";
    if (asks) {
        if (reply.code != 257) return;
        if (auto path = path_of_257(reply.message())) {
            directory_ = std::move(*path);
            directories_.clear();
        }
    } else if (command.argument.starts_with('/')) {
        directory_ = command.argument;
        directories_.clear();
    } else {
        directories_.push_back(command.line);
        // A client that walks up and down all day without ever saying PWD or an absolute path.
        constexpr std::size_t directories_max = 256;
        if (directories_.size() > directories_max) directories_.erase(directories_.begin());
    }
}

std::optional<std::uint64_t> Journal::take_restart() { return std::exchange(restart_, {}); }

bool Journal::is_ascii() const {
    const auto space = type_.find(' ');
    return space != std::string::npos && space + 1 < type_.size() &&
           (type_[space + 1] == 'A' || type_[space + 1] == 'a');
}

std::vector<std::string> Journal::client_lines() const {
    std::vector<std::string> lines;
    if (!client_name_.empty()) lines.push_back(client_name_);
    lines.insert(lines.end(), options_.begin(), options_.end());
    return lines;
}

std::vector<std::string> Journal::lines() const {
    auto lines = client_lines();
    for (const auto& line : {language_, type_, mode_, structure_, allocate_})
        if (!line.empty()) lines.push_back(line);
    if (!directory_.empty()) lines.push_back("CWD " + directory_);
    lines.insert(lines.end(), directories_.begin(), directories_.end());
    return lines;
}

void Journal::mark_in_force(ftp::Features& features) const {
    const auto behind_name = [](std::string_view text) {
        text.remove_prefix(std::min(text.find(' '), text.size()));
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
        return text;
    };
    for (const auto& line : options_) {
        const auto option = behind_name(line);
        const auto name = option_name(option);
        if (name == "MLST") features.mark(name, behind_name(option), ftp::Features::Mark::listed);
        if (name == "HASH") features.mark(name, behind_name(option), ftp::Features::Mark::one);
    }
    if (!language_.empty()) features.mark("LANG", behind_name(language_), ftp::Features::Mark::one);
}

std::string Journal::path_of(std::string_view file) const {
    std::string path;
    if (!file.starts_with('/')) {
        path = directory_;
        const auto append = [&](std::string_view part) {
            if (part.empty()) return;
            if (!path.empty() && !path.ends_with('/')) path += '/';
            path += part;
        };
        for (const auto& line : directories_) {
            const auto space = line.find(' ');
            append(space == std::string::npos ? ".." : std::string_view(line).substr(space + 1));
        }
        append(file);
        return path;
    }
    return std::string(file);
}

}  // namespace ballast::session
