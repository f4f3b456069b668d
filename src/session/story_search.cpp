// SPDX-License-Identifier: Apache-2.0
#include "session/story_search.h"

#include "base/address.h"
#include "base/pattern.h"
#include "session/story.h"

namespace ballast::session {

namespace {

constexpr auto facts_of_interest = set_of(
    {Fact::accepted, Fact::routed, Fact::connected, Fact::attempt_failed, Fact::logged_in,
     Fact::login_refused, Fact::transfer, Fact::passed_through, Fact::sealed_data, Fact::ended});

/// A backend with several addresses is named "name/address".
bool is_backend(std::string_view said, std::string_view wanted) {
    return said.starts_with(wanted) && (said.size() == wanted.size() || said[wanted.size()] == '/');
}

bool is_file(std::string_view path, std::string_view pattern) {
    if (path.empty()) return false;
    return base::matches(pattern, path) || base::matches("*/" + std::string(pattern), path);
}

bool is_at(std::string_view client, const std::string& address) {
    const auto parsed = base::Address::parse(client);
    return client == address || (parsed && base::to_string(parsed->ip) == address);
}

/// Goes through a story once.
class Search {
public:
    Search(const StoryQuery& query, StorySummary& summary)
        : query_(query),
          summary_(summary),
          has_user_(query.user.empty()),
          has_backend_(query.backend.empty()),
          has_place_(query.client.empty() && query.listener.empty()) {}

    void look(const StoryEntry& entry) {
        switch (entry.fact) {
            case Fact::accepted:
                summary_.client = entry.text("client");
                summary_.listener = entry.text("listener");
                has_place_ = (query_.client.empty() || is_at(summary_.client, query_.client)) &&
                             (query_.listener.empty() || summary_.listener == query_.listener);
                return;
            case Fact::routed: name_pool(entry); return name_user(entry);
            case Fact::login_refused: return name_user(entry);
            case Fact::connected:
            case Fact::attempt_failed: return name_backend(entry);
            case Fact::logged_in: name_user(entry); [[fallthrough]];
            case Fact::passed_through: name_pool(entry); return name_backend(entry);
            case Fact::transfer: return look_at_transfer(entry);
            case Fact::sealed_data:
                ++summary_.transfers;
                summary_.bytes += entry.number("bytes_down") + entry.number("bytes_up");
                return;
            case Fact::ended:
                name_user(entry);
                name_pool(entry);
                name_backend(entry);
                summary_.end_reason = entry.text("reason");
                summary_.transfers = entry.number("transfers");
                summary_.bytes = entry.number("bytes");
                return;
            default: return;
        }
    }
    [[nodiscard]] bool is_found() const {
        return has_user_ && has_backend_ && has_place_ &&
               (!query_.asks_for_transfers() || matches_ > 0);
    }

private:
    void name_user(const StoryEntry& entry) {
        const auto user = entry.text("user");
        if (user.empty()) return;
        summary_.user = user;
        has_user_ = has_user_ || user == query_.user;
    }
    void name_backend(const StoryEntry& entry) {
        const auto backend = entry.text("backend");
        if (backend.empty()) return;
        summary_.backend = backend;
        has_backend_ = has_backend_ || is_backend(backend, query_.backend);
    }
    void name_pool(const StoryEntry& entry) {
        if (const auto pool = entry.text("pool"); !pool.empty()) summary_.pool = pool;
    }
    void look_at_transfer(const StoryEntry& entry) {
        const bool is_whole = entry.text("result") == "whole";
        ++summary_.transfers;
        summary_.bytes += entry.number("bytes");
        if (!is_whole) ++summary_.failed_transfers;
        const auto ended_at = summary_.began_at + entry.after;
        const auto began_at = ended_at - std::chrono::microseconds(entry.number("took"));
        if (!query_.asks_for_transfers() || (query_.failed_only && is_whole) ||
            (query_.from && ended_at < *query_.from) || (query_.to && began_at > *query_.to) ||
            (!query_.file.empty() && !is_file(entry.text("file"), query_.file)))
            return;
        if (++matches_ <= StorySummary::matches_max) summary_.matches += entry.bytes;
    }

    const StoryQuery& query_;
    StorySummary& summary_;
    bool has_user_;
    bool has_backend_;
    bool has_place_;
    std::size_t matches_ = 0;
};

}  // namespace

std::optional<StorySummary> search(const StoryQuery& query, std::string_view session,
                                   StoryQuery::Moment began_at,
                                   std::optional<StoryQuery::Moment> ended_at,
                                   std::string_view bytes) {
    if ((query.to && began_at > *query.to) || (query.from && ended_at && *ended_at < *query.from))
        return std::nullopt;
    StorySummary summary;
    summary.began_at = began_at;
    summary.ended_at = ended_at;
    Search search(query, summary);
    StoryReader reader(bytes);
    while (const auto entry = reader.next(facts_of_interest)) search.look(*entry);
    if (!search.is_found()) return std::nullopt;
    summary.session = session;
    return summary;
}

}  // namespace ballast::session
