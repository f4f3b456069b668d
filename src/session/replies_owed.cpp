// SPDX-License-Identifier: Apache-2.0
#include "session/replies_owed.h"

#include "base/number.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string_view>

namespace ballast::session {

namespace {

/// The extra information in a 1xx: `FILE: name` (RFC 1123 4.1.2.9), or lines before the last.
/// Formatted as inner lines of a later reply. Empty: there is none.
std::string words_of(const ftp::Reply& reply) {
    const auto first = reply.text.substr(0, reply.text.find("\r\n"));
    const bool has_more = first.size() + 2 < reply.text.size();
    if (!has_more && reply.message().find("FILE:") == std::string_view::npos) return {};
    std::string lines;
    for (std::size_t at = 0; at < reply.text.size();) {
        const auto end = std::min(reply.text.find("\r\n", at), reply.text.size());
        auto line = std::string_view(reply.text).substr(at, end - at);
        // Each line may begin with "150-" or "150 ".
        if (line.starts_with(std::to_string(reply.code))) line.remove_prefix(3);
        if (line.starts_with('-') || line.starts_with(' ')) line.remove_prefix(1);
        lines.append(" ").append(line).append("\r\n");
        at = end + 2;
    }
    return lines;
}

/// Most servers say "Opening BINARY mode data connection for a (1234 bytes)."
std::optional<std::uint64_t> size_in(std::string_view text) {
    const auto end = text.rfind(" bytes");
    if (end == std::string_view::npos) return std::nullopt;
    const auto begin = text.rfind('(', end);
    if (begin == std::string_view::npos) return std::nullopt;
    return base::parse_number<std::uint64_t>(text.substr(begin + 1, end - begin - 1));
}

}  // namespace

bool is_status_code(std::uint16_t code) {
    const bool may_end = code == 225 || code == 226 || code == 250;
    return (code / 100 == 2 && !may_end) || (code >= 500 && code <= 504) || code == 530;
}

bool ends_transfer(std::uint16_t code) {
    constexpr std::array<std::uint16_t, 10> codes = {225, 226, 250, 421, 425,
                                                     426, 451, 452, 551, 552};
    return std::ranges::find(codes, code) != codes.end();
}

std::optional<ftp::Reply> RepliesOwed::take(ftp::Reply reply, bool data_is_pending) {
    if (reply.is_preliminary()) return take_preliminary(std::move(reply));
    if (stats_ == 0) return take_unshared(std::move(reply));
    const bool ends_status = status_has_begun_ && reply.code != 421;
    if (final_) return take_behind_final(std::move(reply), ends_status);
    // After a refusal no more data move. Until then a 4xx or 5xx may be about STAT's file.
    const bool may_be_refusal =
        reply.is_negative() && data_is_pending && reply.code != 421 && reply.code != 425;
    if (!ends_status && !is_status_code(reply.code) && !may_be_refusal) {
        final_ = std::move(reply);
        return std::nullopt;
    }
    --stats_;
    status_has_begun_ = false;
    if (may_be_refusal && !ends_status && !is_status_code(reply.code)) doubtful_ = reply;
    return reply;
}

std::optional<ftp::Reply> RepliesOwed::take_preliminary(ftp::Reply reply) {
    if (is_begun_ && stats_ > 0) status_has_begun_ = true;
    if (!std::exchange(is_begun_, true)) announced_bytes_ = size_in(reply.message());
    // Each STAT may have one. A backend that sends more 1xx is cut off.
    if (final_) {
        if (held_.size() < std::size_t{2} * stats_max) held_.push_back(std::move(reply));
        return std::nullopt;
    }
    if (!std::exchange(has_said_150_, false)) return reply;
    // The client got our 150 already. The text of this one goes with the final reply.
    if (!drops_words_) words_ = words_of(reply);
    return std::nullopt;
}

/// The case that no STAT is unanswered.
std::optional<ftp::Reply> RepliesOwed::take_unshared(ftp::Reply reply) {
    if (!doubtful_ || !is_status_code(reply.code)) {
        final_ = std::move(reply);
        return std::nullopt;
    }
    // This one answers the STAT. The doubtful reply was the transfer's final one.
    final_ = std::move(*std::exchange(doubtful_, {}));
    final_is_told_ = true;
    return reply;
}

std::optional<ftp::Reply> RepliesOwed::take_behind_final(ftp::Reply reply, bool ends_status) {
    --stats_;
    status_has_begun_ = false;
    if (final_is_told_) return reply;
    if (ends_status || !ends_transfer(reply.code)) {
        held_.push_back(std::move(reply));
        return std::nullopt;
    }
    // Both may end a transfer. The later one counts.
    std::swap(reply, *final_);
    return reply;
}

void RepliesOwed::set_final_if_none(ftp::Reply reply) {
    if (!final_) final_ = std::move(reply);
}

std::optional<ftp::Reply> RepliesOwed::take_final() {
    if (std::exchange(final_is_told_, true)) return std::nullopt;
    if (words_.empty()) return final_;
    return ftp::Reply{final_->code, fmt::format("{}-The server said:\r\n{}{}", final_->code, words_,
                                                final_->text)};
}

}  // namespace ballast::session
