// SPDX-License-Identifier: Apache-2.0
#include "session/refusals.h"

#include "ftp/verb.h"
#include "metrics/counters.h"

#include <utility>

namespace ballast::session {

namespace {

void report_own_refusal(Context& context, const ftp::Command& command, const ftp::Reply& reply) {
    if (!reply.is_negative()) return;
    if (command.verb == "USER") {
        constexpr std::string_view rule = "a rule of the listener";
        return context.report_login_refused(reply, command.argument, rule);
    }
    const auto* const verb = ftp::find_verb(command.verb);
    const bool is_of_data = verb != nullptr && (verb->handling == ftp::Handling::transfer ||
                                                verb->handling == ftp::Handling::data_setup);
    if (is_of_data) context.report_command_refused(command, reply);
}

}  // namespace

loop::Task<> refuse_line(Context& context, ftp::CommandError problem) {
    switch (problem) {
        case ftp::CommandError::too_long:
            context.reached(guard::Limit::command_bytes);
            return context.answer(500, "The line is too long.");
        case ftp::CommandError::forbidden_byte:
            return context.answer(501, "NUL and CR are not allowed inside a command.");
        case ftp::CommandError::not_a_command: return context.answer(500, "Unknown command.");
        case ftp::CommandError::begins_tls:
            context.report(log::Level::info, "a client began TLS where plain text comes first",
                           {{"listener", context.settings.name}});
            return context.end_with(
                "TLS begins with AUTH TLS here, or at the port of implicit "
                "TLS.");
    }
    std::terminate();
}

loop::Task<> refuse_command(Context& context, const ftp::Command& command, ftp::Reply reply) {
    context.restart.spend(command);
    metrics::count(metrics::Counter::commands_refused);
    context.report_command_refused(command, reply);
    return context.answer(std::move(reply));
}

loop::Task<> answer_command(Context& context, const ftp::Command& command, ftp::Reply reply) {
    context.restart.spend(command);
    report_own_refusal(context, command, reply);
    return context.answer(std::move(reply));
}

}  // namespace ballast::session
