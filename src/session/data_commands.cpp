// SPDX-License-Identifier: Apache-2.0
#include "session/data_commands.h"

#include "backend/refusal.h"
#include "base/ascii.h"
#include "base/number.h"
#include "base/shortage.h"
#include "events/bus.h"
#include "ftp/host_port.h"
#include "ftp/verb.h"
#include "metrics/counters.h"
#include "session/announce.h"
#include "session/direct_data.h"
#include "session/direct_transfer.h"
#include "session/kernel_data.h"
#include "session/limit_note.h"
#include "session/security.h"
#include "session/transfer_count.h"
#include "session/transfer_log.h"

#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace ballast::session {

namespace {

std::string_view protocols_of(const base::Ip& ip) { return ip.is_v4() ? "1" : "2"; }

/// Empty: the usual one of this listener.
std::string path_in_words(const TransferCourse& course) {
    if (course.path == kernel_path) return std::string(kernel_path);
    if (course.relayed_because.empty()) return {};
    return fmt::format("{}, because {}", course.path, course.relayed_because);
}

constexpr std::string_view came_here =
    "the client's connection came to Ballast, past the kernel's rule";
constexpr std::string_view kernel_is_silent =
    "Can't open data connection: the kernel does not answer, try again later.";

/// Makes a running transfer visible in the session's view.
class Shown {
public:
    Shown(const DataCommands::Running*& place, const DataCommands::Running& running)
        : place_(place) {
        place_ = &running;
    }
    ~Shown() { place_ = nullptr; }
    Shown(const Shown&) = delete;
    Shown& operator=(const Shown&) = delete;

private:
    const DataCommands::Running*& place_;
};

}  // namespace

/// Ballast itself refuses a command that prepares a transfer.
loop::Task<> DataCommands::refuse(const ftp::Command& command, ftp::Reply reply) {
    context_.report_command_refused(command, reply);
    return context_.answer(std::move(reply));
}

loop::Task<> DataCommands::refuse(const ftp::Command& command, std::uint16_t code,
                                  std::string_view text) {
    return refuse(command, ftp::make_reply(code, text));
}

// With `as-client`

/// Sends the client's command to the backend at once. Returns a positive answer. Empty: the client
/// already has its reply.
loop::Task<std::optional<ftp::Reply>> DataCommands::pass_on(const ftp::Command& command) {
    for (int losses = 0;;) {
        auto answered = co_await try_to_pass_on(command);
        if (answered) co_return std::move(*answered);
        if (!co_await failover_.survive_command(std::move(answered.error()), losses))
            co_return std::nullopt;
    }
}

/// The error says that the backend is lost.
loop::Task<base::Result<std::optional<ftp::Reply>>> DataCommands::try_to_pass_on(
    const ftp::Command& command) {
    if (auto lost = co_await prepare_backend()) co_return std::unexpected(std::move(*lost));
    const std::string argument = command.verb == "EPSV" ? command.argument : "";
    auto reply = co_await context_.leg().pass_on(command.verb, argument);
    if (reply) {
        if (auto lost = failover_.loss_at(command, *reply))
            co_return std::unexpected(std::move(*lost));
        context_.journal.note(command, *reply);
        if (reply->is_positive()) co_return std::move(*reply);
        context_.heed_farewell(*reply);
        co_await context_.answer(std::move(*reply));
        co_return std::nullopt;
    }
    const auto& refusal = reply.error();
    if (refusal.control_is_lost) co_return std::unexpected(refusal.error);
    context_.report_fault(base::blame_of(refusal.error), "no data connection to the backend",
                          {{"reason", base::to_string(refusal.error)}});
    co_await context_.answer(425, "Can't open data connection to the server.");
    co_return std::nullopt;
}

/// Prepares the backend for a transfer, where needed. Some servers begin TLS with the data
/// connection (pyftpdlib). Some forget REST at any command behind it. A refused PROT is reported at
/// the transfer. Returns the error if the backend is lost.
loop::Task<std::optional<base::Error>> DataCommands::prepare_backend() {
    auto& leg = context_.leg();
    auto refusal =
        co_await leg.protect_data(leg.shall_protect_data(context_.dialog.protects_data()));
    if (refusal && refusal->control_is_lost) co_return std::move(refusal->error);
    auto learnt = co_await leg.learn_noop();
    if (!learnt) co_return std::move(learnt.error());
    co_return std::nullopt;
}

// Passive

/// The address that the reply to PASV or EPSV names, or the refusal.
std::expected<base::Ip, ftp::Reply> DataCommands::announced_for(const ftp::Command& command) const {
    const auto refused = [](std::uint16_t code, std::string_view text) {
        return std::unexpected(ftp::make_reply(code, text));
    };
    const auto local = context_.reached_address().ip;
    if (command.verb == "EPSV") {
        const auto request = ftp::parse_epsv_argument(command.argument);
        if (!request && request.error() == ftp::HostPortError::syntax)
            return refused(501, "EPSV takes nothing, a protocol number or ALL.");
        if (!request || (request->family && *request->family != local.family()))
            return refused(
                522, fmt::format("Network protocol not supported, use ({}).", protocols_of(local)));
        return local;
    }
    const auto announced =
        announced_address(context_.settings.public_address, context_.client.peer().ip, local,
                          context_.surroundings.public_names);
    // The port is open on the address that the client connected to, so IPv6 has no IPv4 port.
    if (!local.is_v4() || (announced && !announced->is_v4()))
        return refused(425, "Can't open data connection: PASV is for IPv4 only, use EPSV.");
    if (!announced)
        return refused(
            425, "Can't open data connection: the public address is not known yet, use EPSV.");
    return *announced;
}

/// False: no port is free.
loop::Task<bool> DataCommands::lend_port() {
    const auto& settings = context_.settings;
    const auto& peer = settings.data_peer;
    auto lease = co_await context_.network().lend(
        {.range = settings.passive_ports,
         .local = context_.client.local().ip,
         .peers = {.address = context_.client.peer().ip,
                   .network = peer.network,
                   .anyone = peer.kind == config::DataPeer::Kind::any},
         .holder = lease_holder_,
         .binding = net::binding_of(settings.free_bind)});
    if (!lease) {
        const bool is_short = base::is_shortage(lease.error().code);
        context_.report_fault(is_short ? base::Blame::ballast : base::Blame::configuration,
                              "no passive port",
                              {{"reason", base::to_string(lease.error())},
                               {"key", settings.where.key + ".passive_ports"},
                               {"value", base::to_string(settings.passive_ports)},
                               {"cure", "make the range larger, or see who holds its ports"}});
        co_return false;
    }
    lease_holder_ = (*lease)->holder();
    context_.client_data.lease = std::move(*lease);
    context_.client_data.lease->attach(&context_.signal);
    co_return true;
}

void DataCommands::warn_of_private(const base::Ip& announced) const {
    if (!announced.is_private() || context_.client.peer().ip.is_private()) return;
    metrics::count(metrics::Counter::private_addresses_announced);
    // Warn once. Every such client gets the same address until the configuration changes.
    if (!context_.surroundings.notices.private_address.test_and_set())
        context_.report_fault(
            base::Blame::configuration,
            "PASV announces a private address to a public client, see public_address",
            {{"announced", base::to_string(announced)}});
}

loop::Task<> DataCommands::passive(ftp::Command command) {
    context_.forget_data();
    // The port may be lent again.
    if (co_await settle_former_passage(context_) == FormerWay::stays)
        co_return co_await refuse(command, 425, kernel_is_silent);
    if (context_.data_is_direct())
        co_return co_await direct_passive(context_, failover_, std::move(command));
    auto address = announced_for(command);
    if (!address) co_return co_await refuse(command, std::move(address.error()));
    const base::Ip announced = *address;
    std::optional<ftp::Reply> backends_own;
    if (context_.leg().follows_client()) {
        backends_own = co_await pass_on(command);
        if (!backends_own) co_return;
    }
    if (!co_await lend_port())
        co_return co_await refuse(
            command, 425, "Can't open data connection: no passive port is free, try again later.");
    if (!co_await lead_past()) co_return;
    // If the kernel answers late, it must not lead past a client that is relayed.
    if (co_await settle_former_passage(context_) == FormerWay::stays) {
        context_.forget_data();
        co_return co_await refuse(command, 425, kernel_is_silent);
    }
    const bool extended = command.verb == "EPSV";
    if (!extended) warn_of_private(announced);
    refresh_ticket(context_);
    const auto port = context_.client_data.lease->port();
    const std::uint16_t code = extended ? 229 : 227;
    auto text = extended ? ftp::format_epsv(port) : ftp::format_pasv({announced, port});
    // Servers also answer PASV with 229 and EPSV with 227. A client need not understand that.
    if (backends_own && backends_own->code == code)
        text = ftp::with_passive_address(backends_own->text, {announced, port}).value_or(text);
    co_await context_.answer({code, std::move(text)});
}

/// Lets the kernel lead the client's data connection to the backend, if it may. False: the client
/// has its reply, or the session has ended.
loop::Task<bool> DataCommands::lead_past() {
    if (!may_use_kernel(context_)) co_return true;
    auto& data = context_.client_data;
    for (int losses = 0;;) {
        data.relayed_because =
            why_relayed(path_facts(context_, failover_, login_, DataMode::passive, false));
        if (!data.relayed_because.empty()) co_return true;
        auto lost = co_await open_passive_passage(context_);
        if (!lost) co_return true;
        if (!co_await failover_.survive_command(std::move(*lost), losses)) co_return false;
    }
}

// Active

/// The client is behind a NAT and names its private address, which we cannot reach.
bool DataCommands::is_behind_nat(const base::Ip& named) const {
    const auto client = context_.client.peer().ip;
    return context_.settings.active_address == config::ActiveAddress::control &&
           named.family() == client.family() && named.is_private() && !client.is_private();
}

/// RFC 2577 3: naming a third party's address is an attack, unless it is allowed.
bool DataCommands::may_name(const base::Ip& address) const {
    const auto client = context_.client.peer().ip;
    // With direct data the backend would connect to its own services.
    const bool is_direct = context_.assignment.settings().data == config::DataPath::direct;
    if (is_direct && address.is_loopback() &&
        !context_.assignment.backend().address.ip.is_loopback())
        return false;
    if (address == client) return true;
    // A client is never on this machine, but the machine's own services are.
    if (address.is_any() || (address.is_loopback() && !client.is_loopback())) return false;
    const auto& peer = context_.settings.data_peer;
    return context_.settings.allow_fxp || (peer.network && peer.network->contains(address));
}

std::optional<ftp::Reply> DataCommands::refusal_of(const ftp::Command& command,
                                                   const base::Address& named) const {
    if (!may_name(named.ip))
        return ftp::make_reply(501, fmt::format("{} must name your own address, {}.", command.verb,
                                                base::to_string(context_.client.peer().ip)));
    if (named.port <= ftp::well_known_port_last)
        return ftp::make_reply(501, fmt::format("{} must name a port above {}.", command.verb,
                                                ftp::well_known_port_last));
    return std::nullopt;
}

loop::Task<> DataCommands::active(ftp::Command command) {
    context_.forget_data();
    auto wanted = command.verb == "PORT" ? ftp::parse_port(command.argument)
                                         : ftp::parse_eprt(command.argument);
    if (!wanted && wanted.error() == ftp::HostPortError::family)
        co_return co_await refuse(command, 522, "Network protocol not supported, use (1,2).");
    if (!wanted)
        co_return co_await refuse(command, 501, fmt::format("{} names no address.", command.verb));
    const auto client = context_.client.peer().ip;
    // lftp 4.9.2 on ::1 sends "EPRT |2|::|port|", without its own address.
    const bool is_unnamed = wanted->ip == base::Ip::any(client.family());
    // PORT and EPRT cannot name the interface of a link-local address.
    const bool is_own =
        wanted->ip.family() == client.family() && wanted->ip.bytes() == client.bytes();
    if (is_unnamed || is_own || is_behind_nat(wanted->ip)) wanted->ip = client;
    if (auto refusal = refusal_of(command, *wanted))
        co_return co_await refuse(command, std::move(*refusal));
    if (context_.data_is_direct())
        co_return co_await direct_active(context_, failover_, std::move(command.verb), *wanted);
    std::optional<ftp::Reply> backends_own;
    if (context_.leg().follows_client()) {
        backends_own = co_await pass_on(command);
        if (!backends_own) co_return;
    }
    context_.client_data.active = *wanted;
    refresh_ticket(context_);
    if (backends_own) co_return co_await context_.answer(std::move(*backends_own));
    co_await context_.answer(200, fmt::format("{} command successful.", command.verb));
}

// REST

/// Sends REST to the backend: with this offset, or as the client wrote it. Empty: the session has
/// ended, or the client has its reply.
loop::Task<std::optional<ftp::Reply>> DataCommands::say_restart(
    const ftp::Command& command, std::optional<std::uint64_t> offset) {
    for (int losses = 0;;) {
        auto& leg = context_.leg();
        auto reply = offset ? co_await leg.restart_at(*offset) : co_await leg.command(command.line);
        auto lost = failover_.loss_at(command, reply);
        if (!lost) co_return std::move(*reply);
        if (!co_await failover_.survive_command(std::move(*lost), losses)) co_return std::nullopt;
    }
}

loop::Task<> DataCommands::restart(ftp::Command command) {
    if (context_.leg().follows_client() || context_.data_is_direct())
        co_return co_await pass_restart_on(std::move(command));
    // RFC 3659 5.3.
    const auto offset = base::parse_number<std::uint64_t>(base::trimmed(command.argument));
    if (!offset) co_return co_await context_.answer(501, "REST takes a number of bytes.");
    if (!context_.leg().known().accepts_rest()) {
        auto reply = co_await say_restart(command, offset);
        if (!reply) co_return;
        context_.heed_farewell(*reply);
        if (reply->code != 350) co_return co_await context_.answer(std::move(*reply));
        context_.leg().known().set_accepts_rest();
    }
    context_.restart.set(*offset);
    co_await context_.answer(350, fmt::format("Restarting at {}. Send STOR or RETR.", *offset));
}

/// With `as-client` and direct data the backend keeps the offset. With `as-client` only the
/// transfer may follow.
loop::Task<> DataCommands::pass_restart_on(ftp::Command command) {
    auto reply = co_await say_restart(command, std::nullopt);
    if (!reply) co_return;
    context_.journal.note(command, *reply);
    if (reply->code == 350) {
        context_.leg().note_restart();
        context_.restart.note_said();
    }
    context_.heed_farewell(*reply);
    co_await context_.answer(std::move(*reply));
}

// Transfers

loop::Task<> DataCommands::transfer(ftp::Command command, bool tentative) {
    // A command that may not start a transfer does not count as one yet.
    std::expected<guard::Ledger::Held, guard::Limit> place;
    const auto restart = context_.restart.take(command, tentative, context_.leg());
    if (!tentative) place = context_.ledger().begin_transfer();
    if (!place) {
        context_.reached(place.error());
        context_.forget_data();
        co_return co_await refuse(command, 425, refusal_text(place.error()));
    }
    const ftp::Verb* const verb = ftp::find_verb(command.verb);
    const auto direction = tentative ? ftp::Direction::unknown : ftp::direction_of(verb->data);
    const auto file = file_of(command, direction);
    context_.set_phase(Phase::in_transfer);
    if (direction != ftp::Direction::download) failover_.known_files() = {};
    if (!tentative) tell_beginning(command, file);
    if (context_.data_is_direct())
        co_return co_await transfer_directly(command, file, direction, restart);
    switch (co_await find_path(command, direction)) {
        case Path::none: co_return;
        case Path::kernel: co_return co_await transfer_directly(command, file, direction, restart);
        case Path::relay: co_return co_await relay(command, file, direction, restart);
    }
}

/// A passive way was opened when the client asked for its port, an active one is opened now.
loop::Task<DataCommands::Path> DataCommands::find_path(const ftp::Command& command,
                                                       ftp::Direction direction) {
    auto& data = context_.client_data;
    const bool is_upload = direction == ftp::Direction::upload;
    if (data.passage) {
        // PROT, the limits and the machine may have changed since.
        auto why =
            why_relayed(path_facts(context_, failover_, login_, DataMode::passive, is_upload));
        if (why.empty() && data.lease->has_arrived()) why = came_here;
        if (why.empty()) co_return Path::kernel;
        data.relayed_because = why;
        data.is_at_backend = false;
        data.take_passage_back();
    }
    if (!co_await kernel_leads_nobody(command)) co_return Path::none;
    if (!may_use_kernel(context_) || !data.active || direction == ftp::Direction::unknown)
        co_return Path::relay;
    data.relayed_because =
        why_relayed(path_facts(context_, failover_, login_, DataMode::active, is_upload));
    if (data.relayed_because.empty()) co_await open_active_passage(context_);
    co_return data.passage ? Path::kernel : Path::relay;
}

/// A way that was taken back must not lead the data past the relay. False: the transfer was
/// refused.
loop::Task<bool> DataCommands::kernel_leads_nobody(const ftp::Command& command) {
    const auto former = co_await settle_former_passage(context_);
    if (former == FormerWay::gone) co_return true;
    context_.forget_data();
    co_await refuse(command, 425,
                    former == FormerWay::stays
                        ? kernel_is_silent
                        : "Can't open data connection: PROT, a limit or the server has changed, "
                          "say PASV or EPSV again.");
    co_return false;
}

/// Moves the data from one side to the other. `heard_at`: the backend has the command already, and
/// waits for its data connection there.
loop::Task<> DataCommands::relay(const ftp::Command& command, const std::string& file,
                                 ftp::Direction direction, std::optional<std::uint64_t> restart,
                                 std::optional<base::Address> heard_at) {
    TransferBackends backends(context_, login_, failover_, direction, command.verb, file);
    const ClientDataTls client_tls{context_.surroundings.tls.get(), &context_.bond};
    auto traffic = backends.traffic();
    Transfer transfer(
        {context_.network(), context_.signal, context_.client, context_.leg(), context_.client_data,
         context_.settings, context_.dialog.protects_data() ? &client_tls : nullptr,
         std::move(traffic.bytes), std::move(traffic.throttle), context_.surroundings.porter,
         &context_.story, move_terms(command, direction),
         failover_.is_wanted() ? &backends : nullptr, heard_at},
        command.line, direction, restart);
    const Running running{transfer, command.verb, file};
    std::optional<Shown> shown(std::in_place, running_, running);
    const auto because = context_.client_data.relayed_because;
    TransferOutcome outcome = co_await transfer.run();
    outcome.course.relayed_because = because;
    shown.reset();
    backends.end_count();
    conclude(command, file, backends.names(), outcome);
    co_await go_on_after(outcome, transfer.backend());
}

/// Only the replies pass through Ballast, with `data = "direct"` or through the kernel.
loop::Task<> DataCommands::transfer_directly(const ftp::Command& command, const std::string& file,
                                             ftp::Direction direction,
                                             std::optional<std::uint64_t> restart) {
    std::optional<TransferCount> count(std::in_place, context_.assignment.seat(),
                                       context_.surroundings);
    DirectTransfer transfer(context_, command.line, direction, restart, failover_.is_wanted(),
                            count->bytes(counted_as(direction)));
    const Running running{transfer, command.verb, file};
    std::optional<Shown> shown(std::in_place, running_, running);
    const TransferOutcome outcome = co_await transfer.run();
    shown.reset();
    count.reset();
    if (const auto heard_at = transfer.goes_on_at()) {
        auto& data = context_.client_data;
        data.passage.reset();
        data.is_at_backend = false;
        data.relayed_because = came_here;
        co_return co_await relay(command, file, direction, restart, heard_at);
    }
    conclude(command, file, context_.backend_name(), outcome);
    co_await go_on_after(outcome, transfer.backend());
}

void DataCommands::conclude(const ftp::Command& command, const std::string& file,
                            std::string_view backends, const TransferOutcome& outcome) {
    const bool tentative = outcome.direction == ftp::Direction::unknown;
    if (tentative && outcome.reach == TransferReach::begun) context_.restart.spend();
    context_.journal.note_transfer(command, outcome.result == TransferResult::refused);
    record(command, file, backends, outcome);
}

/// `former` is the leg that the transfer was on last.
loop::Task<> DataCommands::go_on_after(const TransferOutcome& outcome, const backend::Leg* former) {
    switch (outcome.after) {
        case AfterTransfer::session_goes_on: co_return;
        case AfterTransfer::client_lost:
            co_return context_.end_because("the client was lost in a transfer");
        case AfterTransfer::service_over:
            co_return context_.end_because("the backend ended it with 421 after a transfer");
        case AfterTransfer::backend_lost: break;
    }
    // The session may have found another backend that did not suit the transfer.
    if (context_.assignment && context_.assignment.leg() != former) co_return;
    (void)co_await failover_.survive_transfer({base::Fault::backend, {}, outcome.reason});
}

/// Lengths and offsets mean nothing in other modes than STREAM and in other structures than FILE.
MoveTerms DataCommands::move_terms(const ftp::Command& command, ftp::Direction direction) {
    MoveTerms terms;
    if (!failover_.is_wanted()) return terms;
    const auto& settings = context_.assignment.settings();
    const auto& leg = context_.leg();
    const auto data = ftp::data_of(command.verb);
    const bool is_possible = data == ftp::Data::download || data == ftp::Data::listing;
    terms.is_allowed = failover_.moves_transfers() && direction == ftp::Direction::download &&
                       is_possible && context_.journal.is_plain_stream() &&
                       !(leg.follows_client() && leg.is_restart_armed()) &&
                       failover_.obstacle().empty();
    terms.timeout = settings.failover_timeout;
    terms.sample_bytes = settings.failover_samples;
    terms.trusts = settings.failover_trust;
    terms.is_binary = context_.journal.is_binary();
    terms.is_file = data == ftp::Data::download;
    if (!terms.is_file) return terms;
    terms.path = command.argument;
    terms.facts =
        failover_.known_files().find(context_.journal.path_of(terms.path), context_.now());
    return terms;
}

std::string DataCommands::file_of(const ftp::Command& command, ftp::Direction direction) const {
    if (direction == ftp::Direction::none || command.argument.empty()) return {};
    return context_.journal.path_of(command.argument);
}

void DataCommands::record(const ftp::Command& command, const std::string& file,
                          std::string_view backends, const TransferOutcome& outcome) {
    const auto backends_user = context_.user_at_backend();
    log_transfer({context_.id, context_.identity.user, backends_user, context_.client.peer(),
                  backends, command.verb, file, context_.journal.is_binary(), outcome});
    count_transfer(outcome, context_.assignment.seat());
    report(command, file, outcome);
    tell(command, file, outcome);
}

/// What began as a transfer and was none is a command like others.
void DataCommands::tell(const ftp::Command& command, const std::string& file,
                        const TransferOutcome& outcome) {
    if (outcome.result == TransferResult::not_a_transfer) return;
    context_.command_is_told = true;
    const auto& course = outcome.course;
    const auto mode = [](bool is_active) -> std::string_view {
        return is_active ? "active" : "passive";
    };
    context_.story.note(context_.now(), Fact::transfer,
                        {context_.current_command,
                         file,
                         to_string(outcome.direction),
                         to_string(outcome.result),
                         outcome.reason,
                         outcome.bytes,
                         outcome.time,
                         course.restart,
                         context_.client.reply_code(),
                         mode(course.client_is_active),
                         course.client_is_protected,
                         course.client_connected,
                         mode(course.backend_is_active),
                         course.backend_is_protected,
                         course.backend_connected,
                         course.first_byte,
                         course.pauses,
                         course.paused,
                         course.held,
                         path_in_words(course)});
    if (!events::is_wanted(events::Kind::transfer_ended)) return;
    const std::chrono::duration<double> seconds = outcome.time;
    events::publish(events::Kind::transfer_ended,
                    {{"session", context_.id},
                     {"listener", context_.settings.name},
                     {"client", base::to_string(context_.client.peer())},
                     {"user", context_.identity.user},
                     {"pool", context_.pool_name()},
                     {"backend", context_.backend_name()},
                     {"verb", command.verb},
                     {"file", file},
                     {"bytes", outcome.bytes},
                     {"seconds", seconds.count()},
                     {"result", to_string(outcome.result)},
                     {"reason", outcome.reason}});
}

void DataCommands::tell_beginning(const ftp::Command& command, const std::string& file) {
    if (!events::is_wanted(events::Kind::transfer_began)) return;
    events::publish(events::Kind::transfer_began,
                    {{"session", context_.id},
                     {"listener", context_.settings.name},
                     {"client", base::to_string(context_.client.peer())},
                     {"user", context_.identity.user},
                     {"pool", context_.pool_name()},
                     {"backend", context_.backend_name()},
                     {"verb", command.verb},
                     {"file", file}});
}

/// Each transfer that began gets one line, without a bound, because this is a log of transfers. One
/// that never began costs the client nothing, so its line is bounded like all others.
void DataCommands::report(const ftp::Command& command, const std::string& file,
                          const TransferOutcome& outcome) {
    if (outcome.result == TransferResult::not_a_transfer) return;
    ++context_.totals.transfers;
    context_.totals.bytes += outcome.bytes;
    const bool is_notable = outcome.result == TransferResult::failed || is_about_tls(outcome.cause);
    const std::chrono::duration<double> seconds = outcome.time;
    const auto repeats =
        outcome.reach == TransferReach::begun ? Context::Repeats::all : Context::Repeats::bounded;
    const std::initializer_list<log::Field> fields = {{"verb", command.verb},
                                                      {"file", file},
                                                      {"bytes", outcome.bytes},
                                                      {"seconds", seconds.count()},
                                                      {"result", to_string(outcome.result)},
                                                      {"reason", outcome.reason}};
    // Whose fault a reply of the backend is, only its text can say.
    const bool is_at_fault =
        outcome.result == TransferResult::refused && outcome.cause != TransferReason::refused;
    if (is_notable || is_at_fault)
        context_.report_fault(outcome.fault, "transfer ended", fields, repeats,
                              is_notable ? log::Level::warning : log::Level::info);
    else
        context_.report(log::Level::info, "transfer ended", fields, repeats);
}

}  // namespace ballast::session
