// SPDX-License-Identifier: Apache-2.0
#include "guard/ledger.h"

#include "base/log.h"
#include "base/subnet.h"
#include "ftp/telnet.h"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>

namespace ballast::guard {

namespace {

std::string key_of(const Ledger::User& user) {
    // A name contains no line end, because that would end the command. A name may be as long as a
    // command, so cut it.
    constexpr std::size_t name_bytes_max = 128;
    // Some servers remove Telnet commands from a name, so a name with them is the same user.
    const auto name = ftp::without_telnet(user.name);
    return fmt::format("{}\n{}", user.pool, std::string_view(name).substr(0, name_bytes_max));
}

/// `key` is a client, or "CLIENT\nPOOL\nNAME".
Ledger::Ban ban_at(const std::string& key, Ledger::Time until) {
    const auto client_end = key.find('\n');
    if (client_end == std::string::npos) return {key, {}, {}, until};
    const auto pool_end = key.find('\n', client_end + 1);
    return {key.substr(0, client_end), key.substr(client_end + 1, pool_end - client_end - 1),
            key.substr(pool_end + 1), until};
}

Sharing::Ban shared(Ledger::Ban ban) {
    return {std::move(ban.client), std::move(ban.pool), std::move(ban.user), ban.until};
}

Sharing::Ban lifted_ban(const std::string& key) {
    auto ban = shared(ban_at(key, {}));
    ban.until.reset();
    return ban;
}

std::string user_key_of(const auto& ban) {
    return fmt::format("{}\n{}\n{}", ban.client, ban.pool, ban.user);
}

void note_drained() {
    log::write_each(log::Level::info, "balancer drained: no session is left", {});
}

/// The bound for an attacker with very many networks. Above it failures are forgotten.
constexpr std::size_t failures_max = 200'000;

}  // namespace

base::Ip client_of(const base::Ip& address) {
    static const auto of_one_each = {base::Subnet::parse("fe80::/10").value(),
                                     base::Subnet::parse("64:ff9b::/96").value()};
    constexpr int network_bits = 64;
    const bool is_one =
        address.is_v4() || std::ranges::any_of(of_one_each, [&](const auto& network) {
            return network.contains(address);
        });
    return is_one ? address : base::Subnet::around(address, network_bits).first();
}

Ledger::Ledger(std::shared_ptr<const config::Limits> limits, std::uint32_t sessions_max, Time now)
    : rules_{std::move(limits), sessions_max},
      arrivals_(std::max(1U, rules_.limits->session_rate), now),
      logins_(std::max(1U, rules_.limits->login_rate), now) {
    configure(rules_.limits, sessions_max, now);
}

Ledger::~Ledger() = default;

void Ledger::configure(std::shared_ptr<const config::Limits> limits, std::uint32_t sessions_max,
                       Time now) {
    const std::lock_guard lock(mutex_);
    rules_ = {std::move(limits), sessions_max};
    connections_max_ = sessions_max + rules_.spare_sessions();
    transfers_max_ = rules_.limits->transfers;
    arrivals_.set_rate(std::max(1U, rules_.limits->session_rate), now);
    logins_.set_rate(std::max(1U, rules_.limits->login_rate), now);
    for (auto& [who, client] : clients_.entries) {
        client.arrivals.set_rate(std::max(1U, rules_.session_rate_per_address()), now);
        client.logins.set_rate(std::max(1U, rules_.limits->login_rate_per_address), now);
    }
}

Rules Ledger::rules() const {
    const std::lock_guard lock(mutex_);
    auto rules = rules_;
    rules.memory_max = memory_max_;
    return rules;
}

std::expected<Ledger::Held, Limit> Ledger::accept() {
    if (short_of_memory_) return std::unexpected(Limit::memory);
    if (connections_.fetch_add(1) >= connections_max_) {
        --connections_;
        return std::unexpected(Limit::sessions);
    }
    return Held([this] { --connections_; });
}

std::uint32_t& Ledger::Client::at(const std::string& listener) {
    const auto found = std::ranges::find(
        at_listeners, listener, [](const auto& each) -> const auto& { return each.first; });
    return found != at_listeners.end() ? found->second
                                       : at_listeners.emplace_back(listener, 0U).second;
}

Ledger::Client& Ledger::client(const base::Ip& who, Time now) {
    clients_.sweep([&](auto& each) {
        return each.sessions == 0 && each.arrivals.is_full(now) && each.logins.is_full(now);
    });
    const auto [entry, is_new] = clients_.entries.try_emplace(
        who, base::TokenBucket(std::max(1U, rules_.session_rate_per_address()), now),
        base::TokenBucket(std::max(1U, rules_.limits->login_rate_per_address), now));
    if (is_new && sharing_) entry->second.digest = sharing_->of_address(base::to_string(who));
    return entry->second;
}

/// The limit of its own that this client has reached, if any.
std::optional<Limit> Ledger::own_limit(Client& client, const config::Listener& listener,
                                       Time now) const {
    const auto most = rules_.sessions_per_address();
    // The default is a share of this balancer's own sessions.
    const auto elsewhere =
        sharing_ && rules_.limits->sessions_per_address ? sharing_->elsewhere(client.digest) : 0;
    if (most != 0 && client.sessions + elsewhere >= most) return Limit::sessions_of_address;
    if (!rules_.limits->sessions_per_address && listener.max_sessions != 0 &&
        client.at(listener.name) >= share_of(listener.max_sessions))
        return Limit::sessions_of_address;
    if (rules_.limits->session_rate_per_address != 0U && !client.arrivals.take(now))
        return Limit::session_rate_of_address;
    return std::nullopt;
}

/// Null if there is room. Otherwise the loan to recall, or the limit that was reached.
std::expected<Ledger::Loan*, Limit> Ledger::room(const config::Listener& listener) {
    const auto& here = listeners_[listener.name];
    const bool listener_is_full =
        listener.max_sessions != 0 && here.sessions >= listener.max_sessions;
    if (!listener_is_full && sessions_ < rules_.sessions_max) return nullptr;
    if (auto* const loan = loan_to_recall(listener_is_full ? here.loans : loans_)) return loan;
    return std::unexpected(listener_is_full ? Limit::sessions_of_listener : Limit::sessions);
}

/// The oldest loan of the address with the most loans, so that a client that hoards places makes
/// room for the others. Looks only at the oldest loans.
Ledger::Loan* Ledger::loan_to_recall(const Loans& loans) const {
    constexpr std::size_t looked_at_max = 1024;
    if (recalled_ >= rules_.spare_sessions()) return nullptr;
    Loan* chosen = nullptr;
    std::uint32_t most = 0;
    for (auto* const loan : loans | std::views::take(looked_at_max)) {
        const auto of_client = clients_.entries.at(loan->client).loans;
        if (of_client <= most) continue;
        most = of_client;
        chosen = loan;
    }
    return chosen;
}

void Ledger::leave_lists(const Loan& loan) {
    loans_.erase(loan.among_all);
    listeners_.at(loan.listener).loans.erase(loan.at_listener);
}

std::expected<Ledger::Held, Limit> Ledger::enter(const config::Listener& listener,
                                                 const base::Ip& address, Time now) {
    const auto who = client_of(address);
    std::function<void()> recall;
    {
        const std::lock_guard lock(mutex_);
        if (is_banned(failures_of_addresses_, base::to_string(who), now))
            return std::unexpected(Limit::banned_address);
        auto& of_client = client(who, now);
        if (const auto reached = own_limit(of_client, listener, now))
            return std::unexpected(*reached);
        const auto loan = room(listener);
        if (!loan) return std::unexpected(loan.error());
        if (rules_.limits->session_rate != 0 && !arrivals_.take(now))
            return std::unexpected(Limit::session_rate);
        if (*loan != nullptr) {
            recall = (*loan)->recall;
            leave_lists(**loan);
            (*loan)->is_recalled = true;
            ++recalled_;
        }
        ++sessions_;
        ++listeners_[listener.name].sessions;
        ++of_client.sessions;
        ++of_client.at(listener.name);
        if (sharing_) sharing_->count(of_client.digest, of_client.sessions);
    }
    if (recall) recall();
    return Held([this, where = listener.name, who] { leave(where, who); });
}

void Ledger::leave(const std::string& listener, const base::Ip& client) {
    bool is_last = false;
    {
        const std::lock_guard lock(mutex_);
        is_last = --sessions_ == 0;
        --listeners_.at(listener).sessions;
        auto& of_client = clients_.entries.at(client);
        --of_client.sessions;
        --of_client.at(listener);
        if (sharing_) sharing_->count(of_client.digest, of_client.sessions);
    }
    if (is_last && admits_none_) note_drained();
}

void Ledger::admit_none(bool wanted) {
    bool is_empty = false;
    {
        const std::lock_guard lock(mutex_);
        admits_none_ = wanted;
        is_empty = sessions_ == 0;
    }
    if (wanted && is_empty) note_drained();
}

Ledger::Held Ledger::lend(const config::Listener& listener, const base::Ip& address,
                          std::function<void()> recall) {
    const auto who = client_of(address);
    auto loan = std::make_unique<Loan>(listener.name, who, std::move(recall));
    // Allocate first: without memory there is no loan.
    Loans all = {loan.get()};
    Loans here = {loan.get()};
    loan->among_all = all.begin();
    loan->at_listener = here.begin();
    const std::lock_guard lock(mutex_);
    auto& at_listener = listeners_[listener.name].loans;
    ++clients_.entries.at(who).loans;
    loans_.splice(loans_.end(), all);
    at_listener.splice(at_listener.end(), here);
    return Held([this, loan = std::move(loan)] {
        const std::lock_guard lock_again(mutex_);
        --clients_.entries.at(loan->client).loans;
        if (loan->is_recalled)
            --recalled_;
        else
            leave_lists(*loan);
    });
}

std::optional<Ledger::Wait> Ledger::begin_login(const base::Ip& address, Time now) {
    const std::lock_guard lock(mutex_);
    auto& of_client = client(client_of(address), now);
    if (rules_.limits->login_rate_per_address != 0)
        if (const auto next = of_client.logins.next(now); next > now)
            return Wait{Limit::login_rate_of_address, next};
    if (rules_.limits->login_rate != 0)
        if (const auto next = logins_.next(now); next > now) return Wait{Limit::login_rate, next};
    (void)of_client.logins.take(now);
    (void)logins_.take(now);
    return std::nullopt;
}

void Ledger::login_succeeded(const base::Ip& address, std::uint32_t connections, Time now) {
    const std::lock_guard lock(mutex_);
    client(client_of(address), now).logins.give_back(connections, now);
    logins_.give_back(connections, now);
}

void Ledger::FailuresOf::forget_ban(Time until, std::string_view key) {
    const auto [first, last] = bans.equal_range(until);
    const auto found =
        std::find_if(first, last, [key](const auto& ban) { return ban.second == key; });
    if (found != last) bans.erase(found);
}

bool Ledger::FailuresOf::forget(const std::string& key, Time now) {
    const auto found = entries.find(key);
    if (found == entries.end()) return false;
    const auto until = found->second.banned_until;
    forget_ban(until, key);
    entries.erase(found);
    return until > now;
}

std::size_t Ledger::ban_count(Time now) const {
    const auto count = [now](const FailuresOf& failures) {
        const auto over = std::distance(failures.bans.begin(), failures.bans.upper_bound(now));
        return failures.bans.size() - static_cast<std::size_t>(over);
    };
    const std::lock_guard lock(mutex_);
    return count(failures_of_addresses_) + count(failures_of_users_);
}

bool Ledger::is_banned(const FailuresOf& failures, const std::string& key, Time now) {
    const auto found = failures.entries.find(key);
    return found != failures.entries.end() && found->second.banned_until > now;
}

std::optional<Limit> Ledger::ban_of(const User& user, const base::Ip& client, Time now) {
    const auto who = base::to_string(client_of(client));
    const std::lock_guard lock(mutex_);
    if (is_banned(failures_of_addresses_, who, now)) return Limit::banned_address;
    if (is_banned(failures_of_users_, who + '\n' + key_of(user), now)) return Limit::banned_user;
    return std::nullopt;
}

std::optional<Limit> Ledger::login_failed(const User& user, const base::Ip& client, Time now) {
    const auto who = base::to_string(client_of(client));
    const auto user_key = user.name.empty() ? std::string() : who + '\n' + key_of(user);
    const std::lock_guard lock(mutex_);
    const auto ban = count_failure(who, user_key, now);
    const auto& limits = *rules_.limits;
    if (sharing_ && (limits.failed_logins_per_address != 0 || limits.failed_logins_per_user != 0)) {
        const auto of = ban_at(user_key.empty() ? who : user_key, {});
        sharing_->note(Sharing::Failure{of.client, of.pool, of.user});
    }
    return ban;
}

/// `user_key` is empty if it counts for the client alone.
std::optional<Limit> Ledger::count_failure(const std::string& client, const std::string& user_key,
                                           Time now) {
    const auto& limits = *rules_.limits;
    const bool bans_address =
        fail(failures_of_addresses_, client, limits.failed_logins_per_address, now);
    const bool bans_user =
        !user_key.empty() && fail(failures_of_users_, user_key, limits.failed_logins_per_user, now);
    if (bans_address) return Limit::banned_address;
    if (bans_user) return Limit::banned_user;
    return std::nullopt;
}

bool Ledger::fail(FailuresOf& failures, const std::string& key, std::uint32_t allowed, Time now) {
    if (allowed == 0) return false;
    failures.sweep([&](const auto& each) {
        return each.banned_until <= now && now - each.first_at > rules_.limits->failed_login_window;
    });
    make_room(failures, now);
    auto& entry = failures.entries[key];
    if (entry.count == 0 || now - entry.first_at > rules_.limits->failed_login_window)
        entry = {0, now, entry.banned_until};
    if (++entry.count < allowed) return false;
    const auto until = now + rules_.limits->ban_time;
    start_ban(failures, key, until, now);
    if (sharing_) sharing_->note(shared(ban_at(key, until)));
    return true;
}

/// Drops failures that are not bans first, then older bans. Drops enough that the next failure need
/// not search again.
void Ledger::make_room(FailuresOf& failures, Time now) const {
    for (const auto kept_until : {now, now + rules_.limits->ban_time / 2, Time::max()}) {
        if (failures.entries.size() < failures_max - failures_max / 4) break;
        if (kept_until == now && failures.entries.size() < failures_max) break;
        std::erase_if(failures.entries,
                      [&](const auto& entry) { return entry.second.banned_until <= kept_until; });
        failures.bans.erase(failures.bans.begin(), failures.bans.upper_bound(kept_until));
    }
}

void Ledger::start_ban(FailuresOf& failures, const std::string& key, Time until, Time now) {
    auto& entry = failures.entries[key];
    failures.bans.erase(failures.bans.begin(), failures.bans.upper_bound(now));
    failures.forget_ban(entry.banned_until, key);
    failures.bans.emplace(until, key);
    entry = {0, {}, until};
}

std::expected<Ledger::Held, Limit> Ledger::logged_in(const User& user) {
    const std::lock_guard lock(mutex_);
    if (rules_.limits->sessions_per_user == 0) return Held();
    auto key = key_of(user);
    const auto [entry, is_new] = users_.try_emplace(key);
    auto& [sessions, digest] = entry->second;
    if (is_new && sharing_) digest = sharing_->of_user(key);
    const auto elsewhere = sharing_ ? sharing_->elsewhere(digest) : 0;
    if (sessions + elsewhere >= rules_.limits->sessions_per_user) {
        if (sessions == 0) users_.erase(entry);
        return std::unexpected(Limit::sessions_of_user);
    }
    ++sessions;
    if (sharing_) sharing_->count(digest, sessions);
    return Held([this, key = std::move(key)] { leave(key); });
}

void Ledger::leave(const std::string& user_key) {
    const std::lock_guard lock(mutex_);
    const auto found = users_.find(user_key);
    auto& [sessions, digest] = found->second;
    --sessions;
    if (sharing_) sharing_->count(digest, sessions);
    if (sessions == 0) users_.erase(found);
}

std::vector<Ledger::Ban> Ledger::bans(Time now) const {
    std::vector<Ban> all;
    const std::lock_guard lock(mutex_);
    const auto in_force = [now](const FailuresOf& failures) {
        return std::ranges::subrange(failures.bans.upper_bound(now), failures.bans.end());
    };
    for (const auto& [until, client] : in_force(failures_of_addresses_))
        all.push_back(ban_at(client, until));
    for (const auto& [until, key] : in_force(failures_of_users_)) all.push_back(ban_at(key, until));
    return all;
}

std::size_t Ledger::unban(const base::Ip& client, std::string_view user, Time now) {
    const auto who = base::to_string(client_of(client));
    const std::lock_guard lock(mutex_);
    if (!user.empty()) return forget_users_of(who, key_of({{}, user}), now, sharing_.get());
    // To others this says all of it, even what only they know.
    if (sharing_) sharing_->note(lifted_ban(who));
    return forget_all_of(who, now, sharing_.get());
}

std::size_t Ledger::forget_all_of(const std::string& client, Time now, Sharing* told) {
    const std::size_t lifted = failures_of_addresses_.forget(client, now) ? 1 : 0;
    return lifted + forget_users_of(client, {}, now, told);
}

/// Those whose keys end so: "\nNAME" in every pool. `told`, if not null, gets what is forgotten.
/// Returns how many bans there were.
std::size_t Ledger::forget_users_of(const std::string& client, std::string_view end, Time now,
                                    Sharing* told) {
    const auto begin = client + '\n';
    std::size_t lifted = 0;
    auto& entries = failures_of_users_.entries;
    auto each = entries.lower_bound(begin);
    while (each != entries.end() && each->first.starts_with(begin)) {
        const auto& [key, failures] = *each;
        if (!key.ends_with(end)) {
            ++each;
            continue;
        }
        if (failures.banned_until > now) ++lifted;
        failures_of_users_.forget_ban(failures.banned_until, key);
        if (told != nullptr) told->note(lifted_ban(key));
        each = entries.erase(each);
    }
    return lifted;
}

// The other balancers of a cluster

void Ledger::share(Sharing::Digest digest) {
    const std::lock_guard lock(mutex_);
    if (!digest) return sharing_.reset();
    sharing_ = std::make_unique<Sharing>(std::move(digest));
    for (auto& [who, client] : clients_.entries) {
        client.digest = sharing_->of_address(base::to_string(who));
        if (client.sessions > 0) sharing_->count(client.digest, client.sessions);
    }
    for (auto& [key, user] : users_) {
        user.digest = sharing_->of_user(key);
        sharing_->count(user.digest, user.sessions);
    }
}

Sharing::Changes Ledger::take_changes(std::size_t max) {
    const std::lock_guard lock(mutex_);
    return sharing_ ? sharing_->take(max) : Sharing::Changes();
}

Sharing::Slice Ledger::counts(std::uint64_t after, std::size_t max) const {
    const std::lock_guard lock(mutex_);
    return sharing_ ? sharing_->counts(after, max) : Sharing::Slice();
}

void Ledger::set_elsewhere(std::span<const Sharing::Count> counts) {
    const std::lock_guard lock(mutex_);
    if (sharing_) sharing_->set_elsewhere(counts);
}

void Ledger::forget_elsewhere() {
    const std::lock_guard lock(mutex_);
    if (sharing_) sharing_->forget_elsewhere();
}

std::optional<Limit> Ledger::failed_elsewhere(const Sharing::Failure& failure, Time now) {
    auto user_key = failure.user.empty() ? std::string() : user_key_of(failure);
    const std::lock_guard lock(mutex_);
    if (is_banned(failures_of_addresses_, failure.client, now)) return std::nullopt;
    if (is_banned(failures_of_users_, user_key, now)) user_key.clear();
    return count_failure(failure.client, user_key, now);
}

void Ledger::follow(const Sharing::Ban& ban, Time now) {
    const bool is_of_address = ban.user.empty();
    const auto key = is_of_address ? ban.client : user_key_of(ban);
    const std::lock_guard lock(mutex_);
    auto& failures = is_of_address ? failures_of_addresses_ : failures_of_users_;
    if (ban.until && *ban.until > now) {
        make_room(failures, now);
        return start_ban(failures, key, *ban.until, now);
    }
    if (is_of_address)
        (void)forget_all_of(key, now, nullptr);
    else
        (void)failures.forget(key, now);
}

Ledger::Use Ledger::use() const {
    const std::lock_guard lock(mutex_);
    Use use{.sessions = sessions_, .transfers = transfers_, .sessions_of_listeners = {}};
    for (const auto& [name, listener] : listeners_)
        use.sessions_of_listeners[name] = listener.sessions;
    return use;
}

LimitSetting Ledger::setting_of(Limit limit, const config::Listener& listener) const {
    const auto& row = row_of(limit);
    const bool is_of_listener = row.key.starts_with('.');
    return {fmt::format("{}{}", is_of_listener ? listener.where.key : "", row.key),
            row.value(rules(), listener), row.cure};
}

std::expected<Ledger::Held, Limit> Ledger::begin_transfer() {
    const auto max = transfers_max_.load();
    if (transfers_.fetch_add(1) >= max && max != 0) {
        --transfers_;
        return std::unexpected(Limit::transfers);
    }
    return Held([this] { --transfers_; });
}

std::shared_ptr<Bandwidth> Ledger::bandwidth(const std::string& name,
                                             std::size_t bytes_per_second) {
    if (bytes_per_second == 0) return nullptr;
    const std::lock_guard lock(mutex_);
    bandwidths_.sweep([](const auto& each) { return each.expired(); });
    auto& entry = bandwidths_.entries[name];
    auto shared = entry.lock();
    if (shared)
        shared->set_rate(bytes_per_second);
    else
        entry = shared = std::make_shared<Bandwidth>(bytes_per_second);
    return shared;
}

}  // namespace ballast::guard
