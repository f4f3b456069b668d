// SPDX-License-Identifier: Apache-2.0
#include "nat/gateway.h"

#include "base/owned_fd.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <fmt/format.h>
#include <mutex>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <string_view>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ballast::nat {

namespace {

using Clock = std::chrono::steady_clock;
using State = Carried::State;
using Id = std::uint64_t;

/// How often running connections are looked at, for the bandwidth figures and for stalls.
constexpr auto look_interval = std::chrono::seconds(1);
/// After lost news all connections are read again, at most this often.
constexpr auto recovery_interval = std::chrono::milliseconds(250);
/// An element that we should fail to remove removes itself.
constexpr auto element_time = passage_time + std::chrono::seconds(90);

/// A connection that has carried as much is long.
constexpr std::uint64_t offload_bytes = 16 << 20;

constexpr const char* counting = "/proc/sys/net/netfilter/nf_conntrack_acct";
constexpr const char* telling = "/proc/sys/net/netfilter/nf_conntrack_events";

/// The first character of a small file of the kernel; 0: there is none.
char first_of(const char* file) {
    const base::OwnedFd opened(::open(file, O_RDONLY | O_CLOEXEC));
    char first = 0;
    if (!opened || ::read(opened.get(), &first, 1) != 1) return 0;
    return first;
}

bool write_to(const char* file, std::string_view text) {
    const base::OwnedFd opened(::open(file, O_WRONLY | O_CLOEXEC));
    return opened &&
           ::write(opened.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

base::Error missing(std::string what) { return {base::Fault::internal, {}, std::move(what)}; }

bool is_running(State state) { return state == State::connected || state == State::half_closed; }

struct Key {
    base::Ip from;
    base::Address at;
    friend bool operator==(const Key&, const Key&) = default;
};

struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
        return std::hash<base::Ip>{}(key.from) * 31 + std::hash<base::Address>{}(key.at);
    }
    std::size_t operator()(const Ends& ends) const noexcept {
        return std::hash<base::Address>{}(ends.from) * 31 + std::hash<base::Address>{}(ends.at);
    }
};

/// Between a passage, on its session's thread, and the clerk.
struct Line {
    std::mutex mutex;
    loop::Loop* loop = nullptr;  // null: the passage is gone

    // Of the session's thread:
    loop::Signal* signal = nullptr;  // null: the passage is gone
    Carried carried;
};

/// The session has waited long enough, and relays.
bool is_given_up(Line& line) {
    const std::lock_guard lock(line.mutex);
    return line.loop == nullptr;
}

struct Wish {
    enum class Kind : std::uint8_t { open, keep, withdraw, look, cut, close };
    Kind kind;
    Id id;
    Way way = {};
    std::shared_ptr<Line> line = {};
};

}  // namespace

bool machine_forwards(base::Family family) {
    return first_of(family == base::Family::ipv4 ? "/proc/sys/net/ipv4/ip_forward"
                                                 : "/proc/sys/net/ipv6/conf/all/forwarding") == '1';
}

/// Where wishes wait for the clerk.
class Gateway::Desk {
public:
    explicit Desk(base::OwnedFd bell) : bell_(std::move(bell)) {}

    enum class Haste : std::uint8_t {
        now,
        none,  ///< when the clerk comes by anyway: within a second
    };
    void put(Wish wish, Haste haste = Haste::now) {
        const std::lock_guard lock(mutex_);
        if (is_closed_) return;
        wishes_.push_back(std::move(wish));
        if (haste == Haste::now && !std::exchange(has_rung_, true)) ring();
    }
    [[nodiscard]] std::vector<Wish> take() {
        std::uint64_t rung = 0;
        (void)!::read(bell_.get(), &rung, sizeof rung);
        const std::lock_guard lock(mutex_);
        has_rung_ = false;
        return std::exchange(wishes_, {});
    }
    void close() {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
        ring();
    }
    [[nodiscard]] bool is_closed() {
        const std::lock_guard lock(mutex_);
        return is_closed_;
    }
    [[nodiscard]] int bell() const { return bell_.get(); }
    [[nodiscard]] Id next_id() { return ++last_id_; }

    std::atomic<bool> forwards_ipv4 = false;
    std::atomic<bool> forwards_ipv6 = false;

private:
    void ring() {
        const std::uint64_t once = 1;
        (void)!::write(bell_.get(), &once, sizeof once);
    }
    std::mutex mutex_;
    const base::OwnedFd bell_;
    std::vector<Wish> wishes_;
    bool has_rung_ = false;
    bool is_closed_ = false;
    std::atomic<Id> last_id_ = 0;
};

/// The thread that speaks with the kernel.
class Gateway::Clerk {
public:
    Clerk(std::shared_ptr<Desk> desk, std::unique_ptr<Rules> rules,
          std::unique_ptr<Tracking> tracking)
        : desk_(std::move(desk)), rules_(std::move(rules)), tracking_(std::move(tracking)) {
        look_at_machine();
        thread_ = std::thread([this] {
            ::pthread_setname_np(::pthread_self(), "kernel path");
            run();
        });
    }
    ~Clerk() {
        desk_->close();
        thread_.join();
    }
    Clerk(const Clerk&) = delete;
    Clerk& operator=(const Clerk&) = delete;

private:
    struct Track {
        Way way;
        std::shared_ptr<Line> line;
        Clock::time_point until;
        bool is_kept = false;
        bool is_awaited = false;       // a connection may begin, or may have begun
        bool is_in_kernel = false;     // its elements are
        bool may_await_again = false;  // if the connection that has begun is not established
        bool is_untold = false;        // it is in `connected_`, and nothing is told before that
        bool is_withdrawing = false;   // news is missing, so it cannot be told yet
        std::optional<Ends> ends;      // of the connection that has begun
        bool is_offloaded = false;     // it is in the kernel's flow table
        Carried carried;
    };

    void run();
    void attend(std::vector<Wish> wishes);
    void attend(Wish::Kind kind, Id id, Track& track);
    void add_all(std::vector<Wish>& opened);
    void await(Id id, Track& track);
    [[nodiscard]] std::error_code replace(const Way& way);
    void close(Id id, Track& track);
    void withdraw(Id id, Track& track);
    void forget(const Ends& ends);
    [[nodiscard]] bool belongs_to(Id id, Track& track, const Tracked& tracked);
    void forget_awaited(Id id, Track& track);
    void stop_awaiting(Id id, Track& track);
    void remove_elements();
    void take_back(Id id, Track& track);
    void start_over();
    void hear_news();
    void hear(const Tracked& tracked);
    void begin(Id id, Track& track, const Tracked& tracked);
    void establish(Id id, Track& track);
    void await_again(Id id, Track& track);
    void tell_connected();
    void note(Track& track, const Tracked& tracked);
    void look_at_all();
    void look(Track& track);
    void offload(Track& track);
    void end_offload(Track& track);
    void recover();
    void look_at_machine();
    static void tell(const Track& track);
    [[nodiscard]] int patience() const;

    const std::shared_ptr<Desk> desk_;
    const std::unique_ptr<Rules> rules_;
    const std::unique_ptr<Tracking> tracking_;
    std::unordered_map<Id, Track> tracks_;
    std::unordered_map<Key, Id, Hash> awaited_;
    std::unordered_map<Ends, Id, Hash> running_;
    std::vector<Rules::Change> removals_;
    std::vector<Id> connected_;  // not told yet
    Clock::time_point look_at_ = Clock::now() + look_interval;
    Clock::time_point recover_at_ = Clock::time_point::min();
    bool has_lost_news_ = false;
    std::thread thread_;
};

/// Milliseconds until something is due.
int Gateway::Clerk::patience() const {
    auto due = look_at_;
    if (has_lost_news_) due = std::min(due, recover_at_);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now());
    return std::max(0, static_cast<int>(left.count()));
}

void Gateway::Clerk::run() {
    while (!desk_->is_closed()) {
        std::array<pollfd, 2> waits{pollfd{desk_->bell(), POLLIN, 0},
                                    pollfd{tracking_->descriptor(), POLLIN, 0}};
        (void)::poll(waits.data(), waits.size(), patience());
        auto wishes = desk_->take();
        // First the news: it is older than what is wished now.
        hear_news();
        if (has_lost_news_ && Clock::now() >= recover_at_) recover();
        attend(std::move(wishes));
        remove_elements();
        if (Clock::now() >= look_at_) look_at_all();
    }
    attend(desk_->take());
    remove_elements();
}

void Gateway::Clerk::hear_news() {
    if (!tracking_->read_news([this](const Tracked& tracked) { hear(tracked); }))
        has_lost_news_ = true;
    tell_connected();
}

void Gateway::Clerk::attend(std::vector<Wish> wishes) {
    std::vector<Wish> opened;
    for (auto& wish : wishes) {
        if (wish.kind == Wish::Kind::open) {
            opened.push_back(std::move(wish));
            continue;
        }
        // What is wished for a passage comes behind its opening.
        if (!opened.empty()) add_all(opened);
        if (const auto found = tracks_.find(wish.id); found != tracks_.end())
            attend(wish.kind, wish.id, found->second);
    }
    add_all(opened);
}

void Gateway::Clerk::attend(Wish::Kind kind, Id id, Track& track) {
    switch (kind) {
        case Wish::Kind::open: return;
        case Wish::Kind::keep: track.is_kept = true; return;
        case Wish::Kind::withdraw: return withdraw(id, track);
        case Wish::Kind::look:
            if (has_lost_news_ && track.carried.state == State::open) recover();
            look(track);
            ++track.carried.looks;
            return tell(track);
        case Wish::Kind::cut:
            // First the elements: a packet of a forgotten connection would begin a new one.
            take_back(id, track);
            if (track.ends && track.carried.state != State::closed) forget(*track.ends);
            return;
        case Wish::Kind::close:
            if (track.carried.state == State::open) {
                take_back(id, track);
                forget_awaited(id, track);
                // Nobody expects it any more.
                if (track.ends) forget(*track.ends);
            }
            close(id, track);
            tracks_.erase(id);
            return;
    }
}

/// Whoever was established before this has used the way.
void Gateway::Clerk::withdraw(Id id, Track& track) {
    if (track.carried.state != State::open) return tell(track);
    take_back(id, track);
    if (track.carried.state == State::open && track.ends) {
        // Its next attempt comes to Ballast.
        forget(*track.ends);
        hear_news();
    }
    if (track.carried.state != State::open) return;
    // If news is missing, it may have been used.
    track.is_withdrawing = has_lost_news_;
    if (has_lost_news_) return;
    close(id, track);
    track.ends.reset();
    track.carried.state = State::withdrawn;
    tell(track);
}

/// Removes its elements. If a connection was quicker, it is known afterwards.
void Gateway::Clerk::take_back(Id id, Track& track) {
    track.may_await_again = false;
    if (track.is_awaited && track.is_in_kernel) {
        track.is_in_kernel = false;
        removals_.push_back({track.way, false});
    }
    remove_elements();
    hear_news();
    if (has_lost_news_) recover();
    if (!has_lost_news_) forget_awaited(id, track);
}

/// All in one batch, behind the removals: a port may be used again.
void Gateway::Clerk::add_all(std::vector<Wish>& opened) {
    std::erase_if(opened, [](const Wish& wish) { return is_given_up(*wish.line); });
    if (opened.empty()) return;
    const auto now = Clock::now();
    auto changes = std::exchange(removals_, {});
    auto removed = static_cast<std::ptrdiff_t>(changes.size());
    for (const auto& wish : opened) changes.push_back({wish.way, true, element_time});
    auto refused = rules_->apply(changes);
    if (rules_->is_in_doubt()) {
        start_over();
        changes.erase(changes.begin(), changes.begin() + removed);
        refused = rules_->apply(changes);
        removed = 0;
    }
    for (std::size_t i = 0; i < opened.size(); ++i) {
        auto& wish = opened[i];
        auto problem = refused[static_cast<std::size_t>(removed) + i];
        // The port was lent again, and its former owner's elements are still there.
        if (problem == std::errc::file_exists) problem = replace(wish.way);
        auto& track = tracks_
                          .emplace(wish.id, Track{.way = wish.way,
                                                  .line = std::move(wish.line),
                                                  .until = now + passage_time,
                                                  .ends = {},
                                                  .carried = {}})
                          .first->second;
        track.carried.moved_at = now;
        if (problem) {
            track.carried.state = State::refused;
            track.carried.problem = "the kernel refuses the rule: " + problem.message();
        } else {
            track.carried.state = State::open;
            await(wish.id, track);
        }
        tell(track);
    }
    opened.clear();
}

/// Its elements are in the kernel now.
void Gateway::Clerk::await(Id id, Track& track) {
    auto& waits = awaited_[{track.way.from, track.way.at}];
    // The port was lent again: nothing there is the former one's any more.
    if (const auto former = tracks_.find(waits); former != tracks_.end())
        former->second.is_awaited = former->second.is_in_kernel = false;
    waits = id;
    track.is_awaited = track.is_in_kernel = true;
}

std::error_code Gateway::Clerk::replace(const Way& way) {
    const std::array<Rules::Change, 2> changes{
        {{.way = way, .adds = false}, {.way = way, .lifetime = element_time}}};
    return rules_->apply(changes).back();
}

/// Without its table, the kernel has no flow table either.
void Gateway::Clerk::forget(const Ends& ends) {
    if (tracking_->forget(ends)) return;
    start_over();
    (void)tracking_->forget(ends);
}

void Gateway::Clerk::forget_awaited(Id id, Track& track) {
    track.is_awaited = false;
    const auto waits = awaited_.find({track.way.from, track.way.at});
    if (waits != awaited_.end() && waits->second == id) awaited_.erase(waits);
}

void Gateway::Clerk::stop_awaiting(Id id, Track& track) {
    if (!track.is_awaited) return;
    forget_awaited(id, track);
    if (std::exchange(track.is_in_kernel, false)) removals_.push_back({track.way, false});
}

void Gateway::Clerk::remove_elements() {
    if (removals_.empty()) return;
    std::ignore = rules_->apply(std::exchange(removals_, {}));
    if (rules_->is_in_doubt()) start_over();
}

/// An element that stays would lead its client to a server that expects somebody else by then. So
/// all of them go, which the kernel does not refuse, and those that are awaited come again. Clients
/// that are quicker than that come to Ballast.
void Gateway::Clerk::start_over() {
    if (!rules_->start_over()) return;
    std::vector<Rules::Change> again;
    for (auto& [id, track] : tracks_) {
        track.is_offloaded = false;
        if (track.is_in_kernel) again.push_back({track.way, true, element_time});
    }
    std::ignore = rules_->apply(again);
}

/// The same ends may belong to a newer connection by now.
void Gateway::Clerk::close(Id id, Track& track) {
    if (!track.ends) return;
    end_offload(track);
    const auto runs = running_.find(*track.ends);
    if (runs != running_.end() && runs->second == id) running_.erase(runs);
}

void Gateway::Clerk::tell(const Track& track) {
    if (track.is_untold) return;
    const std::lock_guard lock(track.line->mutex);
    if (track.line->loop == nullptr) return;
    track.line->loop->post([line = track.line, carried = track.carried]() mutable {
        line->carried = std::move(carried);
        if (line->signal != nullptr) line->signal->raise();
    });
}

void Gateway::Clerk::hear(const Tracked& tracked) {
    if (tracked.is_new) {
        const auto waits = awaited_.find({tracked.ends.from.ip, tracked.ends.at});
        if (waits != awaited_.end()) begin(waits->second, tracks_.at(waits->second), tracked);
    }
    const auto runs = running_.find(tracked.ends);
    if (runs == running_.end()) return;
    const auto id = runs->second;
    auto& track = tracks_.at(id);
    if (!belongs_to(id, track, tracked)) return;
    const bool has_ended = tracked.is_closed || tracked.is_gone;
    if (track.carried.state == State::open) {
        if (tracked.is_established)
            establish(id, track);
        else if (has_ended)
            await_again(id, track);
    }
    if (!is_running(track.carried.state)) return;
    if (has_ended) return note(track, tracked);
    if (!tracked.is_half_closed || track.carried.state != State::connected) return;
    end_offload(track);
    track.carried.state = State::half_closed;
    tell(track);
}

/// False: its end was missed, and the same ends belong to a connection to Ballast itself.
bool Gateway::Clerk::belongs_to(Id id, Track& track, const Tracked& tracked) {
    if (tracked.reaches == track.way.to) return true;
    if (track.carried.state == State::open) {
        close(id, track);
        track.ends.reset();
    }
    return false;
}

/// One connection may use the way, so its elements go now.
void Gateway::Clerk::begin(Id id, Track& track, const Tracked& tracked) {
    if (tracked.reaches != track.way.to) return;
    track.may_await_again = track.is_in_kernel;
    stop_awaiting(id, track);
    track.ends = tracked.ends;
    running_[tracked.ends] = id;
}

/// The session hears of it only when the elements are gone, because then it gives the port away.
void Gateway::Clerk::establish(Id id, Track& track) {
    track.carried.state = State::connected;
    track.carried.moved_at = Clock::now();
    track.is_untold = true;
    connected_.push_back(id);
}

/// The server's kernel still remembers an earlier connection between the same ports, and has
/// refused this one. Then the client's kernel tries again within milliseconds.
void Gateway::Clerk::await_again(Id id, Track& track) {
    close(id, track);
    track.ends.reset();
    const bool is_over = !track.is_kept && Clock::now() >= track.until;
    if (!std::exchange(track.may_await_again, false) || is_over) return;
    remove_elements();
    const std::array<Rules::Change, 1> change{{{track.way, true, element_time}}};
    const auto refused = rules_->apply(change).front();
    if (rules_->is_in_doubt())
        start_over();
    else if (!refused)
        await(id, track);
}

void Gateway::Clerk::tell_connected() {
    if (connected_.empty()) return;
    remove_elements();
    for (const auto id : std::exchange(connected_, {})) {
        const auto found = tracks_.find(id);
        if (found == tracks_.end()) continue;
        found->second.is_untold = false;
        tell(found->second);
    }
}

/// It has ended.
void Gateway::Clerk::note(Track& track, const Tracked& tracked) {
    end_offload(track);
    auto counted = std::optional(tracked);
    if (!tracked.is_counted) counted = tracking_->ask(tracked.ends).value_or(std::nullopt);
    if (counted && counted->is_counted) {
        track.carried.sent = counted->sent;
        track.carried.received = counted->received;
    }
    track.carried.state = State::closed;
    // The next one may come from the same fixed port (20) to the same port of the client. The
    // kernel does not begin that while it remembers this one.
    if (track.way.source.port != 0 && !tracked.is_gone) tracking_->forget(tracked.ends);
    tell(track);
}

void Gateway::Clerk::look(Track& track) {
    if (!track.ends || !is_running(track.carried.state)) return;
    const auto answer = tracking_->ask(*track.ends);
    if (!answer) return;  // it is not known now
    const auto& tracked = *answer;
    if (!tracked) {
        track.carried.state = State::closed;
        return;
    }
    if (tracked->sent != track.carried.sent || tracked->received != track.carried.received)
        track.carried.moved_at = Clock::now();
    track.carried.sent = tracked->sent;
    track.carried.received = tracked->received;
    if (tracked->is_half_closed) track.carried.state = State::half_closed;
    if (tracked->is_closed) track.carried.state = State::closed;
    if (track.carried.state == State::connected)
        offload(track);
    else
        end_offload(track);
}

/// Only long ones: the others would end before it takes effect, and an element costs more than
/// their packets.
void Gateway::Clerk::offload(Track& track) {
    if (track.is_offloaded || track.carried.sent + track.carried.received < offload_bytes) return;
    track.is_offloaded = rules_->offload(*track.ends);
}

/// The packets that end it must pass connection tracking.
void Gateway::Clerk::end_offload(Track& track) {
    if (std::exchange(track.is_offloaded, false)) rules_->end_offload(*track.ends);
}

void Gateway::Clerk::look_at_all() {
    look_at_machine();
    for (auto& [id, track] : tracks_) {
        if (track.is_withdrawing && !has_lost_news_) withdraw(id, track);
        if (track.is_awaited && !track.is_kept && Clock::now() >= track.until)
            stop_awaiting(id, track);
        if (!is_running(track.carried.state)) continue;
        const auto before = std::pair(track.carried.state, track.carried.moved_at);
        look(track);
        if (std::pair(track.carried.state, track.carried.moved_at) != before) tell(track);
    }
    remove_elements();
    look_at_ = Clock::now() + look_interval;
}

/// News was lost: looks at everything.
void Gateway::Clerk::recover() {
    recover_at_ = Clock::now() + recovery_interval;
    has_lost_news_ = !tracking_->ask_all([this](const Tracked& tracked) {
        const bool is_refused = tracked.is_closed && !tracked.is_established;
        if (is_refused) return;
        const auto waits = awaited_.find({tracked.ends.from.ip, tracked.ends.at});
        if (waits != awaited_.end() && !running_.contains(tracked.ends))
            begin(waits->second, tracks_.at(waits->second), tracked);
        const auto runs = running_.find(tracked.ends);
        if (runs == running_.end()) return;
        const auto id = runs->second;
        auto& track = tracks_.at(id);
        if (belongs_to(id, track, tracked) && track.carried.state == State::open &&
            tracked.is_established)
            establish(id, track);
    });
    tell_connected();
    look_at_all();
}

void Gateway::Clerk::look_at_machine() {
    if (!rules_->is_ready()) start_over();
    desk_->forwards_ipv4 = machine_forwards(base::Family::ipv4);
    desk_->forwards_ipv6 = machine_forwards(base::Family::ipv6);
}

class Gateway::OpenPassage final : public Passage {
public:
    OpenPassage(std::shared_ptr<Desk> desk, const Way& way, loop::Signal& signal)
        : desk_(std::move(desk)),
          id_(desk_->next_id()),
          way_(way),
          line_(std::make_shared<Line>()) {
        line_->loop = &signal.loop();
        line_->signal = &signal;
        line_->carried.moved_at = signal.loop().now();
        desk_->put({Wish::Kind::open, id_, way, line_});
    }
    ~OpenPassage() override {
        {
            const std::lock_guard lock(line_->mutex);
            line_->loop = nullptr;
        }
        line_->signal = nullptr;
        const bool leads = may_lead(line_->carried.state);
        desk_->put({Wish::Kind::close, id_}, leads ? Desk::Haste::now : Desk::Haste::none);
    }
    OpenPassage(const OpenPassage&) = delete;
    OpenPassage& operator=(const OpenPassage&) = delete;

    [[nodiscard]] const Carried& carried() const override { return line_->carried; }
    [[nodiscard]] const Way& way() const override { return way_; }
    void keep() override { desk_->put({Wish::Kind::keep, id_}, Desk::Haste::none); }
    void withdraw() override { desk_->put({Wish::Kind::withdraw, id_}); }
    void look() override { desk_->put({Wish::Kind::look, id_}); }
    void cut() override { desk_->put({Wish::Kind::cut, id_}); }

private:
    const std::shared_ptr<Desk> desk_;
    const Id id_;
    const Way way_;
    const std::shared_ptr<Line> line_;
};

Gateway::Gateway(std::shared_ptr<Desk> desk, std::unique_ptr<Clerk> clerk)
    : desk_(std::move(desk)), clerk_(std::move(clerk)) {}

Gateway::~Gateway() = default;

base::Result<std::unique_ptr<Gateway>> Gateway::open(const Room& room) {
    auto rules = Rules::open(room.ways);
    if (!rules) return std::unexpected(std::move(rules.error()));
    auto tracking = Tracking::open(room.news_bytes);
    if (!tracking) return std::unexpected(std::move(tracking.error()));
    if (first_of(counting) == 0)
        return std::unexpected(
            missing("this process does not see /proc/sys/net: in a unit of systemd it needs "
                    "ProcSubset=all"));
    const auto can_switch_on = [&] {
        return room.is_trial ? ::faccessat(AT_FDCWD, counting, W_OK, AT_EACCESS) == 0
                             : write_to(counting, "1");
    };
    if (first_of(counting) != '1' && !can_switch_on())
        return std::unexpected(
            missing("connection tracking does not count bytes: "
                    "sysctl net.netfilter.nf_conntrack_acct=1"));
    if (first_of(telling) == '0')
        return std::unexpected(missing(
            "connection tracking tells no news: sysctl net.netfilter.nf_conntrack_events=2"));
    base::OwnedFd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!bell)
        return std::unexpected(base::last_error(base::Fault::internal, "opening an eventfd"));
    auto desk = std::make_shared<Desk>(std::move(bell));
    auto clerk = std::make_unique<Clerk>(desk, std::move(*rules), std::move(*tracking));
    return std::unique_ptr<Gateway>(new Gateway(std::move(desk), std::move(clerk)));
}

bool Gateway::forwards(base::Family family) const {
    return family == base::Family::ipv4 ? desk_->forwards_ipv4 : desk_->forwards_ipv6;
}

std::unique_ptr<Passage> Gateway::open(const Way& way, loop::Signal& signal) {
    return std::make_unique<OpenPassage>(desk_, way, signal);
}

}  // namespace ballast::nat
