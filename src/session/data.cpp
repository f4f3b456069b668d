// SPDX-License-Identifier: Apache-2.0
// A session's data connections: where the client wants them, and the transfers over them.
#include "base/ascii.h"
#include "base/number.h"
#include "ftp/host_port.h"
#include "ftp/telnet.h"
#include "ftp/verb.h"
#include "metrics/counters.h"
#include "session/announce.h"
#include "session/limit_note.h"
#include "session/session.h"
#include "session/transfer.h"
#include "session/transfer_count.h"
#include "session/transfer_log.h"

#include <atomic>
#include <fmt/format.h>

namespace ballast::session {

namespace {

std::string_view protocols_of(const base::Ip& ip) { return ip.is_v4() ? "1" : "2"; }

}  // namespace

/// With `as-client` the backend hears what the client said, at once: its answer, if it is an answer
/// to the client as well. Empty: the client has been told that there is none.
loop::Task<std::optional<ftp::Reply>> Session::pass_on(const ftp::Command& command) {
    if (const auto lost = co_await prepare_data()) {
        co_await lose_backend(*lost);
        co_return std::nullopt;
    }
    const std::string argument = command.verb == "EPSV" ? command.argument : "";
    auto reply = co_await backend_->pass_on(command.verb, argument);
    if (reply && reply->is_positive()) co_return std::move(*reply);
    if (reply) {
        co_await answer(std::move(*reply));
        co_return std::nullopt;
    }
    const auto& refusal = reply.error();
    if (refusal.control_is_lost) {
        co_await lose_backend(refusal.error);
        co_return std::nullopt;
    }
    report(log::Level::warning, "no data connection to the backend",
           {{"reason", base::to_string(refusal.error)}});
    co_await answer(425, "No data connection to the server.");
    co_return std::nullopt;
}

/// What Ballast asks of a backend for a transfer, if that is new: some servers begin TLS when the
/// data connection is there (pyftpdlib), and some forget REST at what comes behind it. A refused
/// PROT is told at the transfer. The error if the backend is lost.
loop::Task<std::optional<base::Error>> Session::prepare_data() {
    const bool is_protected = backend_->shall_protect_data(dialog_.protects_data());
    auto refusal = co_await backend_->protect_data(is_protected);
    if (refusal && refusal->control_is_lost) co_return std::move(refusal->error);
    auto learnt = co_await backend_->learn_noop();
    if (!learnt) co_return std::move(learnt.error());
    co_return std::nullopt;
}

/// What was set up before is given up, on both sides.
void Session::forget_data() {
    client_data_.clear();
    if (backend_) backend_->forget_data();
}

/// Whose port the answer to PASV or EPSV names, or the refusal.
std::expected<base::Ip, ftp::Reply> Session::passive_address(const ftp::Command& command) const {
    const auto refused = [](std::uint16_t code, std::string_view text) {
        return std::unexpected(ftp::make_reply(code, text));
    };
    const auto local = reached().ip;
    if (command.verb == "EPSV") {
        const auto request = ftp::parse_epsv_argument(command.argument);
        if (!request && request.error() == ftp::HostPortError::syntax)
            return refused(501, "EPSV takes nothing, a protocol number or ALL.");
        if (!request || (request->family && *request->family != local.family()))
            return refused(
                522, fmt::format("Network protocol not supported, use ({}).", protocols_of(local)));
        return local;
    }
    const auto announced = announced_address(settings_.public_address, client_.peer().ip, local,
                                             surroundings_.public_names);
    // The port is open where the client came to: an IPv4 address has none behind it then.
    if (!local.is_v4() || (announced && !announced->is_v4()))
        return refused(425, "PASV is for IPv4 only, use EPSV.");
    if (!announced)
        return refused(
            425, "Can't open data connection: the public address is not known yet, use EPSV.");
    return *announced;
}

/// A refusal of Ballast's own of what leads to a transfer.
loop::Task<> Session::refuse_data(const ftp::Command& command, ftp::Reply reply) {
    report_command_refused(command, reply);
    return answer(std::move(reply));
}

loop::Task<> Session::refuse_data(const ftp::Command& command, std::uint16_t code,
                                  std::string_view text) {
    return refuse_data(command, ftp::make_reply(code, text));
}

/// PASV and EPSV are answered at once and by Ballast alone; the backend is asked when the transfer
/// comes. With `as-client` it is asked at once, and its own words are passed on with our numbers.
loop::Task<> Session::passive(ftp::Command command) {
    forget_data();
    const auto client = client_.peer().ip;
    const bool extended = command.verb == "EPSV";
    auto address = passive_address(command);
    if (!address) co_return co_await refuse_data(command, std::move(address.error()));
    const base::Ip announced = *address;
    std::optional<ftp::Reply> backends_own;
    if (backend_->follows_client()) {
        backends_own = co_await pass_on(command);
        if (!backends_own) co_return;
    }
    const auto& peer = settings_.data_peer;
    auto lease = co_await surroundings_.network.lend(
        {.range = settings_.passive_ports,
         .local = client_.local().ip,
         .peers = {.address = client,
                   .network = peer.network,
                   .anyone = peer.kind == config::DataPeer::Kind::any},
         .holder = lease_holder_,
         .free_bind = settings_.free_bind});
    if (!lease) {
        report(log::Level::warning, "no passive port",
               {{"reason", base::to_string(lease.error())},
                {"key", settings_.where.key + ".passive_ports"},
                {"value", base::to_string(settings_.passive_ports)},
                {"cure", "make the range larger, or see who holds its ports"}});
        co_return co_await refuse_data(command, 425, "No passive port is free, try again later.");
    }
    lease_holder_ = (*lease)->holder();
    client_data_.lease = std::move(*lease);
    client_data_.lease->attach(&signal_);
    const auto port = client_data_.lease->port();
    if (!extended && announced.is_private() && !client.is_private()) {
        metrics::count(metrics::Counter::private_addresses_announced);
        // Once: it is the same for every such client until the configuration says otherwise.
        static std::atomic_flag warned;
        if (!warned.test_and_set())
            report(log::Level::warning,
                   "PASV announces a private address to a public client, see public_address",
                   {{"announced", base::to_string(announced)}});
    }
    refresh_ticket();
    const std::uint16_t code = extended ? 229 : 227;
    auto text = extended ? ftp::format_epsv(port) : ftp::format_pasv({announced, port});
    // Servers also answer PASV with 229 and EPSV with 227, which clients need not understand.
    if (backends_own && backends_own->code == code)
        text = ftp::with_passive_address(backends_own->text, {announced, port}).value_or(text);
    co_await answer({code, std::move(text)});
}

/// PORT and EPRT: answered without asking the backend. RFC 2577 3: no third party's address, no
/// port of a well-known service.
loop::Task<> Session::active(ftp::Command command) {
    forget_data();
    auto wanted = command.verb == "PORT" ? ftp::parse_port(command.argument)
                                         : ftp::parse_eprt(command.argument);
    const auto client = client_.peer().ip;
    // lftp 4.9.2 on ::1 says "EPRT |2|::|port|": its own address, left out.
    const bool is_unnamed = wanted && wanted->ip == base::Ip::any(client.family());
    // Neither PORT nor EPRT can name the link of a link-local address.
    const bool is_own =
        wanted && wanted->ip.family() == client.family() && wanted->ip.bytes() == client.bytes();
    if (is_unnamed || is_own || (wanted && is_behind_nat(wanted->ip))) wanted->ip = client;
    if (!wanted && wanted.error() == ftp::HostPortError::family)
        co_return co_await refuse_data(command, 522, "Network protocol not supported, use (1,2).");
    if (!wanted)
        co_return co_await refuse_data(command, 501,
                                       fmt::format("{} names no address.", command.verb));
    if (!may_name(wanted->ip))
        co_return co_await refuse_data(command, 501,
                                       fmt::format("{} must name your own address, {}.",
                                                   command.verb, base::to_string(client)));
    if (wanted->port <= ftp::well_known_port_last)
        co_return co_await refuse_data(
            command, 501,
            fmt::format("{} must name a port above {}.", command.verb, ftp::well_known_port_last));
    std::optional<ftp::Reply> backends_own;
    if (backend_->follows_client()) {
        backends_own = co_await pass_on(command);
        if (!backends_own) co_return;
    }
    client_data_.active = *wanted;
    refresh_ticket();
    if (backends_own) co_return co_await answer(std::move(*backends_own));
    co_await answer(200, fmt::format("{} command successful.", command.verb));
}

/// The client names the address that it has behind its NAT, which leads nowhere from here.
bool Session::is_behind_nat(const base::Ip& named) const {
    const auto client = client_.peer().ip;
    return settings_.active_address == config::ActiveAddress::control &&
           named.family() == client.family() && named.is_private() && !client.is_private();
}

/// RFC 2577 3: a third party's address is named by who wants to harm it, or has been allowed to.
bool Session::may_name(const base::Ip& address) const {
    if (address == client_.peer().ip) return true;
    // Nobody's client lives on this machine, but services of its own do.
    if (address.is_any() || (address.is_loopback() && !client_.peer().ip.is_loopback()))
        return false;
    const auto& peer = settings_.data_peer;
    return settings_.allow_fxp || (peer.network && peer.network->contains(address));
}

/// REST is kept, and sent as the last command before the transfer. Where it is not known whether
/// the backend takes it, it is sent once to learn the answer. With `as-client` it is the client who
/// says it last.
loop::Task<> Session::restart(ftp::Command command) {
    if (backend_->follows_client()) co_return co_await pass_restart_on(std::move(command));
    // RFC 3659 5.3.
    const auto offset = base::parse_number<std::uint64_t>(base::trimmed(command.argument));
    if (!offset) co_return co_await answer(501, "REST takes a number of bytes.");
    if (!backend_->known().accepts_rest()) {
        auto reply = co_await backend_->restart_at(*offset);
        if (!reply) co_return co_await lose_backend(reply.error());
        if (reply->code != 350) co_return co_await answer(std::move(*reply));
        backend_->known().set_accepts_rest();
    }
    journal_.set_restart(*offset);
    co_await answer(350, fmt::format("Restarting at {}. Send STOR or RETR.", *offset));
}

/// All the bandwidths that a transfer of this session is part of.
guard::Throttle Session::throttle() {
    auto& ledger = surroundings_.ledger;
    const auto& backend = seat_.backend();
    std::vector<std::shared_ptr<guard::Bandwidth>> shares = {
        bandwidth_, ledger.bandwidth("listener " + settings_.name, settings_.bandwidth),
        ledger.bandwidth(fmt::format("backend {} {}", pool_->pool->config().name, backend.name),
                         backend.settings->bandwidth)};
    if (!user_.empty())
        shares.push_back(ledger.bandwidth(
            fmt::format("user {} {}", routed_pool_, std::string_view(ftp::without_telnet(user_))),
            ledger.limits().user_bandwidth));
    std::erase(shares, nullptr);
    return guard::Throttle(std::move(shares));
}

/// What REST is to be sent before this command. It belongs to the next transfer of a file, refused
/// or not; vsftpd, ProFTPD, Pure-FTPd and pyftpdlib keep it over a listing and any other command.
/// A verb that Ballast does not know may be such a transfer: it hears the REST, and keeps it for
/// the next one if it moves nothing.
std::optional<std::uint64_t> Session::take_restart(const ftp::Command& command, bool tentative) {
    if (!tentative && !ftp::transfers_file(command.verb)) return std::nullopt;
    auto offset = tentative ? journal_.restart() : journal_.take_restart();
    if (offset == 0) offset.reset();
    // What the backend was told earlier must not move this transfer's beginning.
    const bool is_own = tentative ? restart_is_said_ : std::exchange(restart_is_said_, false);
    if (backend_->is_restart_armed() && !offset && !is_own) offset = 0;
    return offset;
}

/// A transfer that Ballast refuses has spent its REST as well.
void Session::forget_restart(const ftp::Command& command) {
    if (!ftp::transfers_file(command.verb)) return;
    (void)journal_.take_restart();
    restart_is_said_ = false;
}

/// With `as-client` the backend keeps it, and nothing but it comes before the transfer.
loop::Task<> Session::pass_restart_on(ftp::Command command) {
    auto reply = co_await backend_->command(command.line);
    if (!reply) co_return co_await lose_backend(reply.error());
    if (reply->code == 350) {
        backend_->note_restart();
        restart_is_said_ = true;
    }
    heed_farewell(*reply);
    co_await answer(std::move(*reply));
}

loop::Task<> Session::transfer(ftp::Command command, bool tentative) {
    // What may turn out to be no transfer is none yet.
    std::expected<guard::Ledger::Held, guard::Limit> place;
    const auto restart = take_restart(command, tentative);
    if (!tentative) place = surroundings_.ledger.begin_transfer();
    if (!place) {
        reached(place.error());
        forget_data();
        co_return co_await refuse_data(command, 425, refusal_text(place.error()));
    }
    const ftp::Verb* const verb = ftp::find_verb(command.verb);
    const auto direction = tentative ? ftp::Direction::unknown : verb->direction;
    phase_ = Phase::in_transfer;
    const TransferCount counted(seat_, surroundings_.load);
    const ClientDataTls client_tls{surroundings_.tls.get(), &bond_};
    Transfer transfer(
        {surroundings_.network, signal_, client_, *backend_, client_data_, settings_,
         dialog_.protects_data() ? &client_tls : nullptr, seat_.byte_count(), throttle()},
        command.line, direction, restart);
    const Outcome outcome = co_await transfer.run();
    // It moved data, so REST was its own.
    if (tentative && outcome.has_begun) (void)journal_.take_restart();

    const auto& backend_name = seat_.backend().name;
    const bool has_file = direction != ftp::Direction::none && !command.argument.empty();
    const auto backends_user = user_at_backend();
    const auto file = has_file ? journal_.path_of(command.argument) : std::string();
    log_transfer({id_, journal_.user(), backends_user, client_.peer(), backend_name, command.verb,
                  file, journal_.is_binary(), outcome});
    report_transfer(command, file, outcome);
    if (outcome.client_is_lost) end_because("the client was lost in a transfer");
    if (outcome.service_is_over) end_because("the backend ended it with 421 after a transfer");
    if (outcome.backend_is_lost && !is_over_)
        co_await lose_backend({base::Fault::backend, {}, outcome.reason});
}

}  // namespace ballast::session
