// SPDX-License-Identifier: Apache-2.0
#include "support/transfers.h"

#include "support/ftp_client.h"
#include "support/meter.h"

#include <deque>
#include <fmt/format.h>
#include <string>
#include <utility>

namespace ballast::bench {

namespace {

class Transfer {
public:
    Transfer(const Target& target, Direction direction, std::size_t bytes)
        : direction_(direction), bytes_(bytes), session_(target.door) {
        session_.log_in();
        session_.protect_data();
        session_.send_binary();
        data_ = session_.open_data();
    }

    std::size_t run() {
        if (direction_ == Direction::download) {
            session_.retrieve(fmt::format("/{}", bytes_), bytes_, std::move(data_));
        } else {
            session_.store("/sent", bytes_, std::move(data_));
        }
        return bytes_;
    }

private:
    Direction direction_;
    std::size_t bytes_;
    FtpClient session_;
    Connection data_;
};

}  // namespace

void measure_transfers(const Transfers& transfers, std::string_view baseline, const Target& target,
                       Results& results) {
    const std::size_t streams = transfers.streams;
    std::deque<Transfer> all;
    for (std::size_t i = 0; i < streams; ++i)
        all.emplace_back(target, transfers.direction, transfers.bytes / streams);
    const Meter meter(target);
    const std::size_t moved =
        sum_side_by_side(streams, [&](std::size_t i) { return all[i].run(); });
    const double cpu = meter.cpu_seconds();
    const double seconds = meter.seconds();
    const double gigabytes = static_cast<double>(moved) / 1e9;
    const auto what = fmt::format(
        "{} {}{}", streams, transfers.direction == Direction::download ? "download" : "upload",
        streams == 1 ? "" : "s");
    if (meter.has_cpu())
        results.add(fmt::format("{}, own CPU, s/GB", what), bare_relay, target.name,
                    cpu / gigabytes);
    results.add(fmt::format("{}, GB/s", what), baseline, target.name, gigabytes / seconds,
                Better::more);
}

std::vector<Measure> transfer_measures(const Options& options, std::string_view baseline,
                                       Results& results) {
    std::vector<Measure> all;
    const auto bytes = static_cast<std::size_t>(options.gigabytes * 1e9);
    for (const auto direction : {Direction::download, Direction::upload})
        for (const std::size_t streams : options.widths()) {
            const Transfers transfers{.direction = direction, .streams = streams, .bytes = bytes};
            all.push_back({direction == Direction::download ? "downloads" : "uploads",
                           [transfers, baseline, &results](const Target& it) {
                               measure_transfers(transfers, baseline, it, results);
                           }});
        }
    return all;
}

}  // namespace ballast::bench
