// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/scratch.h"
#include "support/target.h"
#include "support/tls.h"

#include <cstdint>

namespace ballast::bench {

/// HAProxy as its package is, with buffers of 64 KiB, and at its best: it always splices, through
/// pipes of 1 MiB.
enum class HaproxyForm : std::uint8_t { as_installed, large_buffers, best };

/// These two cannot read FTP. So they relay the control port `back` of the server and all of its
/// data ports, each under its own number, on `host`. That is how operators have to configure them.
[[nodiscard]] Child start_haproxy(const TargetOptions& options, HaproxyForm form,
                                  std::uint16_t back, Host host, Host server = {});
[[nodiscard]] Child start_nginx(const TargetOptions& options, const Scratch& scratch,
                                std::uint16_t back, Host host, Host server = {});

/// ProFTPD's proxy of FTP, one process for each session, on 127.0.0.1. With a certificate it speaks
/// TLS to the clients, and plain FTP to the server.
[[nodiscard]] Child start_mod_proxy(const TargetOptions& options, const Scratch& scratch,
                                    const Certificate* certificate, std::uint16_t back,
                                    std::uint16_t front);

/// More sessions of mod_proxy would take minutes to log in.
inline constexpr std::size_t mod_proxy_sessions_max = 50;

}  // namespace ballast::bench
