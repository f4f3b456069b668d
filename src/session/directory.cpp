// SPDX-License-Identifier: Apache-2.0
#include "session/directory.h"

#include <utility>

namespace ballast::session {

Session& Directory::add(std::unique_ptr<Session> session, guard::Ledger::Held carried) {
    auto id = session->id();
    const auto added =
        entries_.try_emplace(std::move(id), Entry{std::move(carried), std::move(session)}).first;
    return *added->second.session;
}

void Directory::erase(std::string_view id) {
    const auto found = entries_.find(id);
    if (found != entries_.end()) entries_.erase(found);
}

Session* Directory::find(std::string_view id) const {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : found->second.session.get();
}

void Directory::stop() {
    for (const auto& [id, entry] : entries_) entry.session->stop();
}

std::vector<View> Directory::slice(std::string_view after, std::size_t max) const {
    std::vector<View> views;
    for (auto entry = entries_.upper_bound(after); entry != entries_.end() && views.size() < max;
         ++entry)
        views.push_back(entry->second.session->view());
    return views;
}

std::optional<Directory::Running> Directory::story(std::string_view id) const {
    const auto* const session = find(id);
    if (session == nullptr) return std::nullopt;
    auto bytes = session->story();
    if (bytes.empty()) return std::nullopt;
    return Running{session->began_at(), std::move(bytes)};
}

Directory::Found Directory::search(const StoryQuery& query, std::string_view after,
                                   std::size_t max) const {
    Found found;
    std::size_t looked_at = 0;
    for (auto entry = entries_.upper_bound(after); entry != entries_.end(); ++entry) {
        if (looked_at++ == max) return found;
        const auto& session = *entry->second.session;
        found.next = entry->first;
        const auto bytes = session.story();
        if (bytes.empty()) continue;
        if (auto summary =
                session::search(query, entry->first, session.began_at(), std::nullopt, bytes))
            found.stories.push_back(std::move(*summary));
    }
    found.next.clear();
    return found;
}

}  // namespace ballast::session
