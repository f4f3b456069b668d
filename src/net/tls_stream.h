// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/openssl.h"
#include "net/stream.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::net {

/// TLS over another stream. OpenSSL works on that stream directly: one system call receives many
/// records, and all records of one write go out with one. A data connection on a socket uses the
/// kernel's TLS if library and kernel support it.
///
/// Made by `TlsServer` and `TlsClient`. After one handshake it is a stream like others. Destroying
/// it closes a control connection with close_notify and a data connection without: only `finish`
/// ends data properly.
class TlsStream final : public Stream {
public:
    enum class Use : std::uint8_t { control, data };

    /// `ssl` is set up for its role; nothing has been exchanged yet. Without `reads_ahead` it reads
    /// no byte behind close_notify, so that plain text may follow (CCC). Throws without memory;
    /// then the caller keeps `inner`.
    TlsStream(std::unique_ptr<Stream>&& inner, Ssl ssl, Use use, bool reads_ahead = true);
    ~TlsStream() override;
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    /// Waits on `signal`, which is attached to this stream. An error says what the peer did wrong
    /// or what is wrong with its certificate. The stream has then failed.
    [[nodiscard]] loop::Task<base::Result<>> handshake(loop::Signal& signal, base::Fault fault,
                                                       loop::Deadline deadline,
                                                       Interrupt interrupt = {});
    /// RFC 4217 12.2, CCC: both sides send close_notify and continue in plain text. Returns the
    /// inner stream, and in `first_bytes` what the peer has already sent. This stream is then
    /// useless.
    [[nodiscard]] loop::Task<base::Result<std::unique_ptr<Stream>>> leave(loop::Signal& signal,
                                                                          std::string& first_bytes,
                                                                          loop::Deadline deadline,
                                                                          Interrupt interrupt = {});

    Io read(std::span<char> into) override;
    Io write(std::span<const char> from) override;
    // The kernel would leave a record of its own open.
    void cork() override {
        if (!kernel_sends_) inner_->cork();
    }
    void uncork() override { inner_->uncork(); }
    [[nodiscard]] bool is_corked() const override { return inner_->is_corked(); }
    Io::State finish() override;
    void reset() override;
    void attach(loop::Signal* signal) override;
    void watch_readable() override;
    void watch_writable() override;
    [[nodiscard]] bool is_watching_readable() const override;
    [[nodiscard]] bool has_peer_left() const override { return inner_->has_peer_left(); }
    [[nodiscard]] bool has_taken_all() const override {
        return unsent_.empty() && inner_->has_taken_all();
    }
    [[nodiscard]] bool has_failed() const override { return inner_->has_failed(); }
    [[nodiscard]] std::chrono::microseconds round_trip() const override {
        return inner_->round_trip();
    }
    [[nodiscard]] int splice_source() const override;
    [[nodiscard]] int splice_sink() const override;
    [[nodiscard]] bool is_tls() const override { return true; }
    [[nodiscard]] const base::Address& local() const override { return inner_->local(); }
    [[nodiscard]] const base::Address& peer() const override { return inner_->peer(); }

    // Results of the handshake; call after it.
    [[nodiscard]] bool is_resumed() const;
    [[nodiscard]] bool is_tls_1_3() const;
    [[nodiscard]] std::string_view version() const;
    [[nodiscard]] std::string_view cipher() const;
    /// The name that the client asked for (SNI); empty if none.
    [[nodiscard]] std::string server_name() const;
    /// The subject of the peer's certificate (RFC 2253); empty if it sent none.
    [[nodiscard]] std::string peer_subject() const;
    /// Its common name; empty if it has none.
    [[nodiscard]] std::string peer_common_name() const;
    /// Until the peer's certificate expires; empty if it sent none.
    [[nodiscard]] std::optional<int> peer_days_left() const;
    /// The same as a point in time: seconds since 1970.
    [[nodiscard]] std::optional<std::int64_t> peer_expires_at() const;
    /// Server, TLS 1.3: sends a fresh ticket with the next write.
    void send_ticket();

    [[nodiscard]] ssl_st* ssl() const { return ssl_.get(); }

private:
    struct Plumbing;  // OpenSSL's view of the inner stream
    friend struct Plumbing;

    enum class Wants : std::uint8_t { nothing, to_read, to_write };
    Wants after(int result);
    void take_over_plumbing();
    [[nodiscard]] Io read_inner(std::span<char> into);
    [[nodiscard]] std::size_t read_records(std::span<char> into);
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
    std::size_t ahead_wanted_ = 0;       // how much to read at once when OpenSSL asks for bytes
    std::string_view ahead_;             // what OpenSSL has not asked for yet
    std::string kept_ahead_;             // holds it between two reads
    Wants read_wants_ = Wants::nothing;  // what the last read waits for
    bool is_drained_ = false;            // the last read of the inner stream was short
    bool inner_ended_ = false;
    std::optional<Io> end_;  // returned by each read
    bool expects_plain_ = false;
    bool inside_header_ = false;
    std::string plain_;  // bytes received instead of a record while `expects_plain_`

    // Writing
    std::string* gathering_ = nullptr;  // collects the records of one write
    std::string unsent_;                // records that the inner stream has not taken
    std::size_t unsent_bytes_ = 0;      // plain text bytes inside them
    Wants write_wants_ = Wants::nothing;
    bool has_said_close_ = false;
    bool owes_ticket_ = false;
    bool kernel_sends_ = false;
    bool kernel_receives_ = false;

    std::error_code error_;  // of the inner stream
    bool is_open_ = false;   // the handshake is done
    bool has_failed_ = false;
};

}  // namespace ballast::net
