// SPDX-License-Identifier: Apache-2.0
#include "cli/top_frame.h"

#include "cli/amounts.h"
#include "cli/table.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <tuple>
#include <utility>

namespace ballast::cli {

namespace {

using std::string_view;

constexpr std::size_t bar_columns = 20;
constexpr std::size_t bar_columns_narrow = 10;
constexpr std::size_t narrow = 110;

/// Seconds until the end; the largest number if nobody knows.
double left_of(const RunningTransfer& transfer) {
    constexpr double unknown = 1e18;
    if (!transfer.size || transfer.bytes_per_second <= 0) return unknown;
    const auto rest = *transfer.size - std::min(*transfer.size, transfer.bytes);
    return static_cast<double>(rest) / transfer.bytes_per_second;
}

string_view name_of(Order order) {
    switch (order) {
        case Order::rate: return "rate";
        case Order::left: return "time left";
        case Order::age: return "age";
        case Order::user: return "user";
    }
    return "";
}

void sort(std::vector<RunningTransfer>& transfers, Order order) {
    const auto is_before = [order](const RunningTransfer& a, const RunningTransfer& b) {
        // What is equal has a settled order, so that lines do not jump.
        switch (order) {
            case Order::rate:
                return std::tie(b.bytes_per_second, a.session) <
                       std::tie(a.bytes_per_second, b.session);
            case Order::left:
                return std::pair(left_of(a), a.session) < std::pair(left_of(b), b.session);
            case Order::age: return std::tie(b.seconds, a.session) < std::tie(a.seconds, b.session);
            case Order::user: return std::tie(a.user, a.session) < std::tie(b.user, b.session);
        }
        return false;
    };
    std::ranges::sort(transfers, is_before);
}

std::string heading(const Summary& summary, const std::vector<RunningTransfer>& transfers) {
    double down = 0;
    double up = 0;
    for (const auto& each : transfers) {
        if (each.direction == "download") down += each.bytes_per_second;
        if (each.direction == "upload") up += each.bytes_per_second;
    }
    return fmt::format("ballast {}  {}  sessions {}  transfers {}  down {}  up {}", summary.version,
                       summary.state, summary.sessions, transfers.size(), rate_text(down),
                       rate_text(up));
}

Table table_of(const std::vector<RunningTransfer>& transfers, const Screen& screen) {
    constexpr std::size_t name_width_min = 8;
    const auto bar = screen.columns < narrow ? bar_columns_narrow : bar_columns;
    Table table({{.heading = "USER", .width_min = name_width_min},
                 {.heading = ""},
                 {.heading = "RATE", .is_number = true},
                 {.heading = "PROGRESS"},
                 {.heading = "DONE", .is_number = true},
                 {.heading = "BYTES", .is_number = true},
                 {.heading = "LEFT", .is_number = true},
                 {.heading = "FILE", .width_min = name_width_min, .cut = Side::front},
                 {.heading = "BACKEND", .width_min = name_width_min},
                 {.heading = "CLIENT", .width_min = name_width_min},
                 {.heading = "SESSION"}});
    for (const auto& each : transfers) {
        const auto done = static_cast<double>(each.bytes);
        const auto whole = static_cast<double>(each.size.value_or(0));
        const bool knows_end = each.size && each.bytes_per_second > 0;
        const auto left = std::chrono::seconds(
            knows_end ? static_cast<std::int64_t>(std::min(left_of(each), 1e9)) : 0);
        const auto* const arrow = each.direction == "download" ? "v"
                                  : each.direction == "upload" ? "^"
                                                               : " ";
        table.add({{each.user},
                   {arrow},
                   {rate_text(each.bytes_per_second),
                    each.bytes_per_second > 0 ? Tint::none : Tint::warning},
                   {each.size ? progress_bar(done, whole, bar) : "", Tint::good},
                   {each.size ? percent_text(done, whole) : ""},
                   {bytes_text(each.bytes)},
                   {knows_end ? span_text(left) : ""},
                   {each.file},
                   {each.backend},
                   {each.client},
                   {each.session, Tint::faint}});
    }
    return table;
}

}  // namespace

void Rates::update(std::vector<RunningTransfer>& transfers,
                   std::chrono::steady_clock::time_point at) {
    std::map<std::string, Seen> now;
    for (auto& each : transfers) {
        const auto key = each.session + '\n' + each.file;
        const auto before = seen_.find(key);
        if (before != seen_.end() && each.bytes >= before->second.bytes && at > before->second.at) {
            const std::chrono::duration<double> passed = at - before->second.at;
            each.bytes_per_second =
                static_cast<double>(each.bytes - before->second.bytes) / passed.count();
        }
        now[key] = {each.bytes, at};
    }
    seen_ = std::move(now);
}

Order next_order(Order order) {
    constexpr unsigned orders = 4;
    return static_cast<Order>((static_cast<unsigned>(order) + 1) % orders);
}

std::string progress_bar(double part, double whole, std::size_t columns) {
    const auto room = std::max<std::size_t>(columns, 3) - 2;
    const auto share = whole > 0 ? std::clamp(part / whole, 0.0, 1.0) : 0;
    const auto full = static_cast<std::size_t>(share * static_cast<double>(room));
    return '[' + std::string(full, '#') + std::string(room - full, ' ') + ']';
}

std::vector<std::string> top_frame(const Summary& summary, std::vector<RunningTransfer> transfers,
                                   Order order, bool is_paused, const Screen& screen) {
    // What does not fit is counted in the last line.
    constexpr std::size_t other_lines = 4;
    sort(transfers, order);
    std::vector<std::string> lines;
    const auto add = [&](string_view text, Tint tint) {
        lines.push_back(screen.tinted(shortened(printable(text), screen.columns), tint));
    };
    add(heading(summary, transfers), Tint::heading);
    add(summary.problem, Tint::bad);
    const auto room = screen.rows - std::min(screen.rows, other_lines);
    const auto hidden = transfers.size() - std::min(transfers.size(), room);
    transfers.resize(transfers.size() - hidden);
    const auto text = table_of(transfers, screen).text(screen);
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    lines.resize(std::max<std::size_t>(screen.rows, 1) - 1);
    add(fmt::format("q quit  s sorted by {}  space {}{}", name_of(order),
                    is_paused ? "go on" : "pause",
                    hidden > 0 ? fmt::format("  ({} more)", hidden) : ""),
        Tint::faint);
    return lines;
}

}  // namespace ballast::cli
