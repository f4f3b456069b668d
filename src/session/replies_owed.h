// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ftp/reply.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ballast::session {

/// Replies that do not end a transfer (RFC 959 5.4). They answer an open STAT. Servers say 200,
/// 202, 211 to 213 and 220, or that they do not know STAT.
[[nodiscard]] bool is_status_code(std::uint16_t code);
/// Replies that end a transfer and do not answer a STAT, unless a 1xx came before them.
[[nodiscard]] bool ends_transfer(std::uint16_t code);

/// Decides which reply of a backend belongs to the transfer and which answers a STAT. Each STAT
/// gets one reply, with any code, and the transfer gets its own. Some servers answer STAT at once,
/// some after the transfer. No I/O, no clock.
class RepliesOwed {
public:
    /// How many STATs may be unanswered at once. More of them wait for the transfer's end.
    static constexpr std::uint32_t stats_max = 4;

    /// Sorts one reply. Returns what to tell the client now, if anything. `data_is_pending` means
    /// that the data have neither ended properly nor broken.
    [[nodiscard]] std::optional<ftp::Reply> take(ftp::Reply reply, bool data_is_pending);
    /// Another STAT was sent.
    void add_stat() { ++stats_; }
    /// The client got our own 150. The text of the backend's 1xx goes with the final reply.
    void note_own_150() { has_said_150_ = true; }
    /// A former backend's 1xx went to the client. This one's does not.
    void note_former_150() { has_said_150_ = drops_words_ = true; }
    /// ABOR has ended the transfer. Its reply counts if there is no final one.
    void set_final_if_none(ftp::Reply reply);

    [[nodiscard]] bool is_begun() const { return is_begun_; }
    [[nodiscard]] const std::optional<ftp::Reply>& final_reply() const { return final_; }
    /// The size of the file, if the backend's 1xx names it.
    [[nodiscard]] std::optional<std::uint64_t> announced_bytes() const { return announced_bytes_; }
    [[nodiscard]] bool final_is_told() const { return final_is_told_; }
    /// The final reply for the client. Empty if it was taken before.
    [[nodiscard]] std::optional<ftp::Reply> take_final();
    void note_final_told() { final_is_told_ = true; }

    /// STATs without an answer.
    [[nodiscard]] std::uint32_t stats() const { return stats_; }
    /// Whether a reply with this code answers a STAT, so that its lines may be passed on early.
    [[nodiscard]] bool answers_stat(std::uint16_t code) const {
        return stats_ > 0 && (status_has_begun_ || is_status_code(code));
    }
    /// The caller has a reply that answers one STAT.
    void count_stat_answered() { --stats_; }
    /// The backend will not answer the STATs. `take_missing` counts them for the client.
    void give_up_stats() { stats_missing_ += std::exchange(stats_, 0); }
    /// How many were given up since the last call.
    [[nodiscard]] std::uint32_t take_missing() { return std::exchange(stats_missing_, 0); }
    /// Answers to STATs that came behind the final reply.
    [[nodiscard]] std::vector<ftp::Reply> take_held() { return std::exchange(held_, {}); }

private:
    [[nodiscard]] std::optional<ftp::Reply> take_preliminary(ftp::Reply reply);
    [[nodiscard]] std::optional<ftp::Reply> take_unshared(ftp::Reply reply);
    [[nodiscard]] std::optional<ftp::Reply> take_behind_final(ftp::Reply reply, bool ends_status);

    bool is_begun_ = false;      // a 1xx has come
    bool has_said_150_ = false;  // our 150 went before the backend's
    bool drops_words_ = false;   // nor do its words go with the final reply
    bool final_is_told_ = false;
    bool status_has_begun_ = false;  // a 1xx has come for one of the STATs
    std::uint32_t stats_ = 0;
    std::uint32_t stats_missing_ = 0;
    std::optional<ftp::Reply> final_;
    std::optional<ftp::Reply> doubtful_;  // passed on as STAT's answer, but may be the transfer's
    std::optional<std::uint64_t> announced_bytes_;
    std::string words_;  // from the 1xx that our 150 replaced
    std::vector<ftp::Reply> held_;
};

}  // namespace ballast::session
