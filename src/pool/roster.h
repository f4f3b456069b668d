// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "pool/administration.h"
#include "pool/backend.h"
#include "pool/elsewhere.h"
#include "pool/member.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ballast::pool {

/// The backends of a pool: those of the configuration, then those of the watched file, and a
/// member for each address that their names lead to. Not thread-safe; belongs to a pool and its
/// lock. Pointers to members hold until the next change of names or files.
class Roster {
public:
    explicit Roster(std::shared_ptr<const config::Pool> settings);
    /// Replaces the settings and the configured backends. One that keeps its name and address stays
    /// as it is. Those of the watched file stay if there is still a file.
    void configure(std::shared_ptr<const config::Pool> settings);

    /// Of a backend with this configured name at this address, known or not.
    [[nodiscard]] static BackendId id_of(std::string_view name, const base::Address& address);
    [[nodiscard]] const std::vector<BackendSettings>& backends() const { return backends_; }
    /// Replaces those of the watched file. One that keeps its name and address stays as it is.
    void set_file_backends(const std::vector<BackendSettings>& backends);
    /// Where the name of one of `backends()` leads now; nothing happens if it is none of them.
    /// Members at addresses that are gone stay until their sessions have ended.
    void set_targets(const BackendSettings& backend, std::span<const Target> targets);

    /// In the order of `backends()`. Some may be gone.
    [[nodiscard]] std::span<Member> members() { return members_; }
    [[nodiscard]] std::span<const Member> members() const { return members_; }
    /// Null: nobody knows it any more.
    [[nodiscard]] Member* find(BackendId id);
    [[nodiscard]] const Member* find(BackendId id) const;
    void forget_empty();
    /// Whether one of `backends()` has this name, or a member or a decision is left of it.
    [[nodiscard]] bool knows(std::string_view name) const;
    [[nodiscard]] Administration& administration() { return administration_; }
    [[nodiscard]] const Administration& administration() const { return administration_; }
    /// Sets what holds for this name instead of the configuration.
    void tune(const std::string& name, const Tuning& tuning);
    /// What other balancers have, instead of what they had.
    void set_elsewhere(std::span<const Elsewhere> loads);
    /// The configured names of those that have sessions elsewhere.
    [[nodiscard]] std::set<std::string> used_elsewhere() const;
    /// Sessions at all addresses of the backend with this configured name.
    [[nodiscard]] std::uint32_t sessions(std::string_view name) const;
    /// Whether nobody has sessions there, here or elsewhere.
    [[nodiscard]] bool is_empty(std::string_view name) const;
    /// Whether enough others would be left, in percent of those that there are.
    [[nodiscard]] bool can_spare(const Member& member, std::uint32_t percent, loop::Time now) const;

private:
    /// Puts these in the place of `backends_[first]` to `backends_[last - 1]`.
    void replace(std::size_t first, std::size_t last, const std::vector<BackendSettings>& backends);
    void set_literal(const BackendSettings& backend);
    void sort();
    void count_elsewhere(Member& member) const;

    std::shared_ptr<const config::Pool> settings_;
    Administration administration_;
    std::vector<BackendSettings> backends_;
    std::size_t configured_ = 0;  ///< how many of them are not of the watched file
    std::vector<Member> members_;
    /// By id. Some are of backends that are not known here.
    std::unordered_map<BackendId, Elsewhere> elsewhere_;
};

}  // namespace ballast::pool
