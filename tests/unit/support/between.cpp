// SPDX-License-Identifier: Apache-2.0
#include "support/between.h"

#include <array>
#include <stdexcept>

namespace ballast::support {

using net::Io;
using Use = net::TlsStream::Use;

namespace {

const base::Address client_address = base::Address::parse("198.51.100.7:50000").value();
const base::Address server_address = base::Address::parse("192.0.2.1:21").value();

}  // namespace

std::string many_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    std::uint32_t state = 1;
    for (char& byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<char>(state >> 24);
    }
    return bytes;
}

TlsRoles::TlsRoles(base::TlsVersion version, bool may_leave) {
    net::TlsServer::Settings settings;
    settings.may_leave = may_leave;
    server = make_tls_server(settings);
    auto client_settings = tls_client_settings();
    client_settings.min_version = client_settings.max_version = version;
    client = make_tls_client(client_settings);
}

std::unique_ptr<net::TlsStream> TlsRoles::wrap_client(std::unique_ptr<net::Stream> plain, Use use) {
    return use == Use::control ? client->wrap_control(std::move(plain), tickets, false)
                               : client->wrap_data(std::move(plain), tickets, false);
}

std::unique_ptr<net::TlsStream> TlsRoles::wrap_server(std::unique_ptr<net::Stream> plain, Use use) {
    return use == Use::control ? server->wrap_control(std::move(plain), bond)
                               : server->wrap_data(std::move(plain), bond);
}

Between::Between(TestLoop& loop, TlsRoles& tls, Use use) : loop_(loop) {
    auto [client_end, from_client] = MemoryStream::connect(loop, client_address, server_address);
    auto [server_end, from_server] = MemoryStream::connect(loop, server_address, client_address);
    client = tls.wrap_client(std::move(client_end), use);
    server = tls.wrap_server(std::move(server_end), use);
    to_client = std::move(from_client);
    to_server = std::move(from_server);
}

std::string Between::taken_from(MemoryStream& end) { return read_all(end).first; }

void Between::pass_all() {
    for (bool has_moved = true; has_moved;) {
        loop_.settle();
        const auto up = taken_from(*to_client);
        const auto down = taken_from(*to_server);
        if (!up.empty()) (void)to_server->write(up);
        if (!down.empty()) (void)to_client->write(down);
        has_moved = !up.empty() || !down.empty();
    }
}

void Between::shake_hands() {
    const Handshake one(loop_, *client);
    const Handshake other(loop_, *server);
    pass_all();
    if (!one.is_good() || !other.is_good())
        throw std::runtime_error(one.problem() + " / " + other.problem());
    (void)read_once(*client);  // tickets
}

std::pair<std::string, Io> read_all(net::Stream& stream) {
    std::string all;
    std::array<char, 16'384> buffer{};
    // A short read does not read on: only the next one sees the bytes behind it.
    for (int refusals = 0;;) {
        const Io io = stream.read(buffer);
        if (io.state == Io::State::moved)
            all.append(buffer.data(), io.bytes);
        else if (io.state != Io::State::would_block || ++refusals == 2)
            return {all, io};
    }
}

Io read_once(net::Stream& stream) {
    std::array<char, 4> buffer{};
    return stream.read(buffer);
}

}  // namespace ballast::support
