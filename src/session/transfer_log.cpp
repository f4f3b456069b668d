// SPDX-License-Identifier: Apache-2.0
#include "session/transfer_log.h"

#include "base/log.h"
#include "metrics/counters.h"
#include "metrics/transfers.h"
#include "session/transfer_count.h"

#include <array>
#include <cmath>
#include <ctime>
#include <fmt/format.h>

namespace ballast::session {

namespace {

/// A name may be as long as all commands that built it. Longer names are cut.
constexpr std::size_t word_bytes_max = 8192;

/// xferlog separates fields by spaces. Like wu-ftpd, replace what would split the line by '_'.
std::string one_word(std::string_view text) {
    std::string word(text.substr(0, word_bytes_max));
    if (text.size() > word_bytes_max) word += "...";
    for (char& c : word)
        if (c == ' ' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '_';
    return word.empty() ? "-" : word;
}

double seconds_of(const TransferOutcome& outcome) {
    return std::chrono::duration<double>(outcome.time).count();
}

bool is_file(std::string_view verb) { return ftp::data_of(verb) != ftp::Data::listing; }

}  // namespace

std::string xferlog_line(const TransferRecord& record, std::chrono::system_clock::time_point now) {
    const auto seconds = std::chrono::system_clock::to_time_t(now);
    std::tm local{};
    localtime_r(&seconds, &local);
    std::array<char, 32> time{};
    std::strftime(time.data(), time.size(), "%a %b %e %H:%M:%S %Y", &local);
    const bool anonymous = record.user == "anonymous" || record.user == "ftp";
    return fmt::format(
        "{} {} {} {} {} {} _ {} {} {} ftp 0 * {}", time.data(),
        std::lround(std::ceil(seconds_of(record.outcome))), base::to_string(record.client.ip),
        record.outcome.bytes, one_word(record.file), record.binary ? 'b' : 'a',
        record.outcome.direction == ftp::Direction::upload ? 'i' : 'o', anonymous ? 'a' : 'r',
        one_word(record.user), record.outcome.result == TransferResult::whole ? 'c' : 'i');
}

std::string json_line(const TransferRecord& record, std::chrono::system_clock::time_point now) {
    const auto time = std::chrono::system_clock::to_time_t(now);
    std::tm utc{};
    gmtime_r(&time, &utc);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return log::json_object({{"time", std::string_view(text.data())},
                             {"session", record.session},
                             {"user", record.user},
                             {"backend_user", record.backend_user},
                             {"client", base::to_string(record.client)},
                             {"backend", record.backend},
                             {"verb", record.verb},
                             {"file", record.file},
                             {"direction", to_string(record.outcome.direction)},
                             {"bytes", record.outcome.bytes},
                             {"seconds", seconds_of(record.outcome)},
                             {"path", record.outcome.course.path},
                             {"result", to_string(record.outcome.result)},
                             {"reason", record.outcome.reason}});
}

void log_transfer(const TransferRecord& record) {
    if (record.outcome.result == TransferResult::not_a_transfer) return;
    const auto now = std::chrono::system_clock::now();
    if (log::has_file(json_log_name)) log::write_line(json_log_name, json_line(record, now));
    if (log::has_file(xferlog_name) && is_file(record.verb) &&
        record.outcome.result != TransferResult::refused)
        log::write_line(xferlog_name, xferlog_line(record, now));
}

void count_transfer(const TransferOutcome& outcome, const pool::Seat& seat) {
    using metrics::Counter;
    const auto counted = [&](Counter counter, metrics::Result result) {
        metrics::count(counter);
        const auto direction = counted_as(outcome.direction);
        metrics::transfers().add(direction, result, outcome.bytes, outcome.time);
        if (const auto figures = seat.figures()) figures->transfers.add(direction, result);
    };
    switch (outcome.result) {
        case TransferResult::whole:
            counted(Counter::transfers_whole, metrics::Result::whole);
            break;
        case TransferResult::failed:
            counted(Counter::transfers_failed, metrics::Result::failed);
            break;
        case TransferResult::aborted:
            counted(Counter::transfers_aborted, metrics::Result::aborted);
            break;
        case TransferResult::refused:
            counted(Counter::transfers_refused, metrics::Result::refused);
            break;
        case TransferResult::not_a_transfer: return;
    }
    const bool upload = outcome.direction == ftp::Direction::upload;
    metrics::count(upload ? Counter::bytes_uploaded : Counter::bytes_downloaded, outcome.bytes);
}

}  // namespace ballast::session
