// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace ballast::config {

/// A place in the file. Line and column count from 1; 0 means that the file does not contain it.
struct Where {
    std::string key;  ///< "pool.alfresco.backend[0].weight"
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

/// The place of each key in the file, by key path. The loader fills it, so that a check of the
/// finished structs can still point at the wrong value.
class Places {
public:
    void said(const Where& where) { places_.emplace(where.key, where); }
    /// Whether the value was refused: then the struct has the default, not the file's value.
    void refused(const std::string& key) { refused_.insert(key); }

    [[nodiscard]] bool is_said(std::string_view key) const { return places_.contains(key); }
    [[nodiscard]] bool is_refused(const std::string& key) const { return refused_.contains(key); }

    /// The place of `key`, or of the nearest table around it if the file does not have the key, or
    /// the top of the file.
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
