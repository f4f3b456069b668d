// SPDX-License-Identifier: Apache-2.0
#include "net/tls_stream.h"

#include "base/shortage.h"
#include "metrics/counters.h"
#include "net/certificates.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>
#include <utility>

namespace ballast::net {

namespace {

/// Plain text of one write. Its records go out together; OpenSSL by itself makes a system call for
/// each 16 KiB.
constexpr std::size_t gathered_bytes_max = 256 << 10;
/// Plain text of a full record, and the record itself under TLS 1.3.
constexpr std::size_t record_text_bytes = 16 << 10;
constexpr std::size_t record_bytes = record_text_bytes + 22;
/// Bytes of one read of the inner stream on a data connection, at most.
constexpr std::size_t ahead_bytes_max = 16 * record_bytes;
/// Bytes of TLS answers (key updates) that a peer may leave unread before we stop reading from it.
constexpr std::size_t unsent_answers_max = 16 << 10;

/// OpenSSL uses the kernel's TLS only with its own kind of socket. Handshakes and close_notify are
/// small writes in a row, which must not wait for each other's acknowledgement.
void set_socket(ssl_st* ssl, int native) {
    const int on = 1;
    ::setsockopt(native, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL_set_options(ssl, SSL_OP_ENABLE_KTLS);
    SSL_set_fd(ssl, native);
}

/// One per thread, for bytes of a single turn. In a thread's static memory even threads that never
/// read would pay for it.
std::span<char> ahead_buffer() {
    thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(ahead_bytes_max);
    return {buffer.get(), ahead_bytes_max};
}

bool is_record_type(char first) { return first >= 0x14 && first <= 0x18; }

/// A peer that speaks no TLS at all is more common than one that speaks it wrongly.
std::string_view hint_for(unsigned long error) {
    switch (ERR_GET_REASON(error)) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_UNEXPECTED_MESSAGE: return " (does the peer speak TLS here?)";
        default: return {};
    }
}

}  // namespace

struct TlsStream::Plumbing {
    static TlsStream& of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* into, std::size_t bytes_max, std::size_t* bytes) {
        BIO_clear_retry_flags(bio);
        auto& stream = of(bio);
        if (stream.is_drained_ && stream.ahead_.empty()) {
            BIO_set_retry_read(bio);
            return 0;
        }
        if (stream.inner_ended_) return 0;
        const Io io = stream.read_inner(std::span(into, bytes_max));
        switch (io.state) {
            case Io::State::moved: break;
            case Io::State::would_block: BIO_set_retry_read(bio); return 0;
            case Io::State::ended: stream.inner_ended_ = true; return 0;
            case Io::State::failed: stream.error_ = io.error; return 0;
        }
        if (stream.expects_plain_ && !stream.is_record(std::string_view(into, io.bytes), bytes_max))
            return 0;
        *bytes = io.bytes;
        return 1;
    }

    static int write(BIO* bio, const char* from, std::size_t bytes_max, std::size_t* bytes) {
        BIO_clear_retry_flags(bio);
        auto& stream = of(bio);
        *bytes = bytes_max;
        if (stream.gathering_ != nullptr) {
            stream.gathering_->append(from, bytes_max);
            return 1;
        }
        if (stream.unsent_.empty()) {
            const Io io = stream.inner_->write(std::span(from, bytes_max));
            if (io.state == Io::State::failed) {
                stream.error_ = io.error;
                return 0;
            }
            *bytes = io.bytes;
            if (io.state == Io::State::moved) return 1;
        } else if (stream.is_open_ && stream.unsent_.size() < unsent_answers_max) {
            stream.unsent_.append(from, bytes_max);
            return 1;
        }
        BIO_set_retry_write(bio);
        return 0;
    }

    static long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
        if (command == BIO_CTRL_FLUSH) return 1;
        if (command == BIO_CTRL_EOF) return of(bio).inner_ended_ ? 1 : 0;
        return 0;
    }

    static BIO* make(TlsStream& stream) {
        static BIO_METHOD* const method = [] {
            auto* const made =
                BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ballast stream");
            BIO_meth_set_read_ex(made, read);
            BIO_meth_set_write_ex(made, write);
            BIO_meth_set_ctrl(made, control);
            return made;
        }();
        BIO* const bio = BIO_new(method);
        if (bio == nullptr) return nullptr;
        BIO_set_data(bio, &stream);
        BIO_set_init(bio, 1);
        return bio;
    }
};

TlsStream::TlsStream(std::unique_ptr<Stream>&& inner, Ssl ssl, Use use, bool reads_ahead)
    : inner_(std::move(inner)), ssl_(std::move(ssl)), use_(use), reads_ahead_(reads_ahead) {
    SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // After an end without close_notify our own direction must still work. The inner stream shows
    // whether close_notify came.
    SSL_set_options(ssl_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    // Control connections carry passwords.
    if (use_ == Use::control) SSL_set_options(ssl_.get(), SSL_OP_CLEANSE_PLAINTEXT);
    SSL_set_read_ahead(ssl_.get(), reads_ahead_ ? 1 : 0);
    if (use_ == Use::data && inner_->splice_sink() >= 0) {
        set_socket(ssl_.get(), inner_->splice_sink());
    } else {
        BIO* const bio = Plumbing::make(*this);
        if (bio == nullptr) {
            inner = std::move(inner_);
            throw std::bad_alloc();
        }
        SSL_set_bio(ssl_.get(), bio, bio);
    }
}

TlsStream::~TlsStream() {
    if (inner_ && use_ == Use::control && is_open_ && !has_failed_ && !has_said_close_)
        (void)finish();
}

/// After a handshake on the socket itself: takes back the directions that the kernel does not
/// encrypt. From now on `read` reads ahead for OpenSSL. Its own way asks for the rest of each
/// record separately, and copies everything behind a record when it begins with the next one.
void TlsStream::take_over_plumbing() {
    if (use_ != Use::data) return;
    SSL_set_read_ahead(ssl_.get(), 0);
    if (inner_->splice_sink() < 0) return;
    kernel_sends_ = BIO_get_ktls_send(SSL_get_wbio(ssl_.get())) != 0;
    kernel_receives_ = BIO_get_ktls_recv(SSL_get_rbio(ssl_.get())) != 0;
    if (!kernel_sends_) SSL_set0_wbio(ssl_.get(), Plumbing::make(*this));
    if (!kernel_receives_) SSL_set0_rbio(ssl_.get(), Plumbing::make(*this));
    if (kernel_sends_) metrics::count(metrics::Counter::tls_data_connections_in_kernel);
}

/// While plain text may follow: whether these bytes belong to a record. If not, keeps them.
bool TlsStream::is_record(std::string_view bytes, std::size_t bytes_wanted) {
    const bool is_header = std::string_view(SSL_rstate_string(ssl_.get())) == "RH";
    // Part of a header may have arrived before plain text was expected.
    const bool begins = is_header && !inside_header_ && SSL_has_pending(ssl_.get()) == 0;
    inside_header_ = is_header && bytes.size() < bytes_wanted;
    if (!begins || is_record_type(bytes.front())) return true;
    plain_ = bytes;
    inner_ended_ = true;  // for OpenSSL
    return false;
}

TlsStream::Wants TlsStream::after(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ: return Wants::to_read;
        case SSL_ERROR_WANT_WRITE: return Wants::to_write;
        case SSL_ERROR_SYSCALL:
            if (!error_ && errno != 0) error_ = {errno, std::system_category()};
            return Wants::nothing;
        default: return Wants::nothing;
    }
}

Io TlsStream::failed() {
    has_failed_ = true;
    if (!error_) error_ = std::make_error_code(std::errc::protocol_error);
    return {Io::State::failed, 0, error_};
}

loop::Task<base::Result<>> TlsStream::wait_for(Wants wants, loop::Signal& signal, base::Fault fault,
                                               loop::Deadline deadline, const Interrupt& interrupt,
                                               const char* doing) {
    // OpenSSL has just got EAGAIN from the socket.
    if (wants == Wants::to_read) {
        inner_->note_drained();
        inner_->watch_readable();
    } else {
        inner_->note_full();
        inner_->watch_writable();
    }
    const bool is_interrupted = interrupt && interrupt();
    if (is_interrupted || !co_await signal.wait(deadline)) {
        has_failed_ = true;
        const auto why = is_interrupted ? std::errc::operation_canceled : std::errc::timed_out;
        co_return std::unexpected(base::Error{fault, std::make_error_code(why), doing});
    }
    co_return base::Result<>{};
}

base::Error TlsStream::handshake_error(base::Fault fault) const {
    const auto with = "TLS handshake with " + base::to_string(peer());
    const auto refused = [&](std::string_view why) {
        return base::Error{fault, std::make_error_code(std::errc::protocol_error),
                           fmt::format("{}: {}", with, why)};
    };
    const bool verifies = SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE;
    if (const auto verified = SSL_get_verify_result(ssl_.get()); verifies && verified != X509_V_OK)
        return refused(X509_verify_cert_error_string(verified));
    if (error_) return {base::fault_of(error_, fault), error_, with};
    const auto hint = hint_for(ERR_peek_error());
    if (ERR_peek_error() == 0) return refused("the peer closed the connection");
    return refused(take_openssl_error() + std::string(hint));
}

loop::Task<base::Result<>> TlsStream::handshake(loop::Signal& signal, base::Fault fault,
                                                loop::Deadline deadline, Interrupt interrupt) {
    for (;;) {
        ERR_clear_error();
        errno = 0;
        is_drained_ = false;
        const int result = SSL_do_handshake(ssl_.get());
        if (result == 1) break;
        const auto wants = after(result);
        if (wants == Wants::nothing) {
            has_failed_ = true;
            co_return std::unexpected(handshake_error(fault));
        }
        auto waited = co_await wait_for(wants, signal, fault, deadline, interrupt,
                                        "waiting in a TLS handshake");
        if (!waited) co_return std::unexpected(waited.error());
    }
    is_open_ = true;
    take_over_plumbing();
    co_return base::Result<>{};
}

loop::Task<base::Result<std::unique_ptr<Stream>>> TlsStream::leave(loop::Signal& signal,
                                                                   std::string& first_bytes,
                                                                   loop::Deadline deadline,
                                                                   Interrupt interrupt) {
    constexpr auto fault = base::Fault::client;
    constexpr const char* doing = "leaving TLS";
    gathering_ = &unsent_;
    SSL_shutdown(ssl_.get());
    gathering_ = nullptr;
    has_said_close_ = true;
    for (auto state = flush(); state != Io::State::moved; state = flush()) {
        if (state == Io::State::failed) co_return std::unexpected(base::Error{fault, {}, doing});
        auto waited = co_await wait_for(Wants::to_write, signal, fault, deadline, interrupt, doing);
        if (!waited) co_return std::unexpected(waited.error());
    }
    expects_plain_ = true;
    std::array<char, 512> dropped{};  // sent under TLS after CCC: ignored
    for (;;) {
        const Io io = read(dropped);
        if (io.state == Io::State::ended) break;
        if (io.state == Io::State::failed)
            co_return std::unexpected(base::Error{fault, io.error, doing});
        if (io.state == Io::State::moved) continue;
        auto waited = co_await wait_for(Wants::to_read, signal, fault, deadline, interrupt, doing);
        if (!waited) co_return std::unexpected(waited.error());
    }
    first_bytes = std::move(plain_);
    inner_->attach(nullptr);
    co_return std::move(inner_);
}

/// For OpenSSL: bytes that were read ahead, or new ones, of which the rest stays here.
Io TlsStream::read_inner(std::span<char> into) {
    if (ahead_.empty()) {
        const bool reads_far = ahead_wanted_ > into.size();
        const auto all = reads_far ? ahead_buffer().first(ahead_wanted_) : into;
        const Io io = inner_->read(all);
        if (io.state != Io::State::moved) return io;
        is_drained_ = io.bytes < all.size() && reads_ahead_;
        if (!reads_far) return io;
        ahead_ = std::string_view(all.data(), io.bytes);
    }
    const auto bytes = ahead_.copy(into.data(), into.size());
    ahead_.remove_prefix(bytes);
    return {Io::State::moved, bytes, {}};
}

Io TlsStream::read(std::span<char> into) {
    if (end_) return *end_;
    if (!is_open_ || has_failed_) return failed();
    is_drained_ = false;
    read_wants_ = Wants::nothing;
    const auto taken = read_records(into);
    ahead_wanted_ = 0;
    // The next turn is another stream's.
    std::string(ahead_).swap(kept_ahead_);
    ahead_ = kept_ahead_;
    if (taken > 0) {
        if (use_ == Use::data) metrics::count(metrics::Counter::bytes_decrypted, taken);
        return {Io::State::moved, taken, {}};
    }
    if (end_) return *end_;
    return {Io::State::would_block, 0, {}};
}

std::size_t TlsStream::read_records(std::span<char> into) {
    std::size_t taken = 0;
    while (taken < into.size()) {
        // Ahead are only records that fit into the rest: what is left over must be copied.
        const auto records = (into.size() - taken + record_text_bytes - 1) / record_text_bytes;
        if (use_ == Use::data)
            ahead_wanted_ = std::min(records * record_bytes, ahead_buffer().size());
        ERR_clear_error();
        errno = 0;
        std::size_t bytes = 0;
        const int result =
            SSL_read_ex(ssl_.get(), into.data() + taken, into.size() - taken, &bytes);
        taken += bytes;
        if (result == 1) continue;
        read_wants_ = after(result);
        if (read_wants_ == Wants::nothing) end_ = outcome_of_failed_read();
        break;
    }
    return taken;
}

Io TlsStream::outcome_of_failed_read() {
    if (SSL_get_error(ssl_.get(), 0) != SSL_ERROR_ZERO_RETURN) return failed();
    const bool is_bare = BIO_eof(SSL_get_rbio(ssl_.get())) != 0;
    // The connection ended inside a record, so this is not the end of the data.
    const bool is_cut =
        SSL_has_pending(ssl_.get()) != 0 || std::string_view(SSL_rstate_string(ssl_.get())) == "RB";
    if (is_bare && is_cut) {
        error_ = std::make_error_code(std::errc::connection_aborted);
        return failed();
    }
    return {Io::State::ended, 0, {}, !is_bare};
}

/// Sends pending records.
Io::State TlsStream::flush() {
    std::size_t sent = 0;
    Io io{Io::State::moved, 0, {}};
    while (sent < unsent_.size()) {
        io = inner_->write(std::string_view(unsent_).substr(sent));
        if (io.state != Io::State::moved) break;
        sent += io.bytes;
    }
    unsent_.erase(0, sent);
    if (unsent_.empty()) std::string().swap(unsent_);
    if (io.state == Io::State::failed) {
        error_ = io.error;
        has_failed_ = true;
    }
    return io.state;
}

Io TlsStream::write(std::span<const char> from) {
    if (!is_open_ || has_failed_ || has_said_close_) return failed();
    write_wants_ = Wants::to_write;
    if (!unsent_.empty()) {
        const auto state = flush();
        if (state == Io::State::failed) return failed();
        if (state == Io::State::would_block) return {Io::State::would_block, 0, {}};
    }
    if (unsent_bytes_ > 0) return {Io::State::moved, std::exchange(unsent_bytes_, 0), {}};

    // One per thread: records that the inner stream does not take go to `unsent_`.
    thread_local std::string records;
    records.clear();
    const auto chunk = from.first(std::min(from.size(), gathered_bytes_max));
    if (!kernel_sends_) gathering_ = &records;
    ERR_clear_error();
    errno = 0;
    // OpenSSL sends it before these bytes.
    if (owes_ticket_ && SSL_new_session_ticket(ssl_.get()) == 1) owes_ticket_ = false;
    std::size_t bytes = 0;
    const int result = SSL_write_ex(ssl_.get(), chunk.data(), chunk.size(), &bytes);
    gathering_ = nullptr;
    if (result != 1) {
        write_wants_ = after(result);
        if (write_wants_ == Wants::nothing) return failed();
        return {Io::State::would_block, 0, {}};
    }
    if (use_ == Use::data && !kernel_sends_)
        metrics::count(metrics::Counter::bytes_encrypted, bytes);

    std::string_view rest = records;
    while (!rest.empty()) {
        const Io io = inner_->write(rest);
        if (io.state == Io::State::failed) {
            error_ = io.error;
            return failed();
        }
        if (io.state != Io::State::moved) {
            unsent_ = rest;
            unsent_bytes_ = bytes;
            return {Io::State::would_block, 0, {}};
        }
        rest.remove_prefix(io.bytes);
    }
    return {Io::State::moved, bytes, {}};
}

Io::State TlsStream::finish() {
    if (has_failed_) return Io::State::failed;
    write_wants_ = Wants::to_write;
    if (is_open_ && !has_said_close_) {
        if (!kernel_sends_) gathering_ = &unsent_;
        ERR_clear_error();
        const int result = SSL_shutdown(ssl_.get());
        gathering_ = nullptr;
        if (result < 0)
            return after(result) == Wants::to_write ? Io::State::would_block : failed().state;
        has_said_close_ = true;
    }
    // close_notify goes out with the end.
    cork();
    if (const auto state = flush(); state != Io::State::moved) return state;
    return inner_->finish();
}

void TlsStream::reset() {
    has_failed_ = true;
    inner_->reset();
}

void TlsStream::attach(loop::Signal* signal) {
    signal_ = signal;
    inner_->attach(signal);
}

void TlsStream::watch_readable() {
    // Bytes that were read ahead raise no signal, so raise it here.
    if (read_wants_ == Wants::nothing || end_) {
        if (signal_ != nullptr) signal_->raise();
    } else if (read_wants_ == Wants::to_read) {
        inner_->watch_readable();
    } else {
        inner_->watch_writable();
    }
}

void TlsStream::watch_writable() {
    if (write_wants_ == Wants::to_read)
        inner_->watch_readable();
    else
        inner_->watch_writable();
}

bool TlsStream::is_watching_readable() const {
    return read_wants_ == Wants::to_read && inner_->is_watching_readable();
}

// The kernel's TLS may deliver an alert instead of data. Only OpenSSL can tell.
int TlsStream::splice_source() const { return -1; }
int TlsStream::splice_sink() const { return kernel_sends_ ? inner_->splice_sink() : -1; }

bool TlsStream::is_resumed() const { return SSL_session_reused(ssl_.get()) != 0; }
bool TlsStream::is_tls_1_3() const { return SSL_version(ssl_.get()) == TLS1_3_VERSION; }
std::string_view TlsStream::version() const { return SSL_get_version(ssl_.get()); }
std::string_view TlsStream::cipher() const { return SSL_get_cipher_name(ssl_.get()); }

std::string TlsStream::server_name() const {
    const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
}

std::string TlsStream::peer_subject() const {
    const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr) return {};
    const Bio text(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(text.get(), &bytes);
    return {bytes, static_cast<std::size_t>(std::max(size, 0L))};
}

std::string TlsStream::peer_common_name() const {
    const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr) return {};
    const auto* const subject = X509_get_subject_name(certificate);
    const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index < 0) return {};
    const auto* const name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
    unsigned char* bytes = nullptr;
    const int size = ASN1_STRING_to_UTF8(&bytes, name);
    if (size < 0) return {};
    std::string result(bytes, bytes + size);
    OPENSSL_free(bytes);
    return result;
}

std::optional<int> TlsStream::peer_days_left() const {
    const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr) return std::nullopt;
    int days = 0;
    int seconds = 0;
    if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) != 1)
        return std::nullopt;
    return days;
}

std::optional<std::int64_t> TlsStream::peer_expires_at() const {
    const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr) return std::nullopt;
    return expires_at(certificate);
}

void TlsStream::send_ticket() { owes_ticket_ = is_tls_1_3(); }

}  // namespace ballast::net
