// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/http.h"
#include "admin/tokens.h"

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace ballast::admin {

/// The way by which a request comes.
enum class Way : std::uint8_t {
    socket,    ///< the Unix socket: whoever may open its file may do everything
    loopback,  ///< TCP, from this machine
    network,   ///< TCP, from anywhere
};

struct Admitted {
    std::string token;  ///< its fingerprint; empty: the request has none
    Rights rights;
};

/// Decides which requests are answered, before anybody looks at what they want. No I/O. Immutable:
/// a reload makes a new one.
class Gate {
public:
    struct Settings {
        std::vector<std::string> names;  ///< of this machine, besides "localhost"
        Tokens all;                      ///< may do everything
        Tokens read;                     ///< may only look

        friend bool operator==(const Settings&, const Settings&) = default;
    };
    Gate() = default;
    explicit Gate(Settings settings) : settings_(std::move(settings)) {}

    /// Or why the request is refused.
    [[nodiscard]] std::expected<Admitted, Answer> admit(const Request& request, Way way) const;
    [[nodiscard]] const Settings& settings() const { return settings_; }

private:
    [[nodiscard]] bool is_own(std::string_view authority) const;
    [[nodiscard]] std::expected<void, Answer> check_browser(const Request& request, Way way) const;
    [[nodiscard]] std::expected<Admitted, Answer> check_token(const Request& request,
                                                              Way way) const;

    Settings settings_;
};

}  // namespace ballast::admin
