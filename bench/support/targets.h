// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/child.h"
#include "support/ftp_server.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ballast::bench {

/// A way from the clients to the server.
struct Target {
    std::string name;
    std::optional<Child> process;  ///< none: direct
    /// FTP; 0 where there is none.
    std::uint16_t ftp_port = 0;
    /// Bytes without FTP, where data connections do not come through an FTP session; or 0.
    std::uint16_t bytes_port = 0;
    /// Its FTP covers the data connections, too.
    bool carries_data = false;
};

struct TargetOptions {
    std::string ballast;  ///< path of the program
    std::string haproxy;  ///< the same; empty if there is none
    unsigned threads = 1;
    Origin origin = Origin::file;
};

/// The server and everything that may stand in front of it. Made before there are threads.
class Targets {
public:
    explicit Targets(const TargetOptions& options);

    [[nodiscard]] const std::vector<Target>& all() const { return all_; }

private:
    Socket control_ = Socket::listening();
    Socket source_ = Socket::listening();
    Child server_;
    std::vector<Target> all_;
};

}  // namespace ballast::bench
