// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/job.h"
#include "net/tls_stream.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ballast::support {

/// The far end of a connection, played by a test. Sends the given bytes, keeps received ones, and
/// knows how the other side ended. Can speak TLS.
class DataPeer {
public:
    explicit DataPeer(loop::Loop& loop) : signal_(loop) {}
    DataPeer(loop::Loop& loop, std::unique_ptr<net::Stream> stream) : DataPeer(loop) {
        take(std::move(stream));
    }
    ~DataPeer();
    DataPeer(const DataPeer&) = delete;
    DataPeer& operator=(const DataPeer&) = delete;

    void take(std::unique_ptr<net::Stream> stream);
    [[nodiscard]] bool is_connected() const { return stream_ != nullptr; }

    /// Begins TLS, now or as soon as there is a connection.
    using Wrap = std::function<std::unique_ptr<net::TlsStream>(std::unique_ptr<net::Stream>)>;
    void begin_tls(Wrap wrap);
    /// The TLS stream once the handshake is done; null before and in plain text.
    [[nodiscard]] net::TlsStream* tls() const { return is_secured_ ? tls_ : nullptr; }
    /// Why the handshake failed.
    [[nodiscard]] const std::string& tls_problem() const { return tls_problem_; }
    /// From now on the other side's close_notify is answered with ours, and plain text follows.
    void expect_plain() { expects_plain_ = true; }

    /// A failed handshake is a `reset` too.
    enum class End : std::uint8_t { open, proper, reset };
    [[nodiscard]] End end() const { return end_; }
    /// Whether the other side's end is here, maybe behind bytes that were not read yet.
    [[nodiscard]] bool has_end_arrived() const { return stream_ && stream_->has_peer_left(); }
    /// Whether the other side ended with close_notify.
    [[nodiscard]] bool is_vouched_for() const { return is_vouched_for_; }
    [[nodiscard]] const std::string& received() const { return received_; }

    void send(std::string_view bytes);
    /// Bytes that the other side has not taken yet.
    [[nodiscard]] std::size_t unsent() const { return to_send_.size(); }
    /// Ends our direction after all pending bytes.
    void finish();
    /// The same without close_notify.
    void finish_bare();
    void reset();
    /// Like the kernel for a killed process.
    void vanish();
    void stop_reading() { reads_ = false; }
    void resume_reading();

    /// Called when the object is destroyed: the test stops listening here.
    std::function<void()> at_end;
    /// Called whenever something may have changed.
    std::function<void()> at_change;

private:
    void start();
    [[nodiscard]] loop::Task<> run();
    void read();
    void write();

    loop::Signal signal_;
    std::unique_ptr<net::Stream> stream_;
    Wrap wrap_;
    net::Stream* plain_ = nullptr;  // carries the bytes: `stream_`, or the inner stream of its TLS
    net::TlsStream* tls_ = nullptr;
    bool is_secured_ = false;
    bool expects_plain_ = false;
    std::string tls_problem_;
    std::string received_;
    std::string to_send_;
    End end_ = End::open;
    bool is_vouched_for_ = false;
    enum class Finish : std::uint8_t { no, wanted, wanted_bare, done };
    Finish finish_ = Finish::no;
    bool reads_ = true;
    loop::Job job_;
};

}  // namespace ballast::support
