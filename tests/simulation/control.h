// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ftp/reply.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "simulation/scene.h"
#include "support/data_peer.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::simulation {

/// A client's control connection, whose replies a coroutine awaits.
class Control {
public:
    /// No reply takes longer, whatever happens: this is more than all timeouts of a command.
    static constexpr auto patience = std::chrono::minutes(10);

    /// `scene` must outlive it.
    Control(Scene& scene, std::string name);
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    /// False: refused.
    [[nodiscard]] bool connect(const base::Address& from);
    void send(std::string_view line);
    /// The next reply. Empty: the connection has ended. No reply in time is a failure of the test.
    [[nodiscard]] loop::Task<std::optional<ftp::Reply>> reply();
    /// The same until `deadline`, which may pass.
    [[nodiscard]] loop::Task<std::optional<ftp::Reply>> reply_until(loop::Deadline deadline);
    /// The code of the answer; 0: the connection has ended.
    [[nodiscard]] loop::Task<int> ask(std::string line);
    /// The handshake. False: it has failed.
    [[nodiscard]] loop::Task<bool> begin_tls(support::DataPeer::Wrap wrap);
    /// Lets time pass.
    [[nodiscard]] loop::Task<> rest(loop::Time::duration time);

    [[nodiscard]] bool is_open() const {
        return !has_left_ && peer_.end() == support::DataPeer::End::open;
    }
    /// Whether a reply has come that nobody has asked for. A 421 may come at any time.
    [[nodiscard]] bool has_unasked_reply();
    void half_close() { peer_.finish(); }
    /// Like a killed process, and like a broken line.
    void vanish() {
        if (!std::exchange(has_left_, true)) peer_.vanish();
    }
    void reset() {
        if (!std::exchange(has_left_, true)) peer_.reset();
    }

private:
    void parse();

    Scene& scene_;
    const std::string name_;
    loop::Signal signal_;
    loop::Signal sleeper_;
    support::DataPeer peer_;
    ftp::ReplyParser parser_{8192, 64 << 20};
    std::size_t parsed_ = 0;
    std::deque<ftp::Reply> replies_;
    bool has_left_ = false;
};

}  // namespace ballast::simulation
