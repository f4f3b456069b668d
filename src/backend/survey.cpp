// SPDX-License-Identifier: Apache-2.0
#include "backend/survey.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace ballast::backend {

namespace {

/// Clients of other backends may see the greeting too. So keep only a 220 of moderate length, and
/// replace control bytes of terminals or Telnet with blanks.
std::string greeting_for_clients(const ftp::Reply& greeting) {
    constexpr std::size_t bytes_max = 4096;
    if (greeting.code != 220 || greeting.text.size() > bytes_max) return {};
    const auto is_control = [](char c) {
        constexpr char del = '\x7f';
        constexpr char telnet = '\xff';
        return (0 <= c && c < ' ' && c != '\r' && c != '\n') || c == del || c == telnet;
    };
    auto text = greeting.text;
    std::ranges::replace_if(text, is_control, ' ');
    return text;
}

}  // namespace

loop::Task<base::Result<Survey>> take_survey(Leg& leg) {
    Survey survey;
    survey.greeting = greeting_for_clients(leg.take_greeting());
    auto features = co_await leg.command("FEAT");
    if (!features) co_return std::unexpected(features.error());
    survey.answers_feat = features->code == 211;
    survey.features = ftp::Features::parse(features->text);

    const auto system = co_await leg.command("SYST");
    if (!system) co_return std::unexpected(system.error());
    if (system->code == 215) survey.system = system->message();

    const auto noop = co_await leg.command("NOOP");
    if (!noop) co_return std::unexpected(noop.error());
    survey.noop_reply = noop->code;
    // Before login some servers answer NOOP with 530, but not after it.
    if (noop->is_positive()) survey.noop_code = noop->code;
    if (const auto* const tls = leg.tls()) {
        survey.certificate_days_left = tls->peer_days_left();
        survey.certificate_expires_at = tls->peer_expires_at();
        auto refused = co_await leg.protect_data(true);
        if (refused && refused->control_is_lost) co_return std::unexpected(refused->error);
        // Before login a server may answer "log in first", which tells nothing.
        constexpr std::array refusals = {500, 502, 504, 534, 536};
        const bool is_told =
            !refused || std::ranges::find(refusals, refused->reply->code) != refusals.end();
        if (is_told) survey.takes_prot_p = !refused;
    }
    co_return survey;
}

loop::Task<bool> takes_several(Leg& leg, std::uint16_t noop_reply) {
    constexpr auto patience = std::chrono::seconds(2);
    if (const auto sent = co_await leg.send_several({"NOOP", "NOOP"}); !sent) co_return false;
    for (int answers = 0; answers < 2; ++answers) {
        const auto heard = co_await leg.hear(patience, false);
        if (!heard || heard->reply.code != noop_reply) co_return false;
    }
    co_return true;
}

}  // namespace ballast::backend
