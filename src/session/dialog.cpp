// SPDX-License-Identifier: Apache-2.0
#include "session/dialog.h"

#include "base/ascii.h"
#include "base/number.h"
#include "ftp/host_port.h"
#include "ftp/telnet.h"
#include "guard/command_policy.h"
#include "session/route.h"

#include <fmt/format.h>

namespace ballast::session {

namespace {

bool is_one_of(std::string_view verb, std::initializer_list<std::string_view> verbs) {
    for (const auto& one : verbs)
        if (verb == one) return true;
    return false;
}

/// RFC 959 3.4: stream mode. Z is a compression between both ends that passes through as it is.
/// Block and compressed mode carry the end of file inside the data, so a relay cannot check it.
bool is_carried_mode(std::string_view argument) {
    argument.remove_prefix(std::min(argument.find_first_not_of(' '), argument.size()));
    return argument.empty() ||
           (argument[0] != 'B' && argument[0] != 'b' && argument[0] != 'C' && argument[0] != 'c');
}

Decision say(std::uint16_t code, std::string_view text, Step step = Step::answer) {
    return {step, ftp::make_reply(code, text)};
}

}  // namespace

void Dialog::reinitialize() {
    login_ = Login::none;
    epsv_all_ = false;
}

void Dialog::tls_began(std::string server_name) {
    reinitialize();
    control_ = Control::tls;
    server_name_ = std::move(server_name);
    // draft-murray-ftp-auth-ssl-07 2.1: AUTH SSL, AUTH TLS-P and implicit TLS protect data at once.
    protects_data_ = auth_protects_data_;
    has_protection_buffer_ = auth_protects_data_;
}

bool Dialog::requires_login_tls() const {
    return settings_.tls && settings_.tls->require != config::TlsRequire::none;
}

bool Dialog::requires_data_tls() const {
    return settings_.tls && settings_.tls->require == config::TlsRequire::login_and_data;
}

/// RFC 4217 4.
Decision Dialog::auth(const ftp::Command& command) {
    if (!settings_.tls && !passes_through())
        return say(502, "AUTH is not available on this listener.");
    if (control_ != Control::plain) return say(503, "TLS has been negotiated already.");
    if (settings_.tls && !settings_.tls->explicit_tls)
        return say(502, "TLS is offered on another port only.");
    const auto mechanism = base::upper(command.argument);
    if (mechanism.empty()) return say(501, "AUTH needs a mechanism: TLS.");
    if (!is_one_of(mechanism, {"TLS", "TLS-C", "TLS-P", "SSL"}))
        return say(504, "Only AUTH TLS is supported.");
    auth_protects_data_ = is_one_of(mechanism, {"TLS-P", "SSL"});
    return say(234, "Proceed with the TLS handshake.",
               passes_through() ? Step::pass_through : Step::start_tls);
}

/// RFC 4217 8: always 0, because TLS has its own buffers.
Decision Dialog::protection_buffer(const ftp::Command& command) {
    if (!settings_.tls && !passes_through())
        return say(502, "PBSZ is not available on this listener.");
    if (control_ != Control::tls) return say(503, "Say AUTH TLS first.");
    if (!base::parse_number<std::uint32_t>(command.argument))
        return say(501, "PBSZ takes a number.");
    has_protection_buffer_ = true;
    return say(200, "PBSZ=0");
}

/// RFC 4217 9.
Decision Dialog::protection(const ftp::Command& command) {
    if (!settings_.tls && !passes_through())
        return say(502, "PROT is not available on this listener.");
    if (control_ != Control::tls) return say(503, "Say AUTH TLS first.");
    if (!has_protection_buffer_) return say(503, "Say PBSZ first.");
    const auto level = base::upper(command.argument);
    if (is_one_of(level, {"S", "E"})) return say(536, "Only PROT C and PROT P go with TLS.");
    if (!is_one_of(level, {"C", "P"})) return say(504, "PROT takes C or P.");
    if (level == "C" && requires_data_tls()) return say(534, "Data connections need TLS.");
    protects_data_ = level == "P";
    return say(200, fmt::format("Protection level is {}.", level));
}

/// RFC 4217 6.
Decision Dialog::clear_control() const {
    if (!settings_.tls && !passes_through())
        return say(502, "CCC is not available on this listener.");
    if (control_ != Control::tls) return say(533, "The control connection is not protected.");
    if (!settings_.tls->ccc) return say(534, "CCC is not allowed here.");
    return say(200, "The control connection continues in plain text.", Step::leave_tls);
}

/// RFC 7151 3.1: before USER, the last HOST counts. RFC 7151 3.2.2: under TLS, HOST must equal the
/// handshake's server name if there is one.
Decision Dialog::host(const ftp::Command& command) const {
    if (login_ == Login::in_progress) return say(503, "HOST comes before USER.");
    if (!server_name_.empty() && !base::is_same_but_for_case(server_name_, command.argument))
        return say(504, "HOST must name the host of the TLS handshake.");
    if (!knows_host(settings_, command.argument)) return say(504, "There is no such host here.");
    return say(220, "Host noted.", Step::answer_noted);
}

Decision Dialog::user(const ftp::Command& command) const {
    if (command.argument.empty()) return say(501, "USER needs a name.");
    if (passes_through() && !settings_.plain)
        return say(534, "Login needs TLS: say AUTH TLS first.");
    if (requires_login_tls() && control_ != Control::tls)
        return say(530, "Login needs TLS: say AUTH TLS first.");
    return {login_ == Login::done ? Step::credential : Step::log_in};
}

/// A long line of a login goes to no backend: some servers hang at such a line.
bool Dialog::is_too_long(const ftp::Command& command, const ftp::Verb& verb) const {
    const bool is_of_login = verb.handling == ftp::Handling::login || verb.name == "HOST";
    return is_of_login && command.line.size() > settings_.login_bytes_max;
}

Decision Dialog::next(const ftp::Command& command, bool has_data_address, bool data_is_direct) {
    const ftp::Verb* const verb = ftp::find_verb(command.verb);
    if (verb != nullptr && verb->handling == ftp::Handling::refused)
        return say(502, fmt::format("{} is not supported here.", command.verb));
    if (verb != nullptr && is_too_long(command, *verb))
        return say(501, "Syntax error in parameters.");
    if (const auto refusal = guard::refusal_of(settings_, command.verb, command.argument))
        return say(refusal->code, refusal->text, Step::refuse);
    if (command.verb == "QUIT") return {Step::quit};
    if (command.verb == "FEAT") return {Step::features};
    if (command.verb == "REIN") {
        // RFC 4217 11: TLS would have to end with REIN. Clients do not expect that.
        if (control_ != Control::plain) return say(502, "REIN is not supported under TLS.");
        return {Step::reinitialize};
    }
    if (command.verb == "AUTH") return auth(command);
    if (command.verb == "PBSZ") return protection_buffer(command);
    if (command.verb == "PROT") return protection(command);
    if (command.verb == "CCC") return clear_control();
    if (command.verb == "USER") return user(command);
    if (login_ != Login::done) return before_login(command, verb);

    const bool moves_data =
        verb != nullptr ? verb->handling == ftp::Handling::transfer : has_data_address;
    // RFC 4217 10.2: the protection of the data connection does not meet the server's demand.
    if (moves_data && requires_data_tls() && !protects_data_)
        return say(521, "Data connections need TLS: say PROT P first.");
    if (verb == nullptr) return {has_data_address ? Step::maybe_transfer : Step::forward};
    switch (verb->handling) {
        case ftp::Handling::forward: return {Step::forward};
        case ftp::Handling::data_setup: return data_setup(command, data_is_direct);
        case ftp::Handling::transfer: return {Step::transfer};
        case ftp::Handling::control: return control(command);
        // A server may want a PASS even if it has let the user in at USER (RFC 959 5.4: 202). Many
        // clients send one anyway. The server decides what it means.
        case ftp::Handling::login: return {Step::credential};
        case ftp::Handling::refused: break;
    }
    return {Step::forward};
}

Decision Dialog::before_login(const ftp::Command& command, const ftp::Verb* verb) const {
    if (verb == nullptr) return say(500, "Unknown command. Log in with USER and PASS first.");
    if (verb->before_login == ftp::BeforeLogin::noted)
        return say(200, "Noted.", Step::answer_noted);
    if (verb->before_login == ftp::BeforeLogin::allowed) {
        if (verb->handling == ftp::Handling::login)
            return login_ == Login::in_progress ? Decision{Step::credential}
                                                : say(503, "Log in with USER first.");
        if (command.verb == "NOOP") return say(200, "Ready.");
        if (command.verb == "SYST") return say(215, settings_.system);
        if (command.verb == "HELP") return say(214, "Log in with USER and PASS.");
        if (command.verb == "ABOR") return say(226, "Nothing to abort.");
        if (command.verb == "HOST") return host(command);
    }
    return say(530, "Not logged in. Log in with USER and PASS first.");
}

Decision Dialog::data_setup(const ftp::Command& command, bool data_is_direct) {
    if (command.verb == "EPSV") {
        const auto request = ftp::parse_epsv_argument(command.argument);
        if (request && request->all && !data_is_direct) {
            epsv_all_ = true;
            return say(200, "EPSV ALL accepted.");
        }
        return {Step::passive};
    }
    // RFC 2428 4: after EPSV ALL, all other ways to set up data must be rejected.
    if (epsv_all_)
        return say(503, fmt::format("EPSV ALL is in force: {} is not allowed.", command.verb));
    return {command.verb == "PASV" ? Step::passive : Step::active};
}

Decision Dialog::control(const ftp::Command& command) {
    if (command.verb == "ABOR") return {Step::abort};
    if (command.verb == "REST") return {Step::restart};
    if (command.verb == "HOST") return say(503, "HOST comes before USER.");
    if (command.verb == "MODE" &&
        !std::ranges::all_of(ftp::telnet_readings(command.argument), is_carried_mode))
        return say(504, "Only stream mode is supported.");
    return {Step::forward};
}

}  // namespace ballast::session
