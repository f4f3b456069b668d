// SPDX-License-Identifier: Apache-2.0
#include "daemon/successor.h"

#include "base/child.h"
#include "base/log.h"
#include "net/port_words.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace ballast::daemon {

namespace {

constexpr int link_descriptor = 3;

/// Our environment, without the variables that are meant for this process alone.
std::vector<std::string> environment_of_successor() {
    constexpr std::array<std::string_view, 5> own = {
        "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=", "WATCHDOG_PID=", "BALLAST_UPGRADE_FD="};
    std::vector<std::string> result;
    for (char** each = environ; *each != nullptr; ++each) {
        const std::string_view entry(*each);
        if (std::ranges::none_of(own, [&](auto name) { return entry.starts_with(name); }))
            result.emplace_back(entry);
    }
    result.push_back(fmt::format("{}={}", upgrade_variable, link_descriptor));
    return result;
}

}  // namespace

Successor::Successor(loop::WorkerLoop& control, net::PassivePorts& ports,
                     std::vector<net::DataTaker*> takers, Events events)
    : control_(control),
      ports_(ports),
      events_(std::move(events)),
      borrower_(std::make_shared<net::PortBorrower>(
          control, ports, std::move(takers),
          [this](std::string message) { tell(std::move(message)); })),
      timer_(control) {}

Successor::~Successor() {
    borrower_->lose();
    if (pid_ == 0 || phase_ == Phase::serving || phase_ == Phase::ended) return;
    ::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
}

base::Result<> Successor::start(const std::string& program,
                                const std::vector<std::string>& arguments,
                                std::vector<Message> hello) {
    auto both = net::MessageSocket::pair();
    if (!both) return std::unexpected(both.error());
    auto watched = loop::Descriptor::open(control_, both->first.get());
    if (!watched) return std::unexpected(watched.error());
    (void)both->first.release();
    const auto pid = base::start({.path = program,
                                  .arguments = arguments,
                                  .environment = environment_of_successor(),
                                  .descriptors = {{both->second.get(), link_descriptor}}});
    if (!pid)
        return std::unexpected(base::Error{
            base::Fault::internal, {pid.error(), std::system_category()}, "starting " + program});
    pid_ = *pid;
    link_.emplace(
        control_, std::move(*watched),
        [this](std::string_view message, base::OwnedFd descriptor) {
            take(message, std::move(descriptor));
        },
        [this] { lost(); });
    for (auto& each : hello) link_->send(std::move(each.text), std::move(each.descriptor));
    time_job_ = loop::Job::start(watch_time());
    return {};
}

loop::Task<> Successor::watch_time() {
    const auto deadline = control_.after(patience);
    while (control_.now() < deadline) (void)co_await timer_.wait(deadline);
    if (phase_ == Phase::serving || phase_ == Phase::ended) co_return;
    last_words_ = fmt::format("it was not ready within {} seconds", patience.count());
    ::kill(pid_, SIGKILL);  // its end is noticed by the link
}

void Successor::take(std::string_view message, base::OwnedFd descriptor) {
    if (borrower_->take(message, descriptor)) return;
    if (message.starts_with("pid ") && phase_ == Phase::starting) {
        net::Words words(message.substr(message.find(' ') + 1));
        served_by_ = static_cast<pid_t>(words.number<std::uint32_t>().value_or(0));
    } else if (message == "ready" && phase_ == Phase::starting) {
        phase_ = Phase::ready;
        control_.post([this] { events_.ready(); });
    } else if (message == "serving" && phase_ == Phase::ready) {
        phase_ = Phase::serving;
        // The escort has ended or is about to. Afterwards the other one belongs to our parent.
        if (served_by_ != 0) (void)::waitpid(pid_, nullptr, 0);
        control_.post([this] { events_.serving(); });
    } else if (message.starts_with("failed ")) {
        if (!last_words_.empty()) last_words_ += '\n';
        last_words_ += message.substr(message.find(' ') + 1);
    } else if (phase_ == Phase::serving) {
        events_.told(message);
    }
}

/// It has closed its connection, so it is about to end. One that hangs is killed.
std::string Successor::why_it_ended() {
    constexpr int patience_ms = 200;
    base::wait_for_end(pid_, patience_ms);
    ::kill(pid_, SIGKILL);
    base::wait_for_end(pid_, patience_ms);
    int status = 0;
    const bool is_collected = ::waitpid(pid_, &status, WNOHANG) == pid_;
    if (!last_words_.empty()) return last_words_;
    if (is_collected && WIFSIGNALED(status))
        return fmt::format("it was ended by signal {}", WTERMSIG(status));
    return fmt::format("it ended with status {}", is_collected ? WEXITSTATUS(status) : 0);
}

void Successor::lost() {
    const bool has_served = phase_ == Phase::serving;
    phase_ = Phase::ended;
    ports_.take_back();
    borrower_->lose();
    if (has_served) {
        // Leaves no zombie. With an escort it is not our child.
        constexpr int patience_ms = 200;
        if (served_by_ == 0) base::wait_for_end(pid_, patience_ms);
        if (served_by_ == 0) (void)::waitpid(pid_, nullptr, WNOHANG);
        return control_.post([this] { events_.gone(); });
    }
    control_.post([this, reason = why_it_ended()]() mutable { events_.failed(std::move(reason)); });
}

void Successor::hand_over(std::vector<Message> ports) {
    if (has_ended()) return;
    for (auto& each : ports) link_->send(std::move(each.text), std::move(each.descriptor));
    borrower_->hand_over(ports_.hand_over(control_.now()));
    link_->send("handed");
}

void Successor::tell(std::string message) {
    if (link_) link_->send(std::move(message));
}

}  // namespace ballast::daemon
