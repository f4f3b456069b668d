// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/wiped_string.h"
#include "config/config.h"
#include "net/tls_client.h"

#include <memory>
#include <string>

/// What the files hold that the store needs.
namespace ballast::cluster {

/// The first line. Empty without a file.
[[nodiscard]] base::Result<base::WipedString> read_store_password(const std::string& file);
/// For connections to this host.
[[nodiscard]] base::Result<std::shared_ptr<const net::TlsClient>> make_store_client(
    const config::Cluster& cluster, const std::string& host);

}  // namespace ballast::cluster
