// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace ballast::config {

/// Where in the file something was said. Line and column count from 1; 0 means not said.
struct Where {
    std::string key;  ///< "pool.alfresco.backend[0].weight"
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

/// Where in the file each key was said, by key path; filled by the loader, so that a check of the
/// finished structs can still point at the value that is wrong.
class Places {
public:
    void said(const Where& where) { places_.emplace(where.key, where); }
    /// The value was refused: the struct holds its default, which says nothing about the file.
    void refused(const std::string& key) { refused_.insert(key); }

    [[nodiscard]] bool is_said(std::string_view key) const { return places_.contains(key); }
    [[nodiscard]] bool is_refused(const std::string& key) const { return refused_.contains(key); }

    /// The place of `key`, or of the nearest table around it if the file does not say the key; the
    /// top of the file if there is none.
    [[nodiscard]] Where of(const std::string& key) const {
        for (std::string_view path = key; !path.empty();) {
            const auto found = places_.find(path);
            if (found != places_.end()) return {key, found->second.line, found->second.column};
            const auto end = path.find_last_of(".[");
            path = path.substr(0, end == std::string_view::npos ? 0 : end);
        }
        return {key, 1, 1};
    }

private:
    std::map<std::string, Where, std::less<>> places_;
    std::set<std::string> refused_;
};

}  // namespace ballast::config
