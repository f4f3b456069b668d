// SPDX-License-Identifier: Apache-2.0
#include "support/session_state.h"

#include "base/ascii.h"
#include "base/number.h"

#include <fmt/format.h>

namespace ballast::support {

namespace {

constexpr std::string_view done = "200 Done.";

std::string quoted(std::string_view path) {
    std::string text = "\"";
    for (const char c : path) text += c == '"' ? "\"\"" : std::string(1, c);
    return text + '"';
}

std::string first_word(const std::string& text) {
    return base::upper(text.substr(0, text.find(' ')));
}
std::string behind_first_word(const std::string& text) {
    const auto space = text.find(' ');
    return space == std::string::npos ? std::string() : text.substr(space + 1);
}

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

std::optional<std::string> SessionState::hear(const DirectoryTree& tree, std::string_view verb,
                                              const std::string& argument) {
    if (verb == "CWD" || verb == "XCWD") return change_directory(tree, argument);
    if (verb == "CDUP" || verb == "XCUP") return change_directory(tree, "..");
    if (verb == "PWD" || verb == "XPWD")
        return fmt::format("257 {} is the current directory.", quoted(directory));
    if (verb == "MKD") return fmt::format("257 {} created.", quoted(argument));
    if (verb == "RNFR") {
        if (argument == "missing") return "550 No such file.";
        rename_from = argument;
        return "350 And its new name?";
    }
    if (verb == "REST") {
        const auto offset = base::parse_number<std::uint64_t>(argument);
        if (!offset) return "501 How many bytes?";
        restart = *offset;
        return "350 Restarting.";
    }
    return hear_parameter(verb, argument);
}

std::optional<std::string> SessionState::hear_parameter(std::string_view verb,
                                                        const std::string& argument) {
    const auto set = [&](std::string& value, std::set<std::string_view> allowed) {
        const auto wanted = base::upper(argument);
        if (!allowed.contains(wanted)) return std::string("504 Not that one.");
        value = wanted;
        return std::string(done);
    };
    if (verb == "TYPE") {
        auto reply = set(type, {"A", "A N", "I", "L 8"});
        if (type == "A") type = "A N";
        return reply;
    }
    if (verb == "MODE") return set(mode, {"S", "Z"});
    if (verb == "STRU") return set(structure, {"F", "R"});
    if (verb == "LANG") {
        if (!argument.empty()) return set(language, {"EN", "DE"});
        language = "en";
        return std::string(done);
    }
    if (verb == "OPTS") return hear_option(argument);
    if (verb == "SITE") return hear_site(argument);
    if (verb == "CLNT") client_name = argument;
    if (verb == "ALLO") allocated = argument;
    if (verb == "SMNT" || verb == "ACCT" || verb == "TURBO") hidden += argument;
    const std::set<std::string_view> accepted = {"CLNT", "ALLO", "SMNT", "ACCT", "TURBO"};
    if (accepted.contains(verb)) return std::string(done);
    return std::nullopt;
}

std::string SessionState::hear_option(const std::string& argument) {
    const auto option = first_word(argument);
    const auto value = behind_first_word(argument);
    if (option != "UTF8" && option != "MLST" && option != "MODE") return "501 No such option.";
    // "OPTS MODE Z LEVEL 5" leaves what "OPTS MODE Z BLOCK 64" has set.
    const auto last_space = value.rfind(' ');
    if (option == "MODE")
        options[option + ' ' + value.substr(0, last_space)] = value.substr(last_space + 1);
    else
        options[option] = value;
    return std::string(done);
}

std::string SessionState::hear_site(const std::string& argument) {
    const auto command = first_word(argument);
    const auto value = behind_first_word(argument);
    if (command == "UMASK" || command == "IDLE") {
        auto& setting = command == "UMASK" ? umask : idle;
        if (!value.empty()) setting = value;
        return fmt::format("200 It is {}.", setting);
    }
    if (command == "TURBO") hidden += value;
    if (command == "CHMOD" || command == "TURBO") return std::string(done);
    return command == "HELP" ? "214 Ask somebody else." : "502 What?";
}

std::string SessionState::change_directory(const DirectoryTree& tree, const std::string& path) {
    auto at = path.starts_with('/') ? std::string("/") : directory;
    for (std::size_t begin = 0; begin <= path.size();) {
        const auto end = std::min(path.find('/', begin), path.size());
        const auto name = path.substr(begin, end - begin);
        begin = end + 1;
        if (name.empty() || name == ".") continue;
        if (name == "..") {
            at = parent_of(at);
            continue;
        }
        at += at.ends_with('/') ? name : '/' + name;
        if (const auto link = tree.links.find(at); link != tree.links.end()) at = link->second;
        if (!tree.directories.contains(at)) return "550 No such directory.";
    }
    directory = at;
    return "250 " + quoted(path) + " it is.";
}

std::string to_string(const SessionState& state) {
    std::string text = fmt::format(
        "directory {}, TYPE {}, MODE {}, STRU {}, CLNT {}, LANG {}, umask {}, idle {}, ALLO {}, "
        "RNFR {}, REST {}, hidden {}",
        state.directory, state.type, state.mode, state.structure, state.client_name, state.language,
        state.umask, state.idle, state.allocated, state.rename_from, state.restart, state.hidden);
    for (const auto& [option, value] : state.options) text += fmt::format(", {}={}", option, value);
    return text;
}

}  // namespace ballast::support
