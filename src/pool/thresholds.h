// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ballast::pool {

/// What is known about a backend's health. Until the first answer it is `unknown` and usable, so a
/// restarted balancer serves at once.
enum class Health : std::uint8_t { unknown, up, down };
/// "unknown", "up", "down".
[[nodiscard]] std::string_view to_string(Health health);
/// Empty if it is not one of these names.
[[nodiscard]] std::optional<Health> health_from(std::string_view name);

/// Turns single answers into a state: `rise` successes in a row bring a backend up, `fall` failures
/// in a row bring it down. The very first answer decides alone.
class Thresholds {
public:
    Thresholds(std::uint32_t rise, std::uint32_t fall) : rise_(rise), fall_(fall) {}

    /// The state stays, and so does what contradicts it.
    void configure(std::uint32_t rise, std::uint32_t fall) {
        rise_ = rise;
        fall_ = fall;
    }
    [[nodiscard]] Health health() const { return health_; }
    /// The latest answers contradict the present state.
    [[nodiscard]] bool is_in_transition() const { return in_a_row_ > 0; }
    /// True if the state changed.
    bool succeeded();
    bool failed();

private:
    std::uint32_t rise_;
    std::uint32_t fall_;
    std::uint32_t in_a_row_ = 0;  ///< answers against the present state
    Health health_ = Health::unknown;
};

}  // namespace ballast::pool
