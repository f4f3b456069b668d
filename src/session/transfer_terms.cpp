// SPDX-License-Identifier: Apache-2.0
#include "session/transfer_terms.h"

namespace ballast::session {

std::string_view to_string(TransferResult result) {
    switch (result) {
        case TransferResult::whole: return "whole";
        case TransferResult::failed: return "failed";
        case TransferResult::aborted: return "aborted";
        case TransferResult::refused: return "refused";
        case TransferResult::not_a_transfer: return "not a transfer";
    }
    return "?";
}

std::string_view to_string(TransferReason reason) {
    using Reason = TransferReason;
    switch (reason) {
        case Reason::none: return "";
        case Reason::aborted: return "ABOR";
        case Reason::refused: return "refused";
        case Reason::reply_lost: return "the connection to the server was lost";
        case Reason::reply_late: return "the server did not answer in time";
        case Reason::client_missing: return "the client opened no data connection";
        case Reason::client_unreachable: return "the client cannot be reached";
        case Reason::client_tls: return "the client's TLS failed";
        case Reason::client_tls_late: return "the TLS handshake took too long";
        case Reason::client_left_early:
            return "the client's control connection ended before its data";
        case Reason::client_left:
            return "the client's control connection ended during the transfer";
        case Reason::client_broke: return "the client broke the data connection";
        case Reason::client_closed: return "the client closed the data connection";
        case Reason::server_missing: return "the server opened no data connection";
        case Reason::server_tls: return "the server's TLS failed";
        case Reason::server_tls_refused: return "the server refuses PROT";
        case Reason::server_broke: return "the server broke the data connection";
        case Reason::server_closed: return "the server closed the data connection";
        case Reason::server_disabled: return "the server is taken out of service";
        case Reason::ended_by_operator: return "the administrator ended the transfer";
        case Reason::no_close_notify: return "the data ended without TLS close_notify";
        case Reason::client_stalled: return "the client moved no data for too long";
        case Reason::server_stalled: return "the server moved no data for too long";
        case Reason::confirmed_too_early: return "the server confirmed the upload before its end";
        case Reason::server_down: return "the server is down";
        case Reason::server_drained: return "the server is being drained";
        case Reason::differs: return "the other server sends different data";
        case Reason::data_strayed:
            return "the data connection came to Ballast, and not through the kernel";
    }
    return "?";
}

base::Blame blame_of(TransferReason reason, ftp::Direction direction) {
    using Reason = TransferReason;
    using base::Blame;
    switch (reason) {
        case Reason::aborted:
        case Reason::client_tls:
        case Reason::client_tls_late:
        case Reason::client_left_early:
        case Reason::client_left:
        case Reason::client_broke:
        case Reason::client_closed: return Blame::client;
        case Reason::refused:
        case Reason::reply_lost:
        case Reason::reply_late:
        case Reason::server_tls:
        case Reason::server_tls_refused:
        case Reason::server_broke:
        case Reason::server_closed:
        case Reason::confirmed_too_early:
        case Reason::server_down:
        case Reason::differs: return Blame::backend;
        // Most often a firewall, or an address that a NAT has changed.
        case Reason::client_missing:
        case Reason::client_unreachable:
        case Reason::server_missing:
        case Reason::data_strayed:
        case Reason::client_stalled:
        case Reason::server_stalled: return Blame::network;
        case Reason::server_disabled:
        case Reason::server_drained:
        case Reason::ended_by_operator: return Blame::configuration;
        case Reason::no_close_notify:
            return direction == ftp::Direction::upload ? Blame::client : Blame::backend;
        case Reason::none: break;
    }
    return Blame::ballast;
}

bool is_about_tls(TransferReason reason) {
    return reason == TransferReason::client_tls || reason == TransferReason::client_tls_late ||
           reason == TransferReason::server_tls || reason == TransferReason::server_tls_refused;
}

std::string_view to_string(TransferPhase phase) {
    switch (phase) {
        case TransferPhase::opening: return "opening";
        case TransferPhase::moving_on: return "looking for another backend";
        case TransferPhase::waiting_for_backend: return "waiting for the backend";
        case TransferPhase::waiting_for_client: return "waiting for the client";
        case TransferPhase::handshake: return "handshake";
        case TransferPhase::moving: return "moving";
        case TransferPhase::ending: return "ending";
        case TransferPhase::aborting: return "aborting";
    }
    return "?";
}

}  // namespace ballast::session
