// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"
#include "loop/worker_loop.h"
#include "net/own_connections.h"
#include "net/socket.h"
#include "net/stream.h"

namespace ballast::net {

/// A TCP connection.
class SocketStream final : public Stream {
public:
    /// Takes the socket, which is non-blocking and belongs to no loop yet. If the loop cannot take
    /// it, closes the connection; reads and writes then fail with the reason.
    SocketStream(loop::WorkerLoop& loop, base::OwnedFd socket, base::Address local,
                 base::Address peer);
    SocketStream(loop::Descriptor descriptor, base::Address local, base::Address peer,
                 OwnConnection own = nullptr);

    Io read(std::span<char> into) override;
    Io write(std::span<const char> from) override;
    void cork() override { is_corked_ = true; }
    void uncork() override;
    [[nodiscard]] bool is_corked() const override { return is_corked_; }
    Io::State finish() override;
    void reset() override;
    void attach(loop::Signal* signal) override;
    void watch_readable() override;
    void watch_writable() override;
    [[nodiscard]] bool is_watching_readable() const override {
        return descriptor_.is_watching_readable();
    }
    [[nodiscard]] bool has_peer_left() const override;
    [[nodiscard]] bool has_taken_all() const override;
    [[nodiscard]] bool has_failed() const override;
    [[nodiscard]] std::chrono::microseconds round_trip() const override;
    [[nodiscard]] int splice_source() const override { return descriptor_.native(); }
    [[nodiscard]] int splice_sink() const override { return descriptor_.native(); }
    void note_drained() override { descriptor_.note_drained(); }
    void note_full() override { descriptor_.note_full(); }
    void mute() override { descriptor_.mute(); }
    void unmute() override { descriptor_.unmute(); }
    [[nodiscard]] bool is_special() const override { return descriptor_.is_special(); }
    [[nodiscard]] const base::Address& local() const override { return local_; }
    [[nodiscard]] const base::Address& peer() const override { return peer_; }

private:
    loop::Descriptor descriptor_;
    std::error_code lost_;  // why the loop did not take it
    base::Address local_;
    base::Address peer_;
    bool is_corked_ = false;
    OwnConnection own_;  // set if this process opened it as a control connection
};

/// Sets what a control connection needs: no delay for short lines, urgent data inline (RFC 959
/// 4.1.3, ABOR), and keep-alive so that NAT boxes remember it during long transfers.
/// A socket that listens passes it on (on Linux).
void prepare_control(int native);
/// The same for an accepted one: unless it has inherited everything. One that came before the
/// socket that listens was prepared has not.
void prepare_accepted_control(int native);

/// What a data connection needs from its first moment on. Accepted ones inherit it from the socket
/// that listens (on Linux). Closing it resets it until its end is
/// earned. Keepalive shows within about two minutes that a peer is gone although nothing moves: a
/// host that is gone answers no probe. If only the program is gone, its kernel forgets the
/// connection after a minute (tcp_fin_timeout) and answers the next probe with a reset.
void prepare_data(int native);

}  // namespace ballast::net
