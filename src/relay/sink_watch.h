// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"
#include "net/stream.h"

#include <array>
#include <chrono>
#include <system_error>

namespace ballast::relay {

/// Notices when the sink closes while nothing is written to it.
///
/// A sink that has ended its direction may still be reading, as `nc -N` does, and a script may have
/// half-closed the control connection as well. So even the end of both connections does not show
/// that the client is gone, and its download goes on. The kernel finds out whether it is
/// (`net::prepare_data`). A connection whose end was read wakes nobody, so it is asked now and
/// then.
class SinkWatch {
public:
    /// An end that was read before wakes nobody, so a sink that is not new is looked at once.
    SinkWatch(loop::Loop& loop, net::Stream& sink, bool sink_is_new)
        : loop_(loop), sink_(sink), watched_(!sink_is_new) {}

    /// False if the sink has failed.
    bool look(std::error_code& error) {
        if (ended_) return ask(error);
        if (!watched_ || sink_.is_watching_readable()) return true;
        std::array<char, 4096> dropped;  // NOLINT: filled by read
        const net::Io io = sink_.read(dropped);
        if (io.state == net::Io::State::failed) {
            error = io.error;
            return false;
        }
        ended_ = io.state == net::Io::State::ended;
        return true;
    }
    void watch() {
        watched_ = true;
        if (!ended_) sink_.watch_readable();
        if (ended_ && ask_at_ == loop::never) ask_at_ = loop_.after(ask_interval);
    }
    /// When to look although nothing has moved.
    [[nodiscard]] loop::Deadline ask_at() const { return ask_at_; }

private:
    static constexpr auto ask_interval = std::chrono::seconds(15);

    bool ask(std::error_code& error) {
        if (loop_.now() < ask_at_) return true;
        ask_at_ = loop::never;
        if (!sink_.has_failed()) return true;
        error = std::make_error_code(std::errc::connection_reset);
        return false;
    }

    loop::Loop& loop_;
    net::Stream& sink_;
    bool watched_;  // no reads before the first watch
    bool ended_ = false;
    loop::Deadline ask_at_ = loop::never;
};

}  // namespace ballast::relay
