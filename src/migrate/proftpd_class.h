// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/subnet.h"
#include "migrate/proftpd_file.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate::proftpd {

constexpr std::size_t networks_max = 1'000;  ///< of all classes together, and of a <Limit>

/// A <Class> of clients.
struct Class {
    std::vector<base::Subnet> networks;
    /// Whether the networks alone say who is in it.
    bool is_list = true;
};

/// By their names.
using Classes = std::map<std::string, Class>;
[[nodiscard]] Classes classes_of(const File& file);

/// "10.0.0.", "10.0.0.0/8", "192.0.2.1" as a network. Empty: a name, or something else.
[[nodiscard]] std::optional<base::Subnet> network_of(std::string_view text);

}  // namespace ballast::migrate::proftpd
