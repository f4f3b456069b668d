// SPDX-License-Identifier: Apache-2.0
// A transfer's outcome in words.
#include "session/transfer_outcome.h"

#include "base/shortage.h"
#include "session/transfer.h"

#include <fmt/format.h>

namespace ballast::session {

namespace {

using Reason = TransferReason;

}  // namespace

std::string_view failure_text(std::uint16_t code) {
    switch (code) {
        case 425: return "Can't open data connection";
        case 426: return "Connection closed; transfer aborted";
        default: return "Transfer failed";
    }
}

void Transfer::note_outcome() {
    outcome_.result = machine_.result();
    outcome_.reach = machine_.reach();
    if (outcome_.cause == Reason::none) outcome_.cause = machine_.reason();
    const bool is_good = outcome_.result == TransferResult::whole ||
                         outcome_.result == TransferResult::not_a_transfer;
    outcome_.fault = base::is_shortage(report_.error) ? base::Blame::ballast
                                                      : blame_of(outcome_.cause, direction_);
    if (is_good || !outcome_.reason.empty()) return;
    outcome_.reason = failure_in_words();
    const auto& reply = replies_->owed().final_reply();
    const bool says_why = reply && reply->is_negative() && machine_.own_code() != refused_tls_code;
    if (outcome_.result == TransferResult::failed && says_why && outcome_.cause != Reason::refused)
        outcome_.reason = fmt::format("{} {} ({})", reply->code, reply->message(), outcome_.reason);
    else if (outcome_.result == TransferResult::refused && !is_about_tls(outcome_.cause) && !reply)
        outcome_.reason = fmt::format("{} {}", machine_.own_code(), refusal_in_words());
}

std::string Transfer::failure_in_words() const {
    return stays_because_.empty() || !machine_.awaits_resumption()
               ? reason_in_words()
               : fmt::format("{}, and no other server goes on: {}", reason_in_words(),
                             stays_because_);
}

std::string Transfer::reason_in_words() const {
    const auto& final_reply = replies_->owed().final_reply();
    const auto with_error = [&](std::string_view text) {
        return report_.error ? fmt::format("{}: {}", text, report_.error.message())
                             : std::string(text);
    };
    switch (machine_.reason()) {
        case Reason::refused:
            return final_reply ? fmt::format("{} {}", final_reply->code, final_reply->message())
                               : std::string();
        case Reason::client_unreachable:
        case Reason::client_tls: return client_end_.problem();
        case Reason::server_tls: return backend_end_->problem();
        case Reason::reply_lost:
        case Reason::reply_late: return replies_->missing();
        case Reason::client_left:
            return fmt::format("the client's control connection ended during the {}",
                               direction_ == ftp::Direction::upload ? "upload" : "transfer");
        case Reason::client_broke:
        case Reason::client_closed:
        case Reason::server_broke:
        case Reason::server_closed: return with_error(to_string(machine_.reason()));
        default: return std::string(to_string(machine_.reason()));
    }
}

std::string Transfer::refusal_in_words() const {
    switch (machine_.reason()) {
        case Reason::client_left_early: return "The control connection ended before the data.";
        case Reason::client_missing: return "The client opened no data connection.";
        case Reason::server_disabled: return "The server is taken out of service.";
        case Reason::ended_by_operator: return "The administrator ended the transfer.";
        default: return fmt::format("No TLS on the data connection: {}.", reason_in_words());
    }
}

}  // namespace ballast::session
