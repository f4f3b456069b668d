// SPDX-License-Identifier: Apache-2.0
#include "loop/worker_loop.h"

#include "base/log.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <exception>
#include <utility>

namespace ballast::loop {

namespace asio = boost::asio;

struct WorkerLoop::Reactor {
    asio::io_context context{1};  // one thread runs it
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    asio::steady_timer alarm{context};
};

WorkerLoop::WorkerLoop() : reactor_(std::make_unique<Reactor>()) {}
WorkerLoop::~WorkerLoop() = default;

void WorkerLoop::run() { reactor_->context.run(); }
void WorkerLoop::stop() { reactor_->context.stop(); }
Time WorkerLoop::now() const { return std::chrono::steady_clock::now(); }

void WorkerLoop::post(std::move_only_function<void()> work) {
    asio::post(reactor_->context, [this, work = std::move(work)]() mutable {
        begin_turn();
        try {
            work();
        } catch (const std::exception& problem) {
            log::caught("work on a loop failed", problem);
        }
        resume_until_quiet();
    });
}

void WorkerLoop::watch_turns(Time::duration limit, TookLong took_long) {
    turn_limit_ = limit;
    took_long_ = std::move(took_long);
}

Time::duration WorkerLoop::in_turn_for() const {
    const Time began = turn_began_;
    return began == never ? Time::duration::zero() : now() - began;
}

void WorkerLoop::begin_turn() {
    inside_handler_ = true;
    turn_began_ = now();
}

void WorkerLoop::end_turn() {
    inside_handler_ = false;
    const auto took = in_turn_for();
    turn_began_ = never;
    if (took_long_ && took >= turn_limit_) took_long_(took);
}

/// One turn: signals raised so far run now. Signals that are raised meanwhile run after the sockets
/// were served.
void WorkerLoop::resume_until_quiet() {
    if (!inside_handler_) begin_turn();
    const bool more = resume_raised();
    end_turn();
    if (!more || resume_posted_) return;
    resume_posted_ = true;
    asio::post(reactor_->context, [this] {
        resume_posted_ = false;
        resume_until_quiet();
    });
}

void WorkerLoop::raised() {
    // Inside a handler, the handler's end resumes them.
    if (inside_handler_ || resume_posted_) return;
    resume_posted_ = true;
    asio::post(reactor_->context, [this] {
        resume_posted_ = false;
        resume_until_quiet();
    });
}

void WorkerLoop::earliest_changed(Time earliest) {
    if (earliest < alarm_at_) set_alarm(earliest);
}

void WorkerLoop::set_alarm(Time at) {
    alarm_at_ = at;
    reactor_->alarm.expires_at(at);
    reactor_->alarm.async_wait([this](const boost::system::error_code& error) {
        if (error) return;  // the timer was moved to an earlier time
        alarm_at_ = never;
        begin_turn();
        expire(now());
        if (const Time next = next_deadline(); next != never) set_alarm(next);
        resume_until_quiet();
    });
}

/// Outlives its Descriptor while a wait of the reactor is on its way back.
struct Descriptor::State {
    State(WorkerLoop& owner, asio::io_context& context) : loop(owner), descriptor(context) {}

    WorkerLoop& loop;
    asio::posix::stream_descriptor descriptor;
    Signal* signal = nullptr;
    bool watching_readable = false;
    bool watching_writable = false;
};

base::Result<Descriptor> Descriptor::open(WorkerLoop& loop, int native) {
    Descriptor opened;
    opened.state_ = std::make_shared<State>(loop, loop.reactor_->context);
    boost::system::error_code error;
    if (opened.state_->descriptor.assign(native, error)) {
        opened.state_.reset();
        return std::unexpected(base::Error{base::Fault::internal,
                                           {error.value(), std::system_category()},
                                           "watching a descriptor"});
    }
    return opened;
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    close();
    state_ = std::move(other.state_);
    return *this;
}

Descriptor::~Descriptor() { close(); }

void Descriptor::close() {
    if (!state_) return;
    state_->signal = nullptr;
    boost::system::error_code error;
    if (state_->descriptor.close(error)) assert(error != asio::error::bad_descriptor);
    state_.reset();
}

int Descriptor::native() const { return state_ ? state_->descriptor.native_handle() : -1; }

void Descriptor::attach(Signal* signal) {
    if (state_) state_->signal = signal;
}

bool Descriptor::is_watching_readable() const { return state_ && state_->watching_readable; }
bool Descriptor::is_watching_writable() const { return state_ && state_->watching_writable; }

int Descriptor::release() {
    state_->signal = nullptr;
    const int native = state_->descriptor.release();
    state_.reset();
    return native;
}

void Descriptor::watch_readable() {
    if (std::exchange(state_->watching_readable, true)) return;
    state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                  [state = state_](const boost::system::error_code&) {
                                      state->watching_readable = false;
                                      if (state->signal == nullptr) return;
                                      state->loop.begin_turn();
                                      state->signal->raise();
                                      state->loop.resume_until_quiet();
                                  });
}

void Descriptor::watch_writable() {
    if (std::exchange(state_->watching_writable, true)) return;
    state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_write,
                                  [state = state_](const boost::system::error_code&) {
                                      state->watching_writable = false;
                                      if (state->signal == nullptr) return;
                                      state->loop.begin_turn();
                                      state->signal->raise();
                                      state->loop.resume_until_quiet();
                                  });
}

}  // namespace ballast::loop
