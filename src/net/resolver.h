// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace ballast::net {

/// Looks up names with c-ares, IPv4 and IPv6. Blocks for up to `timeout`, so never call it on a
/// worker. A stop request ends it within 100 ms as timed out. An address is its own answer. The
/// result is sorted and without duplicates. A failure is the backend's fault.
[[nodiscard]] base::Result<std::vector<base::Ip>> resolve(const std::string& name,
                                                          std::chrono::milliseconds timeout,
                                                          const std::stop_token& stop = {});

/// One SRV record, RFC 2782.
struct Service {
    std::string host;
    std::uint16_t port = 0;
    std::uint16_t priority = 0;  ///< the lowest first
    std::uint16_t weight = 0;    ///< relative, among those of one priority
};

/// Looks up the SRV records of "_ftp._tcp.example.org" in the same way. None if the only record
/// says that there is no such service.
[[nodiscard]] base::Result<std::vector<Service>> resolve_services(const std::string& name,
                                                                  std::chrono::milliseconds timeout,
                                                                  const std::stop_token& stop = {});

}  // namespace ballast::net
