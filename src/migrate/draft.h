// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/value.h"

#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate {

struct Setting {
    std::string key;
    Value value;
    std::string why;  ///< a comment above it: where it came from; empty: none
};

/// A table of the configuration. Only what is set is written.
class Settings {
public:
    /// Replaces an earlier value of the same key.
    void set(std::string_view key, Value value, std::string why = {});
    /// Keeps an earlier number of the same key that is lower. Whether there was no other number.
    bool set_bound(std::string_view key, std::uint64_t bound, std::string why);
    void remove(std::string_view key);
    /// A line of comment above the table.
    void note(std::string line) { notes_.push_back(std::move(line)); }

    [[nodiscard]] const Setting* find(std::string_view key) const;
    [[nodiscard]] const std::vector<Setting>& all() const { return all_; }
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
    /// Neither settings nor notes.
    [[nodiscard]] bool empty() const { return all_.empty() && notes_.empty(); }

private:
    std::vector<Setting> all_;
    std::vector<std::string> notes_;
};

struct DraftRoute {
    Settings settings;
    Settings match;
};

/// Names must satisfy `config::is_name`, and be unique; `Names` makes such names.
struct DraftListener {
    std::string name;
    Settings settings;
    Settings tls;
    std::vector<DraftRoute> routes;
};

struct DraftBackend {
    std::string name;
    Settings settings;
    Settings tls;
};

struct DraftPool {
    std::string name;
    Settings settings;
    Settings stick;
    Settings queue;
    Settings observe;
    Settings probe;
    Settings tls;
    std::vector<DraftBackend> backends;
};

/// The Ballast configuration that an import makes.
struct Draft {
    std::vector<std::string> preface;  ///< comments at the top
    Settings top;
    Settings log;
    Settings transfer_log;
    Settings admin;
    Settings limits;
    std::vector<DraftListener> listeners;
    std::vector<DraftPool> pools;

    [[nodiscard]] DraftPool* find_pool(std::string_view name);
};

/// The file. Comments are wrapped, and may contain anything.
[[nodiscard]] std::string written(const Draft& draft);

}  // namespace ballast::migrate
