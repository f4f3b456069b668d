// SPDX-License-Identifier: Apache-2.0
#include "daemon/upgrade.h"

#include "base/log.h"
#include "events/bus.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <unistd.h>
#include <utility>

namespace ballast::daemon {

namespace {

base::Error failure(const std::string& why) { return {base::Fault::internal, {}, why}; }

}  // namespace

void Upgrade::begin(const Program& program, const std::vector<net::DataTaker*>& takers,
                    const std::vector<std::string>& knowledge,
                    std::move_only_function<void()> handing,
                    std::move_only_function<void()> replaced, Done done) {
    if (is_replaced_) return done(std::unexpected(failure("this process has been replaced")));
    // Its end would end all processes of the container.
    if (::getpid() == 1)
        return done(std::unexpected(
            failure("this is the first process of a container, which ends with it: start a new "
                    "container instead")));
    if (successor_) return done(std::unexpected(failure("an upgrade is running")));
    handing_ = std::move(handing);
    replaced_ = std::move(replaced);
    done_ = std::move(done);
    log::write_each(log::Level::info, "upgrading", {{"program", program.path}});
    successor_ = std::make_unique<Successor>(
        own_.control, own_.ports, takers,
        Successor::Events{.ready = [this] { release_ports(); },
                          .serving = [this] { this->replaced(); },
                          .failed = [this](const std::string& reason) { failed(reason); },
                          .gone =
                              [this] {
                                  own_.network.listen_again();
                                  log::write_each(
                                      log::Level::error,
                                      "the process that replaced this one has ended: no new "
                                      "clients are served, start Ballast again");
                              },
                          .told = told_});
    ++attempt_;
    std::vector<Successor::Message> hello;
    for (auto& each : own_.doors.copies())
        hello.push_back({words_of(each), std::move(each.socket)});
    for (const auto& each : knowledge) hello.push_back({each, {}});
    hello.push_back({std::string(last_word_of_inheritance), {}});
    if (auto started = successor_->start(program.path, program.arguments, std::move(hello));
        !started) {
        successor_.reset();
        failed(base::to_string(started.error()));
    }
}

/// From here on clients wait, for the moment that the other process needs.
void Upgrade::release_ports() {
    if (successor_->has_ended()) return;
    handing_();
    own_.doors.pause();
    own_.ports.lend_elsewhere(successor_->ports());
    to_release_ = own_.workers.size() + 1;
    for (const auto& worker : own_.workers)
        worker->release_ports(
            [this, attempt = attempt_](std::vector<net::SocketNetwork::ReleasedPort> ports) {
                own_.control.post([this, attempt, ports = std::move(ports)]() mutable {
                    released(attempt, std::move(ports));
                });
            });
    released(attempt_, own_.network.release_ports());
}

void Upgrade::released(std::uint64_t attempt, std::vector<net::SocketNetwork::ReleasedPort> ports) {
    if (attempt != attempt_ || !successor_ || successor_->has_ended())
        return give_back(std::move(ports));
    std::ranges::move(ports, std::back_inserter(released_));
    if (--to_release_ > 0) return;
    std::vector<Successor::Message> messages;
    for (auto& port : std::exchange(released_, {}))
        messages.push_back(
            {fmt::format("port {} {}", base::to_string(port.key.local), port.key.port),
             std::move(port.listening)});
    successor_->hand_over(std::move(messages));
}

/// The upgrade has failed: this process accepts there again.
void Upgrade::give_back(std::vector<net::SocketNetwork::ReleasedPort> ports) {
    for (std::size_t i = 0; i < ports.size(); ++i)
        own_.workers[i % own_.workers.size()]->adopt_port(ports[i].key,
                                                          std::move(ports[i].listening));
}

void Upgrade::cancel() {
    if (!is_running()) return;
    ++attempt_;
    successor_.reset();
    done_(std::unexpected(failure("Ballast is stopping")));
}

void Upgrade::replaced() {
    is_replaced_ = true;
    own_.doors.leave();
    log::write_each(log::Level::info, "replaced by another process, sessions that are here go on",
                    {{"pid", std::int64_t{successor_->pid()}}});
    replaced_();
    done_(successor_->pid());
}

void Upgrade::failed(const std::string& reason) {
    log::write_each(log::Level::warning, "the upgrade failed, this process goes on",
                    {{"reason", reason}});
    events::publish(events::Kind::upgrade_failed, {{"reason", reason}});
    ++attempt_;
    give_back(std::exchange(released_, {}));
    own_.doors.resume();
    own_.network.listen_again();
    // It calls this.
    own_.control.post([this] { successor_.reset(); });
    done_(std::unexpected(failure(reason)));
}

void Upgrade::tell(std::string message) {
    if (successor_) successor_->tell(std::move(message));
}

}  // namespace ballast::daemon
