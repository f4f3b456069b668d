// SPDX-License-Identifier: Apache-2.0
#include "support/handshakes.h"

#include "support/ftp_client.h"
#include "support/meter.h"

#include <cstddef>
#include <fmt/format.h>

namespace ballast::bench {

void measure_handshakes(TlsVersion version, bool resumes, std::string_view baseline,
                        const Target& target, Results& results) {
    const Door& door = version == TlsVersion::v1_2 ? target.tls_1_2_door : target.door;
    if (door.tls == nullptr) return;
    const Meter meter(target);
    const std::size_t times = sum_side_by_side(clients, [&](std::size_t) {
        FtpClient client(door);
        client.log_in();
        client.protect_data();
        client.resume(resumes);
        const std::size_t files = repeat([&] { client.retrieve("/64", 64, client.open_data()); });
        client.quit();
        return files;
    });
    const auto what =
        fmt::format("Data handshakes, TLS {}, {}", version == TlsVersion::v1_2 ? "1.2" : "1.3",
                    resumes ? "resumed" : "full");
    add_rate(what, baseline, target, times, meter, results);
}

}  // namespace ballast::bench
