// SPDX-License-Identifier: Apache-2.0
#include "daemon/upgrade.h"

#include "base/log.h"

#include <fmt/format.h>
#include <system_error>
#include <utility>

namespace ballast::daemon {

namespace {

base::Error not_now(const std::string& why) {
    return {base::Fault::internal, std::make_error_code(std::errc::operation_in_progress), why};
}

}  // namespace

void Upgrade::begin(const Program& program, const std::vector<net::DataTaker*>& takers,
                    const std::vector<Inheritance::Decision>& decisions,
                    std::move_only_function<void()> replaced, Done done) {
    if (is_replaced_) return done(std::unexpected(not_now("this process has been replaced")));
    if (successor_) return done(std::unexpected(not_now("an upgrade is running")));
    replaced_ = std::move(replaced);
    done_ = std::move(done);
    log::write_each(log::Level::info, "upgrading", {{"program", program.path}});
    successor_ = std::make_unique<Successor>(
        own_.control, own_.ports, takers,
        Successor::Events{.ready = [this] { release_ports(); },
                          .serving = [this] { this->replaced(); },
                          .failed = [this](const std::string& reason) { failed(reason); },
                          .gone =
                              [] {
                                  log::write_each(log::Level::warning,
                                                  "the process that replaced this one has ended");
                              }});
    std::vector<Successor::Message> hello;
    for (auto& each : own_.doors.copies())
        hello.push_back({words_of(each), std::move(each.socket)});
    for (const auto& each : decisions) hello.push_back({words_of(each), {}});
    hello.push_back({std::string(last_word_of_inheritance), {}});
    if (auto started = successor_->start(program.path, program.arguments, std::move(hello));
        !started) {
        successor_.reset();
        failed(base::to_string(started.error()));
    }
}

/// From here on clients wait, for the moment that the other process needs.
void Upgrade::release_ports() {
    own_.doors.pause();
    own_.ports.lend_elsewhere(successor_->ports());
    to_release_ = own_.workers.size() + 1;
    for (const auto& worker : own_.workers)
        worker->release_ports([this](std::vector<net::SocketNetwork::ReleasedPort> ports) {
            own_.control.post(
                [this, ports = std::move(ports)]() mutable { released(std::move(ports)); });
        });
    released(own_.network.release_ports());
}

void Upgrade::released(std::vector<net::SocketNetwork::ReleasedPort> ports) {
    for (auto& port : ports)
        released_.push_back(
            {fmt::format("port {} {}", base::to_string(port.key.local), port.key.port),
             std::move(port.listening)});
    if (--to_release_ > 0 || !successor_) return;
    successor_->hand_over(std::exchange(released_, {}));
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
    own_.doors.resume();
    // It calls this.
    own_.control.post([this] { successor_.reset(); });
    done_(std::unexpected(not_now(reason)));
}

void Upgrade::tell(std::string message) {
    if (successor_) successor_->tell(std::move(message));
}

}  // namespace ballast::daemon
