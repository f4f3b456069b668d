// SPDX-License-Identifier: Apache-2.0
#include "cluster/store_files.h"

#include "base/file.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace ballast::cluster {

namespace {

constexpr std::size_t password_file_bytes_max = 4096;

base::WipedString first_line(const base::WipedString& text) {
    const auto end = std::min(text.find_first_of("\r\n"), text.size());
    return {std::string_view(text).substr(0, end)};
}

}  // namespace

base::Result<base::WipedString> read_store_password(const std::string& file) {
    if (file.empty()) return base::WipedString();
    auto text = base::read_file(file, password_file_bytes_max);
    if (!text) return std::unexpected(text.error());
    auto password = first_line(*text);
    if (password.empty())
        return std::unexpected(base::Error{base::Fault::internal, {}, file + " holds no password"});
    return password;
}

base::Result<std::shared_ptr<const net::TlsClient>> make_store_client(
    const config::Cluster& cluster, const std::string& host) {
    net::TlsClient::Settings settings;
    settings.ca = cluster.ca;
    settings.certificate = cluster.certificate;
    settings.key = cluster.key;
    settings.server_name = host;
    return net::TlsClient::create(settings);
}

}  // namespace ballast::cluster
