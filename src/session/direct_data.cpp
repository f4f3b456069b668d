// SPDX-License-Identifier: Apache-2.0
#include "session/direct_data.h"

#include "ftp/host_port.h"

#include <utility>

namespace ballast::session {

namespace {

loop::Task<> refuse(Context& context, const ftp::Command& command, ftp::Reply reply) {
    context.report_command_refused(command, reply);
    return context.answer(std::move(reply));
}

/// Asks the backend. Empty: the client has its reply, or the session has ended.
loop::Task<std::optional<ftp::Reply>> ask(Context& context, Failover& failover,
                                          const ftp::Command& command) {
    for (int losses = 0;;) {
        // Not between REST and the transfer: some servers forget REST at any command.
        base::Result<ftp::Reply> reply;
        if (auto learnt = co_await context.leg().learn_noop(); !learnt)
            reply = std::unexpected(std::move(learnt.error()));
        else
            reply = co_await context.leg().command(command.line);
        auto lost = failover.loss_at(command, reply);
        if (!lost) {
            context.journal.note(command, *reply);
            context.heed_farewell(*reply);
            co_return std::move(*reply);
        }
        if (!co_await failover.survive_command(std::move(*lost), losses)) co_return std::nullopt;
    }
}

/// A session over IPv6 may not use PASV. Ballast's answer to EPSV then names what remains.
std::optional<ftp::Reply> refusal_of(const ftp::Command& command, const base::Ip& reached) {
    const bool extended = command.verb == "EPSV";
    if (extended && reached.is_v4())
        return ftp::make_reply(502, "EPSV is not supported here, use PASV.");
    // RFC 2428 2: the reply names the protocols that are supported.
    if (extended) return ftp::make_reply(522, "Network protocol not supported, use (1).");
    if (!reached.is_v4())
        return ftp::make_reply(425, "Can't open data connection: PASV is for IPv4 only, use EPRT.");
    return std::nullopt;
}

std::string line_of(std::string_view verb, const base::Address& named) {
    return verb == "PORT" ? ftp::format_port(named) : ftp::format_eprt(named);
}

}  // namespace

std::optional<ftp::Reply> passive_reply(ftp::Reply reply, const PassiveTerms& terms) {
    if (!reply.is_positive()) return reply;
    constexpr std::uint16_t passive_mode = 227;
    const auto named = ftp::parse_passive_reply(reply.text);
    if (reply.code != passive_mode || !named || !named->ip) return std::nullopt;
    if (named->port == 0 || (named->port <= ftp::well_known_port_last && !terms.may_be_low))
        return std::nullopt;
    const auto ip = base::Ip::parse(terms.data_address).value_or(*named->ip);
    if (ip.is_any() || (ip.is_loopback() && !terms.may_be_loopback)) return std::nullopt;
    return ftp::Reply{passive_mode, ftp::format_pasv({ip, named->port})};
}

loop::Task<> direct_passive(Context& context, Failover& failover, ftp::Command command) {
    if (auto refusal = refusal_of(command, context.reached_address().ip))
        co_return co_await refuse(context, command, std::move(*refusal));
    auto said = co_await ask(context, failover, command);
    if (!said) co_return;
    const auto& backend = context.assignment.backend();
    auto reply = passive_reply(std::move(*said),
                               {.data_address = backend.settings->data_address,
                                .may_be_loopback = backend.address.ip.is_loopback(),
                                .may_be_low = context.assignment.settings().trust_low_ports});
    if (!reply) {
        context.report_fault(base::Blame::backend,
                             "the backend's reply to PASV has no usable address");
        co_return co_await context.answer(
            425, "Can't open data connection: the server's reply to PASV has no usable address.");
    }
    context.client_data.is_at_backend = reply->is_positive();
    co_await context.answer(std::move(*reply));
}

loop::Task<> direct_active(Context& context, Failover& failover, std::string verb,
                           base::Address named) {
    const auto line = line_of(verb, named);
    const auto space = line.find(' ');
    auto reply = co_await ask(context, failover, {std::move(verb), line.substr(space + 1), line});
    if (!reply) co_return;
    if (reply->is_positive()) {
        context.client_data.active = named;
        context.client_data.is_at_backend = true;
    }
    co_await context.answer(std::move(*reply));
}

loop::Task<base::Result<std::optional<ftp::Reply>>> renew_direct(Context& context) {
    auto& data = context.client_data;
    if (data.is_at_backend) co_return std::nullopt;
    if (!data.active)
        co_return ftp::make_reply(
            425, "Can't open data connection: say PASV, EPSV, PORT or EPRT first.");
    // Some servers forget REST at any command behind it, and would begin at 0.
    if (context.leg().is_restart_armed())
        co_return ftp::make_reply(425,
                                  "Can't open data connection: say PORT or EPRT, and REST, again.");
    auto reply = co_await context.leg().command(
        line_of(data.active->ip.is_v4() ? "PORT" : "EPRT", *data.active));
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    data.is_at_backend = reply->is_positive();
    if (data.is_at_backend) co_return std::nullopt;
    co_return std::move(*reply);
}

}  // namespace ballast::session
