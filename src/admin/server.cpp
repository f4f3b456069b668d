// SPDX-License-Identifier: Apache-2.0
#include "admin/server.h"

#include "base/log.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <unistd.h>
#include <utility>

namespace ballast::admin {

namespace {

constexpr std::size_t tcp_connections_max = 64;
/// Longer than at the Unix socket: a handshake over the internet takes a few round trips.
constexpr auto tcp_crowded_patience = std::chrono::seconds(1);

}  // namespace

std::expected<OperatorSocket, config::Problem> open_socket(const config::Config& config,
                                                           bool replaces) {
    const auto& settings = config.admin;
    if (settings.socket == config::Admin::no_socket)
        return OperatorSocket{{}, "admin.socket is \"none\""};
    const bool is_default = settings.socket.empty();
    auto file =
        SocketFile::open(is_default ? std::string(config::Admin::default_socket) : settings.socket,
                         settings.group, replaces);
    if (file) return OperatorSocket{std::move(*file), {}};
    auto& [what, fix] = file.error();
    if (is_default) return OperatorSocket{{}, std::move(what)};
    return std::unexpected(
        config::Problem{config.places.of("admin.socket"), std::move(what), std::move(fix)});
}

Server::Server(loop::WorkerLoop& loop, OperatorSocket socket, Actions actions,
               std::string state_file, Patience patience)
    : loop_(loop),
      api_(loop, std::move(actions), std::move(state_file)),
      file_(std::move(socket.file)),
      socket_(loop, answerer(), {.way = Way::socket, .patience = patience}, access_) {
    if (!file_) {
        log::info("no socket for operators", {{"reason", socket.why_not}});
        return;
    }
    if (open(socket_, *file_)) api_.set_socket(file_->path());
}

bool Server::open(Entrance& entrance, SocketFile& file) {
    auto native = file.take();
    auto opened = loop::Descriptor::open(loop_, native.get());
    if (!opened) {
        log::error("no socket for operators", {{"reason", base::to_string(opened.error())}});
        return false;
    }
    (void)native.release();
    entrance.open(std::move(*opened));
    log::info("listening for operators", {{"socket", file.path()}});
    return true;
}

Answerer Server::answerer() {
    return [this](Request request) { return api_.answer(std::move(request)); };
}

void Server::use(Access access) {
    access_ = std::make_shared<const Access>(std::move(access));
    for (const auto& door : doors_) door.entrance->use(access_);
}

Entrance* Server::find(const base::Address& address) {
    const auto found = std::ranges::find(doors_, address, &Door::address);
    return found == doors_.end() ? nullptr : found->entrance.get();
}

base::Result<> Server::open(const base::Address& address, base::OwnedFd listening) {
    auto opened = loop::Descriptor::open(loop_, listening.get());
    if (!opened) return std::unexpected(opened.error());
    (void)listening.release();
    auto* entrance = find(address);
    if (entrance == nullptr) {
        const Entrance::Settings settings{
            .way = address.ip.is_loopback() ? Way::loopback : Way::network,
            .connections_max = tcp_connections_max,
            .patience = {.crowded = tcp_crowded_patience}};
        doors_.push_back(
            {address, std::make_unique<Entrance>(loop_, answerer(), settings, access_)});
        entrance = doors_.back().entrance.get();
    }
    entrance->open(std::move(*opened));
    return {};
}

void Server::close(const base::Address& address) {
    if (auto* const entrance = find(address)) entrance->close();
}

void Server::see_off(const std::string& group) {
    socket_.see_off();
    for (const auto& door : doors_) door.entrance->see_off();
    if (!file_) return;
    auto own = SocketFile::open(socket_of_replaced(file_->path(), ::getpid()), group);
    if (!own) return log::info("no socket for operators", {{"reason", own.error().what}});
    own_file_.emplace(std::move(*own));
    own_socket_.emplace(loop_, answerer(), Entrance::Settings(), access_);
    if (open(*own_socket_, *own_file_)) api_.set_socket(own_file_->path());
}

}  // namespace ballast::admin
