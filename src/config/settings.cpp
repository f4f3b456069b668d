// SPDX-License-Identifier: Apache-2.0
#include "config/settings.h"

#include "config/limits.h"
#include "config/words.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <string_view>
#include <vector>

namespace ballast::config {

namespace {

using namespace std::chrono_literals;
using std::string_view;

constexpr auto config_settings = std::to_array<Setting>({
    {"workers", Number{at<&Config::workers>, 0, 256},
     "Threads that carry sessions and transfers. 0 is one for each core."},
    {"shutdown_timeout", Time{at<&Config::shutdown_timeout>, 0s, time_max},
     "How long running transfers may take to finish after SIGTERM before they are reset."},
    {"core_dumps", Flag{at<&Config::core_dumps>},
     "Whether a crash may leave an image of the memory, and other programs of the same user may "
     "look into it. What clients and servers said may be in it, passwords among it."},
});
constexpr std::array<string_view, 5> config_tables = {"log", "transfer_log", "limits", "listener",
                                                      "pool"};

constexpr auto log_settings = std::to_array<Setting>({
    {"level", word<&Log::level, log_levels>, "The least urgent lines that are written."},
    {"format", word<&Log::format, log_formats>,
     "`automatic` is readable text on a terminal and one JSON object per line otherwise."},
    {"file", Text{at<&Log::file>, 0, path_bytes_max},
     "Empty is standard error. It may be a FIFO. When nobody reads it, or a disk does not keep up, "
     "the oldest lines are lost and counted (`log_lines_lost`)."},
    {"repeats_per_second", Number{at<&Log::repeats_per_second>, 0, 1'000'000},
     "Lines with the same message within a second; what anybody can cause without an account, such "
     "as refused connections, has one line a second for each reason. More are left out, and the "
     "next line has `left_out`, how many there were. 0 writes all of them. `debug` has no limit."},
});

constexpr auto transfer_log_settings = std::to_array<Setting>({
    {"xferlog", Text{at<&TransferLog::xferlog>, 0, path_bytes_max},
     "File with one line per transfer in wu-ftpd's xferlog format. Empty is none."},
    {"json", Text{at<&TransferLog::json>, 0, path_bytes_max},
     "File with one JSON object per transfer: who, file, bytes, seconds, direction, backend, "
     "result and reason. Empty is none."},
});

constexpr std::uint32_t rate_max = 1'000'000;

constexpr auto limits_settings = std::to_array<Setting>({
    {"sessions", Number{at<&Limits::sessions>, 0, 1'000'000},
     "Sessions at once, of all listeners. Each takes two descriptors (three with `backend_data = "
     "\"as-client\"`), and a transfer up to four "
     "more: 0 is as many as leave some of the process's descriptors to transfers."},
    {"sessions_per_address",
     OptionalNumber{at<&Limits::sessions_per_address>, 0, 1'000'000, "a quarter"},
     "Sessions at once of one client address; of IPv6 addresses the first 64 bits count. 0 is no "
     "limit. Unsaid it is a quarter of all sessions that there can be, at least 8 and at most "
     "1000; at a listener with `max_sessions` also a quarter of those, at least 8."},
    {"sessions_per_user", Number{at<&Limits::sessions_per_user>, 0, 1'000'000},
     "Sessions at once of one user in one pool: one more is answered 530. 0 is no limit."},
    {"session_rate", Number{at<&Limits::session_rate>, 0, rate_max},
     "New sessions a second, of all listeners. 0 is no limit."},
    {"session_rate_per_address",
     OptionalNumber{at<&Limits::session_rate_per_address>, 0, rate_max, "200"},
     "New sessions a second of one client address, counted like `sessions_per_address`. 0 is no "
     "limit. Unsaid it is 200, or a quarter of `session_rate`, at least 8, if that is less."},
    {"login_rate", Number{at<&Limits::login_rate>, 0, rate_max},
     "Connections a second that all log-ins together begin to backends. More of them wait for "
     "their turn. The first log-in of a session costs nothing once it has succeeded. 0 is no "
     "limit."},
    {"login_rate_per_address", Number{at<&Limits::login_rate_per_address>, 0, rate_max},
     "The same, of one client address, counted like `sessions_per_address`. 0 is no limit."},
    {"transfers", Number{at<&Limits::transfers>, 0, 1'000'000},
     "Running transfers at once: one more is answered 425. 0 is no limit."},
    {"failed_logins_per_address", Number{at<&Limits::failed_logins_per_address>, 0, rate_max},
     "Failed log-ins from one client address within `failed_login_window`, whatever their users, "
     "after which it is banned: its new sessions are answered 421. 0 is no ban."},
    {"failed_logins_per_user", Number{at<&Limits::failed_logins_per_user>, 0, rate_max},
     "Failed log-ins as one user from one client address within `failed_login_window`, after which "
     "this user is answered 530 there, and no backend hears of it. 0 is no ban."},
    {"failed_login_window", Time{at<&Limits::failed_login_window>, 1ms, time_max},
     "How long a failed log-in counts."},
    {"ban_time", Time{at<&Limits::ban_time>, 1ms, 168h}, "How long a ban lasts."},
    {"memory", Size{at<&Limits::memory>, 0, 1024 * 1024 * mib},
     "Memory of the process beyond which no session begins; those that are there go on. `0B` is "
     "nine tenths of what the machine, or the process's control group, has."},
    {"user_bandwidth", Size{at<&Limits::user_bandwidth>, 0, 1024 * 1024 * mib},
     "Bytes a second that all transfers of one user of one pool move together. `0B` is no limit."},
    {"passive_accept_rate", Number{at<&Limits::passive_accept_rate>, 1, rate_max},
     "Connections a second that are taken from one passive port. More of them wait."},
    {"passive_stray_rate", Number{at<&Limits::passive_stray_rate>, 1, rate_max},
     "Connections a second to one passive port that nobody waits for; beyond that the port is "
     "given to no client for a while, as long as others are free."},
});

constexpr auto top_sections = std::to_array<Section>({
    {defaults<Config>, "", "Top of the file", "These stand before the first table.",
     config_settings, config_tables},
    {defaults<Log>, "log", "[log]", "What Ballast says about itself. Passwords are never written.",
     log_settings},
    {defaults<TransferLog>, "transfer_log", "[transfer_log]",
     "What was transferred. Both may be written at once.", transfer_log_settings},
    {defaults<Limits>, "limits", "[limits]",
     "What the whole process carries at most. Each limit that was reached is counted.",
     limits_settings},
});

}  // namespace

std::span<const Section> all_sections() {
    static const auto all = [] {
        std::vector<Section> sections;
        for (const auto part :
             {std::span<const Section>(top_sections), listener_sections(), pool_sections()})
            sections.insert(sections.end(), part.begin(), part.end());
        return sections;
    }();
    return all;
}

const Section& section_of(ConstRecord values) {
    const auto found = std::ranges::find_if(
        all_sections(), [&](const auto& section) { return section.defaults().is_like(values); });
    assert(found != all_sections().end());
    return *found;
}

}  // namespace ballast::config
