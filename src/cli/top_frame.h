// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/screen.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What `ballast top` shows, without a terminal and without a clock.
namespace ballast::cli {

/// A transfer that runs.
struct RunningTransfer {
    std::string session;
    std::string user;
    std::string client;
    std::string backend;    ///< "POOL/BACKEND"
    std::string direction;  ///< "download", "upload"; others count as neither
    std::string file;
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> size;
    double seconds = 0;
    double bytes_per_second = 0;  ///< on average; `Rates` makes it the present one
};

/// What is above the transfers.
struct Summary {
    std::string version;
    std::string state;
    std::uint64_t sessions = 0;
    std::string problem;  ///< why the figures are old; empty: they are not
};

/// Turns averages into present rates, by what has moved from one look to the next.
class Rates {
public:
    void update(std::vector<RunningTransfer>& transfers, std::chrono::steady_clock::time_point at);

private:
    struct Seen {
        std::uint64_t bytes = 0;
        std::chrono::steady_clock::time_point at;
    };
    std::map<std::string, Seen> seen_;  // by session and file
};

enum class Order : std::uint8_t { rate, left, age, user };
[[nodiscard]] Order next_order(Order order);

/// Lines for the whole screen, without ends: never more than rows, never wider than columns.
[[nodiscard]] std::vector<std::string> top_frame(const Summary& summary,
                                                 std::vector<RunningTransfer> transfers,
                                                 Order order, bool is_paused, const Screen& screen);

/// "[####    ]", `columns` wide.
[[nodiscard]] std::string progress_bar(double part, double whole, std::size_t columns);

}  // namespace ballast::cli
