// SPDX-License-Identifier: Apache-2.0
#include "session/dialog.h"

#include "ftp/host_port.h"

#include <fmt/format.h>

namespace ballast::session {

namespace {

bool is_one_of(std::string_view verb, std::initializer_list<std::string_view> verbs) {
    for (const auto& one : verbs)
        if (verb == one) return true;
    return false;
}

/// RFC 959 3.4: stream mode. Z is a compression that both ends agree on and passes as it is; block
/// and compressed mode carry the end of file inside the data, which a relay cannot vouch for.
bool is_carried_mode(std::string_view argument) {
    argument.remove_prefix(std::min(argument.find_first_not_of(' '), argument.size()));
    return argument.empty() ||
           (argument[0] != 'B' && argument[0] != 'b' && argument[0] != 'C' && argument[0] != 'c');
}

}  // namespace

Step Dialog::say(std::uint16_t code, std::string_view text) {
    answer_ = ftp::make_reply(code, text);
    return Step::answer;
}

void Dialog::reinitialize() {
    login_ = Login::none;
    epsv_all_ = false;
}

Step Dialog::next(const ftp::Command& command, bool has_data_address) {
    const ftp::Verb* const verb = ftp::find_verb(command.verb);
    if (verb != nullptr && verb->handling == ftp::Handling::refused)
        return say(502, fmt::format("{} is not supported here.", command.verb));
    if (command.verb == "QUIT") return Step::quit;
    if (command.verb == "FEAT") return Step::features;
    if (command.verb == "REIN") return Step::reinitialize;
    if (command.verb == "USER") {
        if (command.argument.empty()) return say(501, "USER needs a name.");
        return login_ == Login::done ? Step::credential : Step::log_in;
    }
    if (is_one_of(command.verb, {"AUTH", "PBSZ", "PROT", "CCC"}))
        return say(502, fmt::format("{} is not available on this listener.", command.verb));
    if (login_ != Login::done) return before_login(command, verb);

    if (verb == nullptr) return has_data_address ? Step::maybe_transfer : Step::forward;
    switch (verb->handling) {
        case ftp::Handling::forward: return Step::forward;
        case ftp::Handling::data_setup: return data_setup(command);
        case ftp::Handling::transfer: return Step::transfer;
        case ftp::Handling::control: return control(command);
        case ftp::Handling::login:
            // RFC 959 5.4: PASS without USER before it.
            if (command.verb == "PASS") return say(503, "You are logged in already.");
            return Step::credential;
        case ftp::Handling::local: return Step::forward;
        case ftp::Handling::refused: break;
    }
    return Step::forward;
}

Step Dialog::before_login(const ftp::Command& command, const ftp::Verb* verb) {
    if (is_one_of(command.verb, {"PASS", "ACCT"})) {
        if (login_ == Login::in_progress) return Step::credential;
        return say(503, "Say USER first.");
    }
    if (command.verb == "NOOP") return say(200, "Ready.");
    if (command.verb == "SYST") return say(215, "UNIX Type: L8");
    if (command.verb == "HELP") return say(214, "Log in with USER and PASS.");
    if (command.verb == "ABOR") return say(226, "Nothing to abort.");
    if (is_one_of(command.verb, {"CLNT", "OPTS"})) {
        answer_ = ftp::make_reply(200, "Noted.");
        return Step::answer_noted;
    }
    if (command.verb == "HOST") {
        // RFC 7151 3.1: before USER, the last one counts.
        if (login_ == Login::in_progress) return say(503, "HOST comes before USER.");
        answer_ = ftp::make_reply(220, "Host noted.");
        return Step::answer_noted;
    }
    if (verb == nullptr) return say(500, "Unknown command; log in with USER and PASS first.");
    return say(530, "Log in with USER and PASS first.");
}

Step Dialog::data_setup(const ftp::Command& command) {
    if (command.verb == "EPSV") {
        const auto request = ftp::parse_epsv_argument(command.argument);
        if (request && request->all) {
            epsv_all_ = true;
            return say(200, "EPSV ALL accepted.");
        }
        return Step::passive;
    }
    // RFC 2428 4: after EPSV ALL all other ways to set up data must be rejected.
    if (epsv_all_)
        return say(503, fmt::format("EPSV ALL is in force: {} is not allowed.", command.verb));
    return command.verb == "PASV" ? Step::passive : Step::active;
}

Step Dialog::control(const ftp::Command& command) {
    if (command.verb == "ABOR") return Step::abort;
    if (command.verb == "REST") return Step::restart;
    if (command.verb == "HOST") return say(503, "HOST comes before USER.");
    if (command.verb == "MODE" && !is_carried_mode(command.argument))
        return say(504, "Only stream mode is supported.");
    return Step::forward;
}

}  // namespace ballast::session
