// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/scratch.h"
#include "support/server.h"
#include "support/target.h"
#include "support/tls.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace ballast::bench {

/// The figures of the other targets are divided by this one's.
inline constexpr std::string_view direct_tls = "direct, TLS";

/// The server and, in front of it, Ballast with TLS on none, one and both of its sides; Ballast,
/// HAProxy and nginx that pass everything on unread; and mod_proxy with TLS towards the clients.
/// Make it before there are threads.
class FtpsTargets {
public:
    explicit FtpsTargets(const TargetOptions& options);

    [[nodiscard]] const std::vector<Target>& all() const { return all_; }

private:
    [[nodiscard]] Target direct(bool has_tls) const;
    /// The three ways to carry TLS.
    void add_ballast(std::string_view name, const TargetOptions& options);
    /// Plain on both sides.
    [[nodiscard]] Target through_plain_ballast(const TargetOptions& options) const;
    /// With TLS towards the clients.
    [[nodiscard]] Target through_ballast(std::string_view name, const TargetOptions& options,
                                         bool has_tls_behind) const;
    [[nodiscard]] Target through_ballast_unread(std::string_view name,
                                                const TargetOptions& options) const;
    /// `process` passes everything on unread.
    [[nodiscard]] Target unread_by(std::string_view name, Child process, Host host) const;
    [[nodiscard]] Target through_haproxy(const TargetOptions& options) const;
    [[nodiscard]] Target through_nginx(const TargetOptions& options) const;
    [[nodiscard]] Target through_mod_proxy(const TargetOptions& options) const;
    /// Under TLS of this version.
    [[nodiscard]] Door door(std::uint16_t port, TlsVersion version) const;

    Server server_;
    Scratch scratch_;
    TlsContext tls_1_2_ = client_context(TlsVersion::v1_2);
    TlsContext tls_1_3_ = client_context(TlsVersion::v1_3);
    std::vector<Target> all_;
};

}  // namespace ballast::bench
