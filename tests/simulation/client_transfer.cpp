// SPDX-License-Identifier: Apache-2.0
#include "simulation/client_transfer.h"

#include "ftp/host_port.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <utility>

namespace ballast::simulation {

namespace {

using namespace std::chrono_literals;
using support::DataPeer;

/// Ports that one client uses, two for each transfer.
constexpr std::uint16_t ports_of_a_client = 100;

}  // namespace

ClientTransfer::ClientTransfer(Scene& scene, Control& control, Chance& chance, Owner owner,
                               std::size_t number)
    : scene_(scene),
      control_(control),
      chance_(chance),
      client_(std::move(owner.name)),
      from_(owner.address),
      tls_(std::move(owner.tls)),
      port_(static_cast<std::uint16_t>(from_.port + 1 + 2 * number % ports_of_a_client)),
      kind_(
          chance.pick({Kind::listing, Kind::download, Kind::download, Kind::upload, Kind::upload})),
      mishap_(draw_mishap()),
      name_(fmt::format("{}{}{}", client_, kind_ == Kind::upload ? 'u' : 'f', number)) {}

ClientTransfer::Mishap ClientTransfer::draw_mishap() {
    if (chance_.percent(55)) return Mishap::none;
    return chance_.pick({Mishap::abort, Mishap::abort, Mishap::status, Mishap::quits,
                         Mishap::never_connects, Mishap::breaks_data, Mishap::killed, Mishap::lost,
                         Mishap::half_closed});
}

bool ClientTransfer::is_gone() const {
    return mishap_ == Mishap::killed || mishap_ == Mishap::lost || mishap_ == Mishap::half_closed;
}

loop::Task<> ClientTransfer::run() {
    if (!co_await open_data()) co_return;
    server_ = scene_.servers.find(scene_.balancer.backend_of(from_));
    if (server_ == nullptr) co_return;  // the session is about to end
    if (!co_await restart()) co_return;
    control_.send(command());
    is_sent_ = true;
    co_await move();
    if (is_gone()) {
        // Whatever is still on its way arrives.
        co_await control_.rest(2s);
    } else if (mishap_ == Mishap::abort || mishap_ == Mishap::status) {
        co_await hear_all();
    } else {
        co_await hear_end();
    }
    judge();
    write_down();
}

// The data connection

loop::Task<bool> ClientTransfer::open_data() {
    const auto verb = chance_.pick<std::string>({"PASV", "EPSV", "PORT", "EPRT"});
    if (verb == "PASV" || verb == "EPSV") co_return co_await open_passive(verb);
    co_return co_await open_active(verb);
}

loop::Task<bool> ClientTransfer::open_passive(std::string verb) {
    control_.send(verb);
    const auto answer = co_await control_.reply();
    if (!answer || answer->kind() != 2) co_return false;
    const auto told = ftp::parse_passive_reply(answer->text);
    if (!told) {
        ADD_FAILURE() << client_ << " got no port: " << answer->text;
        co_return false;
    }
    passive_ = told->port;
    if (mishap_ == Mishap::never_connects) co_return true;
    // Some clients connect at once, others behind the command.
    co_return chance_.percent(30) || connect();
}

bool ClientTransfer::connect() {
    const auto port = std::exchange(passive_, std::uint16_t{0});
    auto stream = scene_.network.connect({from_.ip, port_}, {scene_.balancer.address().ip, port});
    if (!stream) {
        ADD_FAILURE() << client_ << " is refused at a port that it was told";
        return false;
    }
    data_ = std::make_unique<DataPeer>(scene_.loop);
    if (tls_) data_->begin_tls(tls_);
    data_->take(std::move(stream));
    return true;
}

loop::Task<bool> ClientTransfer::open_active(std::string verb) {
    const base::Address own{from_.ip, port_};
    data_ = std::make_unique<DataPeer>(scene_.loop);
    if (tls_) data_->begin_tls(tls_);
    if (mishap_ != Mishap::never_connects) {
        scene_.network.listen(own, [peer = data_.get()](std::unique_ptr<net::Stream> stream) {
            peer->take(std::move(stream));
        });
        data_->at_end = [&network = scene_.network, own] { network.close(own); };
    }
    const auto code =
        co_await control_.ask(verb == "PORT" ? ftp::format_port(own) : ftp::format_eprt(own));
    co_return code == 200;
}

// The command

loop::Task<bool> ClientTransfer::restart() {
    if (kind_ != Kind::download || !chance_.percent(20)) co_return true;
    const auto offset = chance_.below(500);
    const auto code = co_await control_.ask(fmt::format("REST {}", offset));
    if (code == 350) offset_ = offset;
    co_return code != 0 && code != 421;
}

std::string ClientTransfer::command() {
    const auto bytes = chance_.below(chance_.percent(90) ? scene_.bytes_max / 8 : scene_.bytes_max);
    auto& backend = *server_->backend;
    if (kind_ == Kind::listing) {
        expected_ = backend.listing;
        return chance_.percent(50) ? "LIST" : "NLST";
    }
    if (kind_ == Kind::upload) {
        expected_ = content_of(name_, 1 + bytes);
        scene_.book.uploads[name_].content = expected_;
        return "STOR " + name_;
    }
    auto content = content_of(server_->name + ':' + name_, bytes);
    expected_ = content.substr(std::min<std::size_t>(offset_, content.size()));
    if (scene_.servers.are_alike()) give_others(content);
    if (chance_.percent(95)) backend.files[name_] = std::move(content);
    return "RETR " + name_;
}

/// The other servers of the pool have the same file, or one that must never be mixed with it.
void ClientTransfer::give_others(const std::string& content) {
    auto different = content;
    const bool differs = chance_.percent(20) && !content.empty();
    if (differs && chance_.percent(50))
        different = content_of("other:" + name_, content.size() + 1);
    // The first byte is always compared.
    if (differs) different.front() = '#';
    if (differs) other_ = different.substr(std::min<std::size_t>(offset_, different.size()));
    for (auto& each : scene_.servers.all())
        if (each.pool == server_->pool && each.backend != server_->backend && chance_.percent(90))
            each.backend->files[name_] = different;
}

// The data

loop::Task<> ClientTransfer::move() {
    if (data_ && chance_.percent(40)) data_->stop_reading();
    if (passive_ != 0 && mishap_ != Mishap::never_connects) {
        co_await control_.rest(chance_.moment(0ms, 2s));
        if (!connect()) co_return;
    }
    const auto half = expected_.size() / 2;
    if (data_ && kind_ == Kind::upload) data_->send(expected_.substr(0, half));
    if (chance_.percent(70)) co_await control_.rest(chance_.moment(0ms, 100ms));
    co_await happen();
    if (is_gone() || !data_) co_return;
    if (chance_.percent(70)) co_await control_.rest(chance_.moment(0ms, 100ms));
    if (chance_.percent(5)) co_await control_.rest(chance_.moment(1s, 15s));
    if (mishap_ == Mishap::breaks_data) co_return;
    data_->resume_reading();
    if (kind_ != Kind::upload || mishap_ == Mishap::abort) co_return;
    data_->send(expected_.substr(half));
    data_->finish();
    has_ended_data_ = true;
    scene_.book.uploads[name_].is_ended = true;
}

loop::Task<> ClientTransfer::happen() {
    switch (mishap_) {
        case Mishap::none:
        case Mishap::never_connects: co_return;
        case Mishap::abort: control_.send("ABOR"); co_return control_.send("PWD");
        case Mishap::status: control_.send("STAT"); co_return control_.send("PWD");
        case Mishap::quits: co_return control_.send("QUIT");
        case Mishap::breaks_data: co_return data_->reset();
        case Mishap::lost: co_return control_.reset();
        case Mishap::half_closed:
            control_.half_close();
            co_await control_.rest(chance_.moment(0ms, 5s));
            data_->vanish();
            co_return control_.vanish();
        case Mishap::killed: {
            const auto apart = chance_.moment(0ms, 15ms);
            const bool data_first = chance_.percent(50);
            data_first ? data_->vanish() : control_.vanish();
            co_await control_.rest(apart);
            data_first ? control_.vanish() : data_->vanish();
        }
    }
}

// The replies

void ClientTransfer::note_confirmed() {
    if (*final_ / 100 != 2 || !data_ || mishap_ == Mishap::breaks_data) return;
    if (kind_ != Kind::upload)
        EXPECT_TRUE(data_->has_end_arrived()) << name_ << ": confirmed before its end";
    else
        EXPECT_TRUE(is_stored_whole()) << name_ << ": confirmed, but it is not there";
}

/// Exactly one final reply.
loop::Task<> ClientTransfer::hear_end() {
    for (;;) {
        const auto reply = co_await control_.reply();
        if (!reply) break;
        if (reply->is_preliminary()) continue;
        final_ = reply->code;
        note_confirmed();
        break;
    }
    co_await control_.rest(1s);
    if (mishap_ != Mishap::quits || !control_.is_open()) co_return;
    const auto goodbye = co_await control_.reply();
    if (goodbye) EXPECT_TRUE(goodbye->code == 221 || goodbye->code == 421) << goodbye->text;
}

/// Everything before the answer to PWD.
loop::Task<> ClientTransfer::hear_all() {
    std::size_t finals = 0;
    for (;;) {
        const auto reply = co_await control_.reply();
        if (!reply || reply->code == 421) co_return co_await control_.rest(1s);
        if (reply->code == 257) break;
        EXPECT_NE(reply->code, 200) << name_ << ": it was not the client who said NOOP";
        if (!reply->is_preliminary()) ++finals;
    }
    if (mishap_ == Mishap::status)
        EXPECT_EQ(finals, 2) << name_ << ": one for the transfer, one for STAT";
    else
        EXPECT_TRUE(finals >= 1 && finals <= 3) << name_ << ": " << finals;
    co_await control_.rest(1s);
}

// What the balancer must not do

void ClientTransfer::judge() {
    if (kind_ == Kind::upload) return judge_upload();
    if (data_) judge_download();
}

void ClientTransfer::judge_download() {
    const auto& received = data_->received();
    // If no byte had come from the first server, another one's file is as good.
    if (!other_.empty() && other_.starts_with(received) && !expected_.starts_with(received))
        expected_ = other_;
    EXPECT_TRUE(expected_.starts_with(received))
        << name_ << ": bytes of something else: " << received.substr(0, 100);
    if (is_gone() || mishap_ == Mishap::breaks_data) return;
    const bool is_proper = data_->end() == DataPeer::End::proper;
    const bool is_confirmed = final_ && *final_ / 100 == 2;
    // A listing or empty data may end properly before a refusal.
    if (!is_confirmed && (kind_ == Kind::listing || received.empty())) return;
    scene_.trace.note(client_, fmt::format("{} {} of {} bytes, {}", name_, received.size(),
                                           expected_.size(), is_proper ? "ended" : "broken"));
    if (is_proper)
        EXPECT_EQ(received.size(), expected_.size()) << name_ << ": cut, but looks whole";
    if (final_)
        EXPECT_EQ(is_confirmed, is_proper) << name_ << ": " << *final_ << " and another end";
}

void ClientTransfer::judge_upload() {
    const bool is_whole = is_stored_whole();
    scene_.trace.note(client_, fmt::format("{} {}", name_, is_whole ? "stored" : "not stored"));
    if (!has_ended_data_) EXPECT_FALSE(is_whole) << name_ << ": a cut upload was stored as whole";
    const bool is_confirmed = final_ && *final_ / 100 == 2;
    if (!is_confirmed) return;
    EXPECT_TRUE(is_whole) << name_ << ": confirmed, but it is not there";
    scene_.book.uploads[name_].is_confirmed = true;
}

bool ClientTransfer::is_stored_whole() const {
    const auto has_it = [&](const auto& stored) { return stored.name == name_ && stored.is_whole; };
    return std::ranges::any_of(scene_.servers.all(), [&](const auto& each) {
        const bool counts = each.backend == server_->backend ||
                            (scene_.servers.are_alike() && each.pool == server_->pool);
        return counts && std::ranges::any_of(each.backend->stored, has_it);
    });
}

void ClientTransfer::write_down() {
    auto& book = scene_.book;
    const bool is_confirmed = final_ && *final_ / 100 == 2;
    const bool is_sure = final_ && *final_ != 421 && *final_ != 425;
    ++(is_sure ? book.transfers.known : book.transfers.unsure);
    if (is_confirmed)
        ++book.whole.known;
    else if (!final_)
        ++book.whole.unsure;
    auto& bytes = kind_ == Kind::upload ? book.bytes_uploaded : book.bytes_downloaded;
    (is_confirmed ? bytes.known : bytes.unsure) += expected_.size();
}

}  // namespace ballast::simulation
