// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"
#include "session/data_commands.h"
#include "session/failover.h"
#include "session/login.h"
#include "session/passthrough.h"
#include "session/view.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace ballast::session {

/// One client's session: its control connection, its login on a backend and its transfers. It
/// admits, greets and performs what `Dialog` decides; its parts do the work. It runs on one loop's
/// thread. The worker owns it and is told when it has ended. The worker may destroy it at any time,
/// which closes everything.
class Session {
public:
    /// `ended` is called from within the session's last step. Destroy the session later.
    using Ended = std::move_only_function<void()>;
    Session(Surroundings surroundings, std::unique_ptr<net::Stream> client, std::string id,
            Ended ended);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void start() { job_ = loop::Job::start(run()); }
    /// The daemon stops. An idle session says 421 at once, a busy one after its transfer.
    void stop() { context_.stop(); }
    /// An operator ends it at once: a transfer breaks, and the client gets 421.
    void cut();
    /// An operator ends its transfer; the session goes on. False: none runs.
    bool end_transfer() { return data_.end_transfer(); }

    [[nodiscard]] Phase phase() const { return context_.phase(); }
    [[nodiscard]] View view() const;
    /// Its story so far, and what it is doing now. Empty: stories are not kept.
    [[nodiscard]] std::string story() const;
    [[nodiscard]] std::chrono::system_clock::time_point began_at() const {
        return context_.story.began_at();
    }
    [[nodiscard]] const std::string& id() const { return context_.id; }

private:
    void report_end(const Assignment& former);
    [[nodiscard]] loop::Task<> run();
    [[nodiscard]] loop::Task<> live();
    [[nodiscard]] loop::Task<> serve();
    [[nodiscard]] loop::Task<> take_turn();
    [[nodiscard]] loop::Task<std::optional<ClientEvent>> await_event();
    [[nodiscard]] loop::Task<> hear_backend(base::Result<ftp::Reply> said);
    [[nodiscard]] loop::Task<> take_command(ftp::Command command);
    [[nodiscard]] loop::Task<> take_bad_line(ftp::CommandError problem);
    [[nodiscard]] loop::Task<> perform(ftp::Command command);
    [[nodiscard]] loop::Task<> start_tls(ftp::Reply proceed);
    [[nodiscard]] loop::Task<> pass_through(std::string auth, ftp::Reply proceed);

    Context context_;
    Ended ended_;
    Login login_;
    Failover failover_;
    DataCommands data_;
    std::optional<Passthrough> passthrough_;
    std::optional<base::TokenBucket> commands_;  // `command_rate`
    std::uint32_t commands_taken_ = 0;
    loop::Time idle_since_{};  // the client has said nothing since
    loop::Job job_;
};

}  // namespace ballast::session
