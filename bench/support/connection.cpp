// SPDX-License-Identifier: Apache-2.0
#include "support/connection.h"

#include "support/trouble.h"

#include <algorithm>
#include <array>
#include <climits>
#include <openssl/err.h>
#include <sys/socket.h>
#include <vector>

namespace ballast::bench {

namespace {

/// Records that are sent and received at once on data connections.
constexpr std::size_t gathered_bytes = 256 << 10;
/// Including what TLS adds.
constexpr int gathered_bytes_with_overhead = (256 << 10) + (4 << 10);
constexpr std::size_t record_bytes = 16 << 10;

}  // namespace

void Connection::start_tls(SSL_CTX& context, Purpose purpose) {
    tls_.reset(SSL_new(&context));
    if (!tls_) throw_tls_error("SSL_new");
    SSL* const tls = tls_.get();
    BIO* const socket = BIO_new_socket(socket_.get(), BIO_NOCLOSE);
    // OpenSSL sends each record by itself; this collects them until they are flushed.
    BIO* const collected = BIO_push(BIO_new(BIO_f_buffer()), socket);
    BIO_up_ref(socket);
    SSL_set0_rbio(tls, socket);
    SSL_set0_wbio(tls, collected);
    SSL_set_read_ahead(tls, 1);
    if (purpose == Purpose::control) return;
    SSL_set_default_read_buffer_len(tls, gathered_bytes);
    SSL_set_num_tickets(tls, 0);
}

void Connection::accept_tls(SSL_CTX& context, Purpose purpose) {
    start_tls(context, purpose);
    if (SSL_accept(tls_.get()) != 1) throw_tls_error("SSL_accept");
}

void Connection::connect_tls(SSL_CTX& context, Purpose purpose, SSL_SESSION* offered) {
    start_tls(context, purpose);
    if (offered != nullptr) {
        const TlsSession copy(SSL_SESSION_dup(offered));
        SSL_set_session(tls_.get(), copy.get());
    }
    if (SSL_connect(tls_.get()) != 1) throw_tls_error("SSL_connect");
}

bool Connection::is_resumed() const { return SSL_session_reused(tls_.get()) == 1; }

TlsSession Connection::session() const { return TlsSession(SSL_get1_session(tls_.get())); }

void Connection::send_all(std::string_view bytes) {
    if (!tls_) return socket_.send_all(bytes);
    BIO* const collected = SSL_get_wbio(tls_.get());
    if (bytes.size() > record_bytes && !std::exchange(gathers_, true))
        BIO_set_write_buffer_size(collected, gathered_bytes_with_overhead);
    while (!bytes.empty()) {
        std::size_t written = 0;
        const std::size_t wanted = std::min(bytes.size(), gathered_bytes);
        if (SSL_write_ex(tls_.get(), bytes.data(), wanted, &written) != 1 ||
            BIO_flush(collected) != 1)
            throw_tls_error("SSL_write");
        bytes.remove_prefix(written);
    }
}

std::size_t Connection::receive(std::span<char> space) {
    if (!tls_)
        return static_cast<std::size_t>(
            check(::recv(socket_.get(), space.data(), space.size(), 0), "recv"));
    std::size_t got = 0;
    if (SSL_read_ex(tls_.get(), space.data(), space.size(), &got) == 1) return got;
    if (SSL_get_error(tls_.get(), 0) != SSL_ERROR_ZERO_RETURN) throw_tls_error("SSL_read");
    return 0;
}

std::size_t Connection::count_to_end() {
    std::size_t bytes = 0;
    if (!tls_) {
        static std::vector<char> untouched(1 << 20);
        while (const auto got = check(
                   ::recv(socket_.get(), untouched.data(), untouched.size(), MSG_TRUNC), "recv"))
            bytes += static_cast<std::size_t>(got);
        return bytes;
    }
    std::array<char, record_bytes> space;  // NOLINT: filled by OpenSSL
    while (const std::size_t got = receive(space)) bytes += got;
    return bytes;
}

void Connection::end_and_wait() {
    if (tls_ && SSL_shutdown(tls_.get()) < 0) throw_tls_error("SSL_shutdown");
    check(::shutdown(socket_.get(), SHUT_WR), "shutdown");
    std::array<char, 1024> space;  // NOLINT: filled by recv
    while (::recv(socket_.get(), space.data(), space.size(), 0) > 0) {
    }
    *this = Connection();
}

void Connection::end() {
    // It does not matter if the peer has gone.
    if (tls_) SSL_shutdown(tls_.get());
    ERR_clear_error();
    *this = Connection();
}

const std::string* Lines::next() {
    std::size_t end = 0;
    while ((end = held_.find('\n')) == std::string::npos) {
        std::array<char, 1024> buffer;  // NOLINT: filled by receive
        const std::size_t got = connection_.receive(buffer);
        if (got == 0) return nullptr;
        held_.append(buffer.data(), got);
    }
    line_ = held_.substr(0, end);
    held_.erase(0, end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    return &line_;
}

}  // namespace ballast::bench
