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

/// Looks names up, IPv4 and IPv6, over c-ares. Blocks for as long as `timeout`: for threads on
/// which nothing waits, never for a worker. A stop ends it within 100 ms, as timed out. An address
/// is its own answer. The addresses are sorted and without duplicates; a failure is the backend's
/// fault.
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

/// Looks up the SRV records of "_ftp._tcp.example.org", likewise. None, if the one record says that
/// there is no such service.
[[nodiscard]] base::Result<std::vector<Service>> resolve_services(const std::string& name,
                                                                  std::chrono::milliseconds timeout,
                                                                  const std::stop_token& stop = {});

}  // namespace ballast::net
