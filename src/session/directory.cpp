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

}  // namespace ballast::session
