// SPDX-License-Identifier: Apache-2.0
#include "support/memory_store.h"

#include <algorithm>
#include <fmt/format.h>

namespace ballast::support {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::size_t slice_max = 50;

/// Raised while a follower waits.
class Following {
public:
    Following(std::set<loop::Signal*>& all, loop::Signal& signal) : all_(all), signal_(signal) {
        all_.insert(&signal_);
    }
    ~Following() { all_.erase(&signal_); }
    Following(const Following&) = delete;
    Following& operator=(const Following&) = delete;

private:
    std::set<loop::Signal*>& all_;
    loop::Signal& signal_;
};

}  // namespace

milliseconds MemoryStore::now() const {
    return clock + duration_cast<milliseconds>(loop_.now() - started_at_);
}

void MemoryStore::wipe() {
    birth_.clear();
    entries_.clear();
    offices_.clear();
    log_.clear();
}

const std::string& MemoryStore::birth() {
    if (birth_.empty()) birth_ = fmt::format("birth {}", ++births_);
    return birth_;
}

const cluster::Entry* MemoryStore::find(const std::string& table, const std::string& key) const {
    const auto found = entries_.find({table, key});
    if (found == entries_.end() || found->second.until <= loop_.now()) return nullptr;
    return &found->second.entry;
}

bool MemoryStore::contains(const std::string& text) const {
    const auto is_in = [&](const cluster::Entry& entry) {
        return entry.table.contains(text) || entry.key.contains(text) || entry.value.contains(text);
    };
    return std::ranges::any_of(entries_,
                               [&](const auto& each) { return is_in(each.second.entry); }) ||
           std::ranges::any_of(log_, [&](const auto& each) {
               const auto* const entry = std::get_if<cluster::Entry>(&each.second);
               if (entry != nullptr) return is_in(*entry);
               return std::get<cluster::Message>(each.second).body.contains(text);
           });
}

void MemoryStore::put(cluster::News news) {
    accept(std::move(news));
    for (auto* const each : followers_) each->raise();
}

std::size_t MemoryStore::count_messages(const std::string& kind) const {
    return static_cast<std::size_t>(std::ranges::count_if(log_, [&](const auto& each) {
        const auto* const message = std::get_if<cluster::Message>(&each.second);
        return message != nullptr && message->kind == kind;
    }));
}

void MemoryStore::repeat_messages(const std::string& kind) {
    const auto all = log_;
    for (const auto& [number, each] : all)
        if (const auto* const message = std::get_if<cluster::Message>(&each);
            message != nullptr && message->kind.starts_with(kind))
            put(each);
}

void MemoryStore::accept(cluster::News news) {
    if (const auto* const entry = std::get_if<cluster::Entry>(&news)) {
        const auto* const known = find(entry->table, entry->key);
        if (known != nullptr && known->stamp >= entry->stamp) return;
        entries_[{entry->table, entry->key}] = {*entry, loop_.after(entry->lifetime)};
    }
    log_.emplace_back(++logged_, std::move(news));
    if (log_.size() > log_max) log_.pop_front();
}

void MemoryStore::forget_what_is_over() {
    std::erase_if(entries_, [&](const auto& each) { return each.second.until <= loop_.now(); });
}

base::Error MemoryStore::Link::error(std::string_view doing) {
    return {.fault = base::Fault::backend,
            .code = std::make_error_code(std::errc::timed_out),
            .doing = std::string(doing)};
}

loop::Task<bool> MemoryStore::Link::travels(loop::Deadline deadline) {
    loop::Signal signal(loop_);
    const auto delay = travel();
    const bool is_lost = is_cut || server_.is_away || delay < loop::Time::duration(0);
    const auto arrival = is_lost ? deadline : std::min(deadline, loop_.after(delay));
    while (loop_.now() < arrival) (void)co_await signal.wait(arrival);
    co_return !is_lost && loop_.now() < deadline && !is_cut && !server_.is_away;
}

loop::Task<base::Result<cluster::Store::Opened>> MemoryStore::Link::open() {
    ++server_.calls_.opens;
    const auto deadline = loop_.after(server_.timeout);
    if (!co_await travels(deadline)) co_return std::unexpected(error("opening the store"));
    if (server_.is_full) co_return std::unexpected(error("the store is full"));
    birth_ = server_.birth();
    Opened opened{.now = server_.now(), .latest = std::to_string(server_.logged_), .birth = birth_};
    if (!co_await travels(deadline)) co_return std::unexpected(error("opening the store"));
    co_return opened;
}

loop::Task<base::Result<milliseconds>> MemoryStore::Link::now() {
    const auto deadline = loop_.after(server_.timeout);
    if (!co_await travels(deadline)) co_return std::unexpected(error("asking for the time"));
    const auto now = server_.now();
    if (!co_await travels(deadline)) co_return std::unexpected(error("asking for the time"));
    co_return now;
}

loop::Task<base::Result<>> MemoryStore::Link::write(std::vector<cluster::News> news) {
    const auto deadline = loop_.after(server_.timeout);
    if (!co_await travels(deadline)) co_return std::unexpected(error("writing"));
    if (server_.is_full) co_return std::unexpected(error("writing to a full store"));
    if (server_.birth() != birth_) co_return std::unexpected(error("writing to a wiped store"));
    ++server_.calls_.writes;
    server_.calls_.written += news.size();
    server_.calls_.written_at_once_most =
        std::max(server_.calls_.written_at_once_most, news.size());
    for (auto& each : news) server_.put(std::move(each));
    if (!co_await travels(deadline)) co_return std::unexpected(error("writing"));
    co_return base::Result<>();
}

loop::Task<base::Result<cluster::Store::Followed>> MemoryStore::Link::follow(std::string after) {
    const auto deadline = loop_.after(server_.timeout);
    const auto from = std::stoull(after);
    if (is_follow_cut) {
        loop::Signal nothing(loop_);
        (void)co_await nothing.wait(deadline);
        co_return std::unexpected(error("following"));
    }
    if (!co_await travels(deadline)) co_return std::unexpected(error("following"));
    loop::Signal signal(loop_);
    {
        const Following following(server_.followers_, signal);
        // Back in time for the answer to travel.
        const auto until = loop_.now() + (deadline - loop_.now()) / 2;
        while (server_.logged_ <= from && loop_.now() < until) (void)co_await signal.wait(until);
    }
    if (server_.birth() != birth_) co_return std::unexpected(error("following a wiped store"));
    Followed followed{.news = {}, .latest = std::to_string(server_.logged_), .has_gap = false};
    if (server_.logged_ > from) {
        const auto missed = server_.logged_ - from;
        followed.has_gap = missed > server_.log_.size();
        for (const auto& [number, each] : server_.log_)
            if (number > from) followed.news.push_back(each);
    }
    if (!co_await travels(loop_.after(server_.timeout)))
        co_return std::unexpected(error("following"));
    co_return followed;
}

loop::Task<base::Result<cluster::Store::Slice>> MemoryStore::Link::load(std::string table,
                                                                        std::string from) {
    ++server_.calls_.loads;
    const auto deadline = loop_.after(server_.timeout);
    if (!co_await travels(deadline)) co_return std::unexpected(error("reading a table"));
    server_.forget_what_is_over();
    Slice slice;
    for (auto each = server_.entries_.lower_bound({table, from}); each != server_.entries_.end();
         ++each) {
        if (each->first.first != table) break;
        if (slice.entries.size() == slice_max) {
            slice.next = each->first.second;
            break;
        }
        slice.entries.push_back(each->second.entry);
    }
    if (!co_await travels(deadline)) co_return std::unexpected(error("reading a table"));
    co_return slice;
}

loop::Task<base::Result<std::string>> MemoryStore::Link::claim(std::string office, std::string node,
                                                               milliseconds lifetime) {
    const auto deadline = loop_.after(server_.timeout);
    if (!co_await travels(deadline)) co_return std::unexpected(error("claiming"));
    auto& held = server_.offices_[office];
    if (held.holder.empty() || held.holder == node || held.until <= loop_.now())
        held = {std::move(node), loop_.after(lifetime)};
    auto holder = held.holder;
    if (!co_await travels(deadline)) co_return std::unexpected(error("claiming"));
    co_return holder;
}

}  // namespace ballast::support
