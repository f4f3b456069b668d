// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/openssl.h"
#include "net/stream.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::net {

/// TLS over another stream. OpenSSL works on that stream directly: whole reads ahead come in, and
/// all records of one write go out with one call of the system. A data connection that is a socket
/// is handed to the kernel's TLS where library and kernel have it.
///
/// Made by `TlsServer` and `TlsClient`; then one handshake, then it is a stream like others.
/// Destroying it closes a control connection with close_notify, and a data connection without: a
/// proper end of data is only ever said by `finish`.
class TlsStream final : public Stream {
public:
    enum class Use : std::uint8_t { control, data };

    /// `ssl` is set up for its role; nothing has been exchanged yet. With `reads_ahead` false not a
    /// byte behind close_notify is taken in, so that plain text may follow it (CCC).
    /// Without memory it throws, and `inner` stays the caller's.
    TlsStream(std::unique_ptr<Stream>&& inner, Ssl ssl, Use use, bool reads_ahead = true);
    ~TlsStream() override;
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    /// Waits on `signal`, which is attached to this stream. An error says what the peer did or what
    /// is wrong with its certificate; the stream has failed then.
    [[nodiscard]] loop::Task<base::Result<>> handshake(loop::Signal& signal, base::Fault fault,
                                                       loop::Deadline deadline,
                                                       Interrupt interrupt = {});
    /// RFC 4217 12.2, CCC: both sides say close_notify, and plain text goes on. Returns the stream
    /// beneath, and in `first_bytes` what the peer sent already; this stream is spent then.
    [[nodiscard]] loop::Task<base::Result<std::unique_ptr<Stream>>> leave(loop::Signal& signal,
                                                                          std::string& first_bytes,
                                                                          loop::Deadline deadline,
                                                                          Interrupt interrupt = {});

    Io read(std::span<char> into) override;
    Io write(std::span<const char> from) override;
    Io::State finish() override;
    void reset() override;
    void attach(loop::Signal* signal) override;
    void watch_readable() override;
    void watch_writable() override;
    [[nodiscard]] bool is_watching_readable() const override;
    [[nodiscard]] bool has_peer_left() const override { return inner_->has_peer_left(); }
    [[nodiscard]] std::chrono::microseconds round_trip() const override {
        return inner_->round_trip();
    }
    [[nodiscard]] int splice_source() const override;
    [[nodiscard]] int splice_sink() const override;
    [[nodiscard]] const base::Address& local() const override { return inner_->local(); }
    [[nodiscard]] const base::Address& peer() const override { return inner_->peer(); }

    // What was agreed on; after the handshake.
    [[nodiscard]] bool is_resumed() const;
    [[nodiscard]] bool is_tls_1_3() const;
    [[nodiscard]] std::string_view version() const;
    [[nodiscard]] std::string_view cipher() const;
    /// The name that the client asked for (SNI); empty if none.
    [[nodiscard]] std::string server_name() const;
    /// The subject of the peer's certificate (RFC 2253); empty if it showed none.
    [[nodiscard]] std::string peer_subject() const;
    /// Its common name; empty if it has none.
    [[nodiscard]] std::string peer_common_name() const;
    /// Until the peer's certificate expires; empty if it showed none.
    [[nodiscard]] std::optional<int> peer_days_left() const;
    /// Server, TLS 1.3: a fresh ticket travels with the next write.
    void send_ticket();

    [[nodiscard]] ssl_st* ssl() const { return ssl_.get(); }

private:
    struct Plumbing;  // OpenSSL's view of the stream beneath
    friend struct Plumbing;

    enum class Wants : std::uint8_t { nothing, to_read, to_write };
    Wants after(int result);
    void take_over_plumbing();
    [[nodiscard]] bool is_record(std::string_view bytes, std::size_t bytes_wanted);
    [[nodiscard]] Io outcome_of_failed_read();
    [[nodiscard]] Io::State flush();
    [[nodiscard]] base::Error handshake_error(base::Fault fault) const;
    [[nodiscard]] loop::Task<base::Result<>> wait_for(Wants wants, loop::Signal& signal,
                                                      base::Fault fault, loop::Deadline deadline,
                                                      const Interrupt& interrupt,
                                                      const char* doing);
    [[nodiscard]] Io failed();

    std::unique_ptr<Stream> inner_;
    Ssl ssl_;
    const Use use_;
    const bool reads_ahead_;
    loop::Signal* signal_ = nullptr;

    // Reading
    Wants read_wants_ = Wants::nothing;  // what the last read stopped at
    bool is_drained_ = false;            // the last read of the stream beneath was short
    bool inner_ended_ = false;
    std::optional<Io> end_;  // said again at each read
    bool expects_plain_ = false;
    bool inside_header_ = false;
    std::string plain_;  // what came instead of a record while `expects_plain_`

    // Writing
    std::string* gathering_ = nullptr;  // where records go during one write
    std::string unsent_;                // records that the stream beneath has not taken
    std::size_t unsent_bytes_ = 0;      // of plain text inside them
    Wants write_wants_ = Wants::nothing;
    bool has_said_close_ = false;
    bool kernel_sends_ = false;
    bool kernel_receives_ = false;

    std::error_code error_;  // of the stream beneath
    bool is_open_ = false;   // the handshake is done
    bool has_failed_ = false;
};

}  // namespace ballast::net
