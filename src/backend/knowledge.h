// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ftp/features.h"
#include "loop/loop.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace ballast::backend {

/// What Ballast learnt about a backend by asking once, mainly with FEAT (RFC 2389).
struct Survey {
    std::string greeting;  ///< the whole 220 if every client may see it; else empty
    bool answers_feat = false;
    ftp::Features features;        ///< empty if it does not answer FEAT
    std::string system;            ///< SYST, the text behind 215; empty if not told
    std::uint16_t noop_reply = 0;  ///< to NOOP, even if it only says that a login is missing
    std::optional<std::uint16_t> noop_code;    ///< empty: refused before login, so unknown
    std::optional<bool> takes_prot_p;          ///< asked only under TLS
    std::optional<int> certificate_days_left;  ///< only under TLS
    std::optional<std::int64_t> certificate_expires_at;  ///< the same, in seconds since 1970
};

/// What all sessions on all threads remember about one backend.
class Known {
public:
    [[nodiscard]] std::shared_ptr<const Survey> survey() const;
    void set_survey(Survey survey);

    /// EPSV was refused: use PASV at once from now on.
    [[nodiscard]] bool prefers_pasv() const { return prefers_pasv_.load(); }
    void set_prefers_pasv(bool prefers) { prefers_pasv_ = prefers; }

    /// Whether the backend accepts a second USER before the login on the same connection.
    [[nodiscard]] bool takes_user_again() const { return takes_user_again_.load(); }
    void set_takes_user_again(bool takes) { takes_user_again_ = takes; }

    /// Whether Ballast may answer REST itself: the survey shows REST STREAM, or the backend once
    /// answered 350.
    [[nodiscard]] bool accepts_rest() const;
    void set_accepts_rest() { accepts_rest_ = true; }
    /// It refused REST. One that does not list REST may know it (JFileServer).
    [[nodiscard]] bool refuses_rest() const { return refuses_rest_.load(); }
    void set_refuses_rest() { refuses_rest_ = true; }

    /// Whether it answers each of several commands that come in one packet.
    [[nodiscard]] bool takes_several() const { return takes_several_.load(); }
    void set_takes_several(bool takes) { takes_several_ = takes; }

    /// Whether its passive data ports could be reached the last time, and after one that could not
    /// be reached many times since.
    [[nodiscard]] bool opens_passive() const { return passive_reached_ > 0; }
    void set_opens_passive(bool opens) {
        if (!opens && passive_reached_ > 0) passive_reached_ = 0;
        if (opens && passive_reached_ <= 0) ++passive_reached_;
    }
    void set_passive_unreachable() { passive_reached_ = -passive_trials; }
    /// The last one was no failure after all.
    void restore_passive() { passive_reached_ = 1; }

    /// Whether its 150 tells the size of a file.
    [[nodiscard]] bool announces_size() const { return announces_size_.load(); }
    void set_announces_size() { announces_size_ = true; }

    /// Until then new control connections use TLS 1.2, because a data connection under TLS 1.3 did
    /// not resume the control connection's session. The backend may resume sessions of TLS 1.2.
    /// Afterwards TLS 1.3 is tried again, because it may have been an accident.
    [[nodiscard]] bool avoids_tls_1_3(loop::Time now) const {
        return now.time_since_epoch().count() < avoids_tls_1_3_until_.load();
    }
    void set_avoids_tls_1_3(loop::Time until) {
        avoids_tls_1_3_until_ = until.time_since_epoch().count();
    }

    /// The code with which this backend answers NOOP after login. It identifies the fence behind
    /// ABOR and STAT. Empty: learn it there. 200 for a backend that was never asked.
    [[nodiscard]] std::optional<std::uint16_t> noop_code() const;
    /// False while `noop_code` is a guess.
    [[nodiscard]] bool knows_noop() const;
    void set_noop_code(std::uint16_t code) { noop_code_ = code; }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Survey> survey_;
    std::atomic<bool> prefers_pasv_ = false;
    std::atomic<bool> accepts_rest_ = false;
    std::atomic<bool> refuses_rest_ = false;
    std::atomic<std::uint16_t> noop_code_ = 0;  // 0: not learnt
    std::atomic<bool> takes_user_again_ = true;
    std::atomic<bool> takes_several_ = false;
    static constexpr int passive_trials = 16;
    std::atomic<int> passive_reached_ = 0;  // above 0: as they should be
    std::atomic<bool> announces_size_ = false;
    std::atomic<loop::Time::rep> avoids_tls_1_3_until_ = 0;
};

/// All backends' knowledge, by the id of the backend. Any thread may call.
class Knowledge {
public:
    [[nodiscard]] std::shared_ptr<Known> of(std::uint64_t backend_id);

private:
    std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::shared_ptr<Known>> known_;
};

}  // namespace ballast::backend
