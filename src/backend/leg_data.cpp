// SPDX-License-Identifier: Apache-2.0
// The data connections of a leg.
#include "backend/dial.h"
#include "backend/leg.h"
#include "backend/passive_address.h"
#include "ftp/host_port.h"

#include <fmt/format.h>

namespace ballast::backend {

namespace {

/// A server that does not know EPSV, or not for this protocol (RFC 2428 2: 522), may know PASV. A
/// 550 or 4xx refuses the data connection itself.
bool is_unknown_command(const ftp::Reply& reply) {
    return (reply.code >= 500 && reply.code <= 504) || reply.code == 522;
}

net::Dial data_dial(base::Address to, base::Ip source) {
    net::Dial request{.to = to, .from = {}, .fault = base::Fault::backend};
    // An address of the other family cannot be reached from ours.
    if (to.ip.family() == source.family()) request.from = source;
    return request;
}

}  // namespace

/// EPSV names no address, so there is nothing to trust.
bool Leg::asks_epsv() const {
    const bool wants_address = settings().trust_pasv_address && address().ip.is_v4();
    return !known().prefers_pasv() && !wants_address;
}

loop::Task<std::expected<ftp::Reply, DataRefusal>> Leg::ask_epsv_or_pasv() {
    const auto ask = [this](const char* verb) { return command(verb); };
    const bool begins_with_epsv = asks_epsv();
    if (begins_with_epsv) {
        auto reply = co_await ask("EPSV");
        if (!reply) co_return std::unexpected(DataRefusal{{}, reply.error(), true});
        if (!is_unknown_command(*reply)) co_return std::move(*reply);
        known().set_prefers_pasv(true);
    }
    auto reply = co_await ask("PASV");
    if (!reply) co_return std::unexpected(DataRefusal{{}, reply.error(), true});
    // A server with IPv6 only may list no EPSV and still not know PASV.
    if (is_unknown_command(*reply)) {
        known().set_prefers_pasv(false);
        if (!begins_with_epsv) reply = co_await ask("EPSV");
        if (!reply) co_return std::unexpected(DataRefusal{{}, reply.error(), true});
    }
    co_return std::move(*reply);
}

loop::Task<std::expected<ftp::Reply, DataRefusal>> Leg::ask_passive() {
    const auto mode = settings().backend_data;
    const bool is_fixed = mode == config::BackendData::epsv || mode == config::BackendData::pasv;
    if (!is_fixed) co_return co_await ask_epsv_or_pasv();
    auto reply = co_await command(mode == config::BackendData::epsv ? "EPSV" : "PASV");
    if (!reply) co_return std::unexpected(DataRefusal{{}, reply.error(), true});
    co_return std::move(*reply);
}

DataRefusal Leg::refused(const ftp::Reply& reply, std::string_view what) const {
    return {reply,
            {base::Fault::backend,
             {},
             fmt::format("{} {}: {} {}", base::to_string(address()), what, reply.code,
                         reply.message())},
            false};
}

std::expected<base::Address, DataRefusal> Leg::passive_address(const ftp::Reply& reply) const {
    if (!reply.is_positive()) return std::unexpected(refused(reply, "refused a data connection"));
    const auto named =
        backend::passive_address(reply.text, {.control = address().ip,
                                              .address = settings().trust_pasv_address,
                                              .low_ports = settings().trust_low_ports});
    if (named) return *named;
    // Drop the reply: its text would not tell a client what is wrong.
    auto refusal = refused(reply, named.error());
    refusal.reply.reset();
    return std::unexpected(std::move(refusal));
}

/// Runs beside the session, so it does not wait on the session's signal.
loop::Task<Leg::Opened> Leg::dial_data(base::Address to) {
    auto request = data_dial(to, control_.local().ip);
    request.is_transparent = contact_.is_transparent && request.from.has_value();
    auto stream =
        co_await network_.dial(request, network_.loop().after(settings().connect_timeout));
    if (!stream) co_return std::unexpected(DataRefusal{{}, stream.error(), false});
    co_return DataConnection{std::move(*stream), nullptr};
}

/// A port for one data connection of this backend.
loop::Task<std::expected<std::unique_ptr<net::Lease>, DataRefusal>> Leg::lend_port() {
    const auto& peer = settings().data_peer;
    net::LendRequest request{
        .range = *settings().data_ports, .local = control_.local().ip, .peers = {}};
    request.peers.address = address().ip;
    request.peers.network = peer.network;
    request.peers.anyone = peer.kind == config::DataPeer::Kind::any;
    request.peers.exclusive = true;
    request.holder = lease_holder_;
    request.binding = contact_.source_binding();
    auto lease = co_await network_.lend(request);
    if (!lease) co_return std::unexpected(DataRefusal{{}, lease.error(), false});
    lease_holder_ = (*lease)->holder();
    (*lease)->attach(signal_);
    co_return std::move(*lease);
}

/// PORT or EPRT with a port of ours.
loop::Task<std::expected<ftp::Reply, DataRefusal>> Leg::say_port(
    bool extended, std::unique_ptr<net::Lease>& lease) {
    if (!settings().data_ports)
        co_return std::unexpected(
            DataRefusal{{}, {base::Fault::internal, {}, "the pool has no data_ports"}, false});
    auto lent = co_await lend_port();
    if (!lent) co_return std::unexpected(std::move(lent.error()));
    const base::Address ours{control_.local().ip, (*lent)->port()};
    auto reply = co_await command(extended ? ftp::format_eprt(ours) : ftp::format_port(ours));
    if (!reply) co_return std::unexpected(DataRefusal{{}, reply.error(), true});
    if (reply->is_positive()) lease = std::move(*lent);
    co_return std::move(*reply);
}

/// Keeps the lease for a transfer, which has its own deadline for the connection.
Leg::Opened Leg::use_lease(std::unique_ptr<net::Lease> lease) {
    if (!lease->keep())
        return std::unexpected(
            DataRefusal{{}, {base::Fault::client, {}, "the data port has expired"}, false});
    return DataConnection{nullptr, std::move(lease)};
}

loop::Task<Leg::Opened> Leg::open_data() {
    if (auto passed_on = co_await take_passed_on()) co_return std::move(*passed_on);
    const auto mode = settings().backend_data;
    if (mode == config::BackendData::port || mode == config::BackendData::eprt) {
        const bool extended = mode == config::BackendData::eprt;
        if (!extended && !address().ip.is_v4())
            co_return std::unexpected(
                DataRefusal{{},
                            {base::Fault::internal,
                             {},
                             "PORT cannot name an IPv6 address: use backend_data = \"eprt\""},
                            false});
        std::unique_ptr<net::Lease> lease;
        auto reply = co_await say_port(extended, lease);
        if (!reply) co_return std::unexpected(std::move(reply.error()));
        if (!lease) co_return std::unexpected(refused(*reply, "refused a data connection"));
        co_return use_lease(std::move(lease));
    }
    auto reply = co_await ask_passive();
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    co_return co_await connect_to_named(std::move(*reply));
}

/// Connects to the port in an answer to PASV or EPSV.
loop::Task<Leg::Opened> Leg::connect_to_named(ftp::Reply reply) {
    const auto named = passive_address(reply);
    if (!named) {
        known().set_opens_passive(false);
        co_return std::unexpected(named.error());
    }
    co_return co_await connect_to(*named);
}

loop::Task<Leg::Opened> Leg::connect_to(base::Address port) {
    auto stream = co_await dial(network_, contact_, data_dial(port, control_.local().ip),
                                network_.loop().after(settings().connect_timeout), *signal_);
    if (stream)
        known().set_opens_passive(true);
    else
        known().set_passive_unreachable();
    if (!stream) co_return std::unexpected(DataRefusal{{}, stream.error(), false});
    co_return DataConnection{std::move(*stream), nullptr};
}

std::string_view Leg::foreseen_passive() const {
    if (!takes_several() || !known().opens_passive()) return {};
    switch (settings().backend_data) {
        case config::BackendData::automatic: return asks_epsv() ? "EPSV" : "PASV";
        case config::BackendData::epsv: return "EPSV";
        case config::BackendData::pasv: return "PASV";
        case config::BackendData::port:
        case config::BackendData::eprt:
        case config::BackendData::as_client: break;
    }
    return {};
}

loop::Task<std::optional<DataRefusal>> Leg::send_with_passive(
    const std::vector<std::string>& lines) {
    if (auto said = drop_unasked()) {
        if (!*said) co_return DataRefusal{{}, said->error(), true};
        co_return refused(**said, "refused a data connection");
    }
    auto sent = co_await write_several(lines);
    if (!sent) co_return DataRefusal{{}, sent.error(), true};
    co_return std::nullopt;
}

loop::Task<Leg::Opened> Leg::open_foreseen() {
    auto heard = co_await hear(settings().reply_timeout, false);
    if (!heard) co_return std::unexpected(DataRefusal{{}, heard.error(), true});
    if (is_unknown_command(heard->reply)) known().set_prefers_pasv(true);
    const auto is_ours = [](const Opened& opened) {
        return !opened && opened.error().error.fault == base::Fault::internal;
    };
    auto opened = co_await connect_to_named(heard->reply);
    if (!is_ours(opened)) co_return opened;
    // A shortage of ours may be over. If it is not, the server waits for its data connection, and
    // may hear nothing else until then (vsftpd).
    opened = co_await connect_to_named(std::move(heard->reply));
    if (is_ours(opened)) opened.error().control_is_lost = true;
    co_return opened;
}

loop::Task<std::expected<base::Address, DataRefusal>> Leg::ask_data_address() {
    auto reply = co_await ask_passive();
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    co_return passive_address(*reply);
}

loop::Task<std::expected<std::unique_ptr<net::Lease>, DataRefusal>> Leg::offer_data_port() {
    std::unique_ptr<net::Lease> lease;
    auto reply = co_await say_port(!address().ip.is_v4(), lease);
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    if (!lease) co_return std::unexpected(refused(*reply, "refused a data connection"));
    co_return std::move(lease);
}

loop::Task<> Leg::dial_passed_on(base::Address to) { passed_on_ = co_await dial_data(to); }

/// Empty if nothing was passed on.
loop::Task<std::optional<Leg::Opened>> Leg::take_passed_on() {
    // The dial has its own deadline.
    while (dialing_.is_started() && !dialing_.is_done() && !contact_.is_left())
        (void)co_await signal_->wait(loop::never);
    if (dialing_.is_started() && !dialing_.is_done())
        passed_on_ = std::unexpected(DataRefusal{{}, contact_.left(address()), false});
    dialing_.cancel();
    auto passed_on = std::exchange(passed_on_, {});
    if (passed_on && *passed_on && (*passed_on)->lease)
        co_return use_lease(std::move((*passed_on)->lease));
    co_return passed_on;
}

void Leg::give_back(DataConnection unused) {
    if (unused.lease) unused.lease->keep_no_longer();
    if (unused.stream || unused.lease) passed_on_ = std::move(unused);
}

void Leg::forget_data() {
    if (passed_on_ && *passed_on_ && (*passed_on_)->lease) passed_on_.reset();
}

loop::Task<std::expected<ftp::Reply, DataRefusal>> Leg::pass_on(std::string_view verb,
                                                                const std::string& argument) {
    // The earlier data connection stays open until the backend has agreed to a new one: see
    // `forget_data`.
    if (verb == "PORT" || verb == "EPRT") {
        std::unique_ptr<net::Lease> lease;
        // PORT cannot name an IPv6 address.
        auto reply = co_await say_port(verb == "EPRT" || !address().ip.is_v4(), lease);
        if (!lease) co_return reply;
        dialing_.cancel();
        passed_on_ = DataConnection{nullptr, std::move(lease)};
        co_return reply;
    }
    auto line = std::string(verb);
    if (!argument.empty()) line += ' ' + argument;
    auto reply = co_await command(std::move(line));
    if (!reply) co_return std::unexpected(DataRefusal{{}, reply.error(), true});
    if (!reply->is_positive()) co_return std::move(*reply);
    dialing_.cancel();
    passed_on_.reset();
    const auto named = passive_address(*reply);
    if (!named) co_return std::unexpected(named.error());
    dialing_ = loop::Job::start(dial_passed_on(*named), signal_);
    co_return std::move(*reply);
}

}  // namespace ballast::backend
