// SPDX-License-Identifier: Apache-2.0
#include "support/transfers.h"

#include "support/ftp_client.h"
#include "support/meter.h"

#include <deque>
#include <fmt/format.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace ballast::bench {

namespace {

class Transfer {
public:
    Transfer(const Target& target, Direction direction, std::size_t bytes)
        : direction_(direction), bytes_(bytes) {
        if (target.bytes_port != 0) {
            data_ = Connection(Socket::connected(target.bytes_port));
            return;
        }
        session_.emplace(target.door).log_in();
        session_->protect_data();
        session_->send_binary();
        data_ = session_->open_data();
    }

    std::size_t run() {
        if (!session_) {
            data_.send_all(fmt::format("/{}\n", bytes_));
            if (data_.count_to_end() != bytes_) throw std::runtime_error("bytes are missing");
        } else if (direction_ == Direction::download) {
            session_->retrieve(fmt::format("/{}", bytes_), bytes_, std::move(data_));
        } else {
            session_->store("/sent", bytes_, std::move(data_));
        }
        return bytes_;
    }

private:
    Direction direction_;
    std::size_t bytes_;
    std::optional<FtpClient> session_;
    Connection data_;
};

}  // namespace

void measure_transfers(const Transfers& transfers, std::string_view baseline, const Target& target,
                       Results& results) {
    if (target.bytes_port == 0 && !target.carries_data) return;
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
        results.add(fmt::format("{}, own CPU, s/GB", what), baseline, target.name, cpu / gigabytes);
    results.add(fmt::format("{}, GB/s", what), baseline, target.name, gigabytes / seconds);
}

}  // namespace ballast::bench
