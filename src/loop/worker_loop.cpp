// SPDX-License-Identifier: Apache-2.0
#include "loop/worker_loop.h"

#include "base/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <limits>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <utility>

namespace ballast::loop {

namespace {

/// So many at most before coroutines run.
constexpr int events_max = 16;
/// But all of this many are looked at before a deadline ends a wait, for what is waited for may be
/// among them.
constexpr int rounds_before_deadlines = 1000;
constexpr std::uint64_t wake_up_token = std::numeric_limits<std::uint64_t>::max();

constexpr std::uint32_t readable = EPOLLIN | EPOLLPRI | EPOLLRDHUP;
constexpr std::uint32_t broken = EPOLLERR | EPOLLHUP;

[[noreturn]] void fail(const char* doing) {
    throw std::system_error(errno, std::system_category(), doing);
}

/// The system's answer now.
bool is_ready(int native, short wanted) {
    pollfd asked{.fd = native, .events = wanted, .revents = 0};
    // After an error the caller tries once in vain, which does less harm than waiting.
    return ::poll(&asked, 1, 0) != 0;
}

/// For epoll_wait(2), which counts milliseconds.
int until(Time deadline) {
    if (deadline == never) return -1;
    using std::chrono::milliseconds;
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    // Longer waits are waited in parts.
    return static_cast<int>(
        std::clamp(left, milliseconds(0), milliseconds(std::chrono::hours(1))).count());
}

}  // namespace

/// epoll reports each change once, beginning with the current state. A flag stays set until a call
/// has come up short or would have blocked.
struct Watched {
    Watched(WorkerLoop& of, Descriptor::Origin from)
        : loop(of),
          token(of.take_slot(*this)),
          origin(from),
          may_be_writable(from != Descriptor::Origin::dialled) {}
    ~Watched() {
        if (native && origin == Descriptor::Origin::unknown) leave();
        loop.give_slot_back(token);
    }
    void listen_for(std::uint32_t what) const {
        epoll_event event{.events = what, .data = {.u64 = token}};
        (void)::epoll_ctl(loop.epoll_.get(), EPOLL_CTL_MOD, native.get(), &event);
    }
    void leave() const { ::epoll_ctl(loop.epoll_.get(), EPOLL_CTL_DEL, native.get(), nullptr); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    WorkerLoop& loop;
    const std::uint64_t token;
    const Descriptor::Origin origin;
    base::OwnedFd native;
    Signal* signal = nullptr;
    std::uint32_t events = 0;  // that it is registered for
    bool may_be_readable = false;
    bool may_be_writable;
    bool watching_readable = false;
    bool watching_writable = false;
    /// It has ended or failed, or has urgent data: a short read does not mean that there is no
    /// more.
    bool is_special = false;

    void happens(std::uint32_t what) {
        if ((what & (broken | EPOLLRDHUP | EPOLLPRI)) != 0) is_special = true;
        bool wakes = false;
        if ((what & (readable | broken)) != 0) {
            may_be_readable = true;
            wakes = std::exchange(watching_readable, false) || wakes;
        }
        if ((what & (EPOLLOUT | broken)) != 0) {
            may_be_writable = true;
            wakes = std::exchange(watching_writable, false) || wakes;
        }
        if (wakes && signal != nullptr) signal->raise();
    }
};

WorkerLoop::WorkerLoop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_up_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = wake_up_token}};
    if (!epoll_ || !wake_up_ ||
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_up_.get(), &event) != 0)
        fail("making an event loop");
}

WorkerLoop::~WorkerLoop() = default;

void WorkerLoop::run() {
    now_ = std::chrono::steady_clock::now();
    thread_ = std::this_thread::get_id();
    while (!is_stopped_) turn();
    thread_ = std::thread::id();
}

void WorkerLoop::stop() {
    is_stopped_ = true;
    wake();
}

Time WorkerLoop::now() const {
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id()
               ? now_
               : std::chrono::steady_clock::now();
}

/// Each write is an edge, so nobody needs to read it.
void WorkerLoop::wake() {
    const std::uint64_t one = 1;
    (void)!::write(wake_up_.get(), &one, sizeof one);
}

void WorkerLoop::post(std::move_only_function<void()> work) {
    bool is_first = false;
    {
        const std::lock_guard lock(mutex_);
        is_first = posted_.empty();
        posted_.push_back(std::move(work));
    }
    // The loop's own thread looks before it sleeps.
    if (is_first && thread_.load() != std::this_thread::get_id()) wake();
}

void WorkerLoop::watch_turns(Time::duration limit, TookLong took_long) {
    turn_limit_ = limit;
    took_long_ = std::move(took_long);
}

Time::duration WorkerLoop::in_turn_for() const {
    const Time began = turn_began_;
    return began == never ? Time::duration::zero() : std::chrono::steady_clock::now() - began;
}

/// Signals that are raised while coroutines run wait for the next turn, so that sockets are served
/// in between.
void WorkerLoop::turn() {
    const bool has_work = has_raised() || [&] {
        const std::lock_guard lock(mutex_);
        return !posted_.empty();
    }();
    bool may_be_more = take_events(has_work ? 0 : until(next_deadline()));
    now_ = std::chrono::steady_clock::now();
    turn_began_ = now_;
    for (int i = 0; may_be_more && next_deadline() <= now_ && i < rounds_before_deadlines; ++i)
        may_be_more = take_events(0);
    run_posted();
    expire(now_);
    resume_raised();
    const auto took = in_turn_for();
    turn_began_ = never;
    if (took_long_ && took >= turn_limit_) took_long_(took);
}

/// Waits for this many milliseconds (-1: until there is one). True if there may be more.
bool WorkerLoop::take_events(int milliseconds) {
    std::array<epoll_event, events_max> events;  // NOLINT(*-member-init): the system fills it
    const int count = ::epoll_wait(epoll_.get(), events.data(), events_max, milliseconds);
    if (count < 0 && errno != EINTR) fail("waiting for events");
    for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 != wake_up_token) dispatch(event.data.u64, event.events);
    }
    return count == events_max;
}

/// What is posted meanwhile runs in the next turn.
void WorkerLoop::run_posted() {
    {
        const std::lock_guard lock(mutex_);
        std::swap(posted_, running_);
    }
    for (auto& work : running_) {
        try {
            std::exchange(work, nullptr)();
        } catch (const std::exception& problem) {
            log::caught("work on a loop failed", problem);
        }
    }
    running_.clear();
}

void WorkerLoop::dispatch(std::uint64_t token, std::uint32_t happened) {
    const auto& slot = slots_[static_cast<std::uint32_t>(token)];
    if (slot.uses == token >> 32U && slot.watched != nullptr) slot.watched->happens(happened);
}

std::uint64_t WorkerLoop::take_slot(Watched& watched) {
    if (free_slots_.empty()) {
        // So that giving one back needs no memory.
        if (free_slots_.capacity() <= slots_.size()) free_slots_.reserve(2 * slots_.size() + 16);
        slots_.emplace_back();
        free_slots_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const auto index = free_slots_.back();
    free_slots_.pop_back();
    slots_[index].watched = &watched;
    return std::uint64_t{slots_[index].uses} << 32U | index;
}

void WorkerLoop::give_slot_back(std::uint64_t token) {
    const auto index = static_cast<std::uint32_t>(token);
    slots_[index].watched = nullptr;
    ++slots_[index].uses;
    free_slots_.push_back(index);
}

base::Result<Descriptor> Descriptor::open(WorkerLoop& loop, int native, Origin origin) {
    Descriptor opened;
    opened.watched_ = std::make_unique<Watched>(loop, origin);
    auto& watched = *opened.watched_;
    // Most sockets never fill up, so EPOLLOUT is added when one does.
    watched.events = readable | EPOLLET | (origin == Origin::dialled ? EPOLLOUT : 0U);
    epoll_event event{.events = watched.events, .data = {.u64 = watched.token}};
    if (::epoll_ctl(loop.epoll_.get(), EPOLL_CTL_ADD, native, &event) != 0)
        return std::unexpected(base::last_error(base::Fault::internal, "watching a descriptor"));
    watched.native = base::OwnedFd(native);
    return opened;
}

Descriptor::Descriptor() = default;
Descriptor::Descriptor(Descriptor&&) noexcept = default;
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept = default;
Descriptor::~Descriptor() = default;

int Descriptor::native() const { return watched_ ? watched_->native.get() : -1; }

void Descriptor::attach(Signal* signal) {
    if (watched_) watched_->signal = signal;
}

bool Descriptor::is_watching_readable() const { return watched_ && watched_->watching_readable; }
bool Descriptor::is_watching_writable() const { return watched_ && watched_->watching_writable; }

void Descriptor::note_drained() {
    if (watched_ && !watched_->is_special) watched_->may_be_readable = false;
}

bool Descriptor::is_special() const { return watched_ && watched_->is_special; }

void Descriptor::note_full() {
    if (watched_ && !watched_->is_special) watched_->may_be_writable = false;
}

void Descriptor::mute() {
    // A failure is still reported, but once.
    if (watched_) watched_->listen_for(EPOLLET);
}

/// What can be read or written by now is reported at once.
void Descriptor::unmute() {
    if (watched_) watched_->listen_for(watched_->events);
}

int Descriptor::release() {
    watched_->leave();
    const int native = watched_->native.release();
    watched_.reset();
    return native;
}

void Descriptor::watch_readable() {
    auto& watched = *watched_;
    if (watched.watching_readable) return;
    if (watched.may_be_readable && is_ready(watched.native.get(), POLLIN | POLLRDHUP)) {
        if (watched.signal != nullptr) watched.signal->raise();
        return;
    }
    watched.may_be_readable = false;
    watched.watching_readable = true;
}

void Descriptor::watch_writable() {
    auto& watched = *watched_;
    if (watched.watching_writable) return;
    if (watched.may_be_writable && is_ready(watched.native.get(), POLLOUT)) {
        if (watched.signal != nullptr) watched.signal->raise();
        return;
    }
    watched.may_be_writable = false;
    watched.watching_writable = true;
    if ((watched.events & EPOLLOUT) != 0) return;
    // From now on it is told; now, too, if it can be written meanwhile.
    watched.events |= EPOLLOUT;
    watched.listen_for(watched.events);
}

}  // namespace ballast::loop
