// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace ballast::simulation {

/// A file in which each part says whose it is and where it stands. So bytes that are in a wrong
/// place, or in a wrong session, are noticed.
[[nodiscard]] std::string content_of(std::string_view label, std::size_t bytes);

/// What the clients know of their sessions. What they cannot know, because they left before the
/// reply, is counted as `unsure`.
struct Book {
    struct Amount {
        std::uint64_t known = 0;
        std::uint64_t unsure = 0;
    };
    struct Upload {
        std::string content;
        bool is_ended = false;      ///< the client ended its data properly
        bool is_confirmed = false;  ///< it got a 2xx
    };

    Amount greeted;
    Amount logins;
    Amount transfers;  ///< that have ended, well or not
    Amount whole;
    Amount bytes_downloaded;
    Amount bytes_uploaded;
    std::map<std::string, Upload> uploads;  ///< by the file's name
};

}  // namespace ballast::simulation
